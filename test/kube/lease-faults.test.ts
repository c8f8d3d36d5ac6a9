/**
 * Leader election under random faults, seed by seed, in memory under a virtual clock: never two leaders at a time, and always one
 * soon after the faults end. `ISTHMUS_SEEDS` says how many seeds.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryWire, type WireFault } from '#bench/soak/reflector/memory-wire.ts';
import { startServer } from '#bench/soak/reflector/simulate.ts';
import { silentLogger } from '#core/log.ts';
import { identityNetwork } from '#core/network.ts';
import { below, seededRandom } from '#core/random.ts';
import { VirtualClock } from '#core/virtual-clock.ts';
import { fixedHeaders } from '#kube/credentials.ts';
import { HttpKubeClient } from '#kube/http-client.ts';
import { leadWhileElected } from '#kube/lease.ts';

const seeds = Number(process.env.ISTHMUS_SEEDS ?? 20);
const FAULTS = 40;
const CANDIDATES = 3;
const KINDS: readonly (WireFault | 'cut' | 'crash')[] = [
  'refused',
  'dead',
  'garbage',
  'cut',
  'crash',
];

interface Candidate {
  readonly wire: MemoryWire;
  leading: boolean;
  stop: AbortController;
  done: Promise<void>;
}

/** Plays one seed; the most leaders there were at once, the terms there were, and whether one leads at the end. */
async function elect(seed: number): Promise<{ most: number; terms: number; last: number }> {
  const random = seededRandom(seed);
  const clock = new VirtualClock();
  const server = startServer(clock, random);
  let most = 0;
  let terms = 0;
  const leaders = () => candidates.filter((each) => each.leading).length;
  const begin = (wire: MemoryWire, name: string): Candidate => {
    const client = new HttpKubeClient({
      server: new URL('http://server'),
      tls: {},
      headers: fixedHeaders({ authorization: `Bearer ${server.adminToken}` }),
      network: identityNetwork,
      clock,
      random,
      log: silentLogger,
      dispatcher: wire,
      requestDeadlineMs: 5_000,
    });
    const candidate: Candidate = {
      wire,
      leading: false,
      stop: new AbortController(),
      done: Promise.resolve(),
    };
    candidate.done = leadWhileElected(
      { client, namespace: 'default', name: 'leader', holder: name, clock, log: silentLogger },
      candidate.stop.signal,
      async (leading) => {
        candidate.leading = true;
        terms += 1;
        most = Math.max(most, leaders());
        await new Promise((resolve) => leading.addEventListener('abort', resolve, { once: true }));
        candidate.leading = false;
      },
    );
    return candidate;
  };
  const candidates = Array.from({ length: CANDIDATES }, (_, index) =>
    begin(new MemoryWire(server.context), `one-${index}`),
  );
  for (let count = 0; count < FAULTS; count += 1) {
    const index = below(random, CANDIDATES);
    const candidate = candidates[index];
    const kind = KINDS[below(random, KINDS.length)];
    if (candidate === undefined || kind === undefined) continue;
    if (kind === 'cut') candidate.wire.cut('reset');
    else if (kind === 'crash') {
      // What crashed gives nothing back: its wire is dead before it hears of its end.
      candidate.wire.fault = 'dead';
      candidate.leading = false;
      candidate.stop.abort();
      candidates[index] = begin(new MemoryWire(server.context), `one-${index}-${count}`);
    } else {
      candidate.wire.fault = kind;
      clock.after(random.next() * 20_000, () => {
        candidate.wire.fault = undefined;
      });
    }
    await clock.pass(random.next() * 12_000);
  }
  for (const { wire } of candidates) wire.fault = undefined;
  await clock.pass(30_000);
  const last = leaders();
  for (const each of candidates) each.stop.abort();
  await clock.pass(30_000);
  await Promise.all(candidates.map((each) => each.done));
  server.context.watches.close();
  return { most, terms, last };
}

test(`${FAULTS} random faults never make two leaders, and leave one, for ${seeds} seeds`, async () => {
  let terms = 0;
  for (let seed = 1; seed <= seeds; seed += 1) {
    const outcome = await elect(seed);
    assert.deepEqual([outcome.most, outcome.last], [1, 1], `seed ${seed}`);
    terms += outcome.terms;
  }
  assert.ok(terms > seeds * 3, `leadership changed hands: ${terms} terms`);
});
