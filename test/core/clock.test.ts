/** The machine's clock waits for as long as it is told to, as far as it can count. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pause, sleep, systemClock, TIMER_MS_MAX } from '#core/clock.ts';

test('what is longer than the timers of the machine can count is no short wait', async () => {
  const rung: number[] = [];
  const waits = [TIMER_MS_MAX + 1, 3_600_000_000, Number.POSITIVE_INFINITY];
  const timers = waits.map((waitMs) => systemClock.after(waitMs, () => rung.push(waitMs)));
  await sleep(systemClock, 20);
  for (const timer of timers) timer.cancel();
  assert.deepEqual(rung, []);
});

test('a pause says whether it lasted, and ends with its signal', async () => {
  const ended = new AbortController();
  assert.equal(await pause(systemClock, 1, ended.signal), true);
  const waiting = pause(systemClock, 60_000, ended.signal);
  ended.abort();
  assert.equal(await waiting, false);
  assert.equal(await pause(systemClock, 1, ended.signal), false);
});
