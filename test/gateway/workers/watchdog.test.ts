/** Who is taken to stand still, and who is not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#core/virtual-clock.ts';
import { Watchdog } from '#gateway/worker/watchdog.ts';

const STILL_MS = 10_000;
const FIRST_WORD_MS = 30_000;

/** A watchdog, workers that are stopped, and what it said. */
function watching() {
  const clock = new VirtualClock();
  const stopped = new Set<string>();
  const still: [string, number][] = [];
  const watchdog = new Watchdog<string>({
    clock,
    isStopped: (worker) => stopped.has(worker),
    standsStill: (worker, silentMs) => still.push([worker, silentMs]),
  });
  const speaks = (worker: string, isDebugged?: boolean) => {
    watchdog.begun(worker);
    watchdog.heard(worker, isDebugged);
  };
  const pass = (ms: number) => clock.runUntil(clock.monotonicMs() + ms);
  return { clock, stopped, still, watchdog, speaks, pass };
}

test('who says nothing for ten seconds stands still, which is said once', () => {
  const { watchdog, still, speaks, pass } = watching();
  speaks('a');
  speaks('b');
  for (let second = 0; second < 30; second += 1) {
    pass(1_000);
    watchdog.heard('b');
    assert.deepEqual(still, second < 9 ? [] : [['a', STILL_MS]]);
  }
});

test('who never says a word has half a minute for it', () => {
  const { watchdog, still, speaks, pass } = watching();
  watchdog.begun('a');
  watchdog.begun('b');
  pass(FIRST_WORD_MS - 1_000);
  watchdog.heard('b');
  assert.deepEqual(still, []);
  pass(1_000);
  assert.deepEqual(still, [['a', FIRST_WORD_MS]]);
  speaks('b');
  pass(STILL_MS);
  assert.deepEqual(still[1], ['b', STILL_MS]);
});

test('who waits for a debugger before its first word is left alone', () => {
  const { watchdog, still, pass } = watching();
  watchdog.begun('a', true);
  pass(10 * FIRST_WORD_MS);
  watchdog.heard('a', false);
  assert.deepEqual(still, []);
  pass(STILL_MS);
  assert.deepEqual(still, [['a', STILL_MS]]);
});

test('nobody is judged after its end, whatever was read of it since', () => {
  const { watchdog, still, speaks, pass } = watching();
  speaks('a');
  watchdog.end('a');
  watchdog.heard('a');
  pass(2 * FIRST_WORD_MS);
  speaks('b');
  watchdog.close();
  watchdog.heard('b');
  pass(2 * FIRST_WORD_MS);
  assert.deepEqual(still, []);
});

test('who is stopped or debugged has all of its time once it goes on', () => {
  const { watchdog, stopped, still, speaks, pass } = watching();
  stopped.add('a');
  speaks('a');
  speaks('b', true);
  pass(60_000);
  watchdog.heard('b');
  pass(60_000);
  assert.equal(still.length, 0);
  stopped.clear();
  watchdog.heard('b', false);
  pass(STILL_MS + 1_000);
  assert.deepEqual(
    still.map(([worker]) => worker),
    ['a', 'b'],
  );
});

test('after a moment in which nobody could be heard everybody has all of its time again', () => {
  // Time passes without a timer ringing, as while a machine sleeps.
  let nowMs = 0;
  let look: () => void = () => undefined;
  const still: string[] = [];
  const clock = new VirtualClock();
  const watchdog = new Watchdog<string>({
    clock: {
      monotonicMs: () => nowMs,
      wallMs: () => clock.wallMs(),
      after: (delayMs, callback) => clock.after(delayMs, callback),
      every: (_periodMs, callback) => {
        look = callback;
        return { cancel: () => undefined };
      },
    },
    isStopped: () => false,
    standsStill: (worker) => still.push(worker),
  });
  const seconds = (count: number) => {
    for (let each = 0; each < count; each += 1) {
      nowMs += 1_000;
      look();
    }
  };
  watchdog.begun('a');
  watchdog.heard('a');
  seconds(9);
  nowMs += 3_600_000;
  look();
  seconds(9);
  assert.deepEqual(still, []);
  seconds(1);
  assert.deepEqual(still, ['a']);
});
