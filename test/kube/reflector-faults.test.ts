/**
 * The reflector and the API server under random faults, seed by seed. `ISTHMUS_SEEDS` and `ISTHMUS_FAULTS` say how many;
 * `npm run soak -- reflector --seeds 1000` plays a thousand faults in each of a thousand seeds.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { replay, soakReflector } from '#bench/soak/reflector/run.ts';

const seeds = Number(process.env.ISTHMUS_SEEDS ?? 50);
const faults = Number(process.env.ISTHMUS_FAULTS ?? 60);

test(`${faults} random faults under a changing store end with an equal cache, for ${seeds} seeds`, async () => {
  const { failed, lists } = await soakReflector({
    firstSeed: 1,
    seeds,
    faults,
    progress: () => undefined,
  });
  assert.deepEqual(failed.map(replay), []);
  assert.ok(lists > seeds, 'some faults made the reflector list again');
});
