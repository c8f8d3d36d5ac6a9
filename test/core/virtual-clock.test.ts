/** The clock of simulations: order, repetition, and what goes on between two events. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#core/virtual-clock.ts';

test('events run in the order of their time, and of their making at the same time', () => {
  const clock = new VirtualClock();
  const ran: string[] = [];
  const note = (name: string) => () => void ran.push(`${name} ${clock.monotonicMs()}`);
  clock.after(20, note('c'));
  clock.after(10, note('a'));
  const cancelled = clock.after(15, note('x'));
  clock.after(10, note('b'));
  const ticks = clock.every(15, note('tick'));
  cancelled.cancel();
  clock.runUntil(30);
  ticks.cancel();
  clock.runUntil(100);
  assert.deepEqual(ran, ['a 10', 'b 10', 'tick 15', 'c 20', 'tick 30']);
  assert.equal(clock.monotonicMs(), 100);
});

test('what waits for nothing but promises goes on between two events', async () => {
  const clock = new VirtualClock();
  const ran: string[] = [];
  clock.after(10, () => {
    void Promise.resolve().then(() => ran.push(`kept ${clock.monotonicMs()}`));
  });
  clock.after(20, () => void ran.push(`event ${clock.monotonicMs()}`));
  await clock.pass(50);
  assert.deepEqual(ran, ['kept 10', 'event 20']);
  assert.equal(clock.wallMs() % 1_000, 50);
});

test('thousands of cancelled timers change nothing of the order of the others', () => {
  const clock = new VirtualClock();
  const ran: number[] = [];
  for (let at = 0; at < 5_000; at += 1) {
    const delayMs = (at * 7_919) % 5_000;
    const timer = clock.after(delayMs, () => void ran.push(delayMs));
    if (at % 10 === 0) continue;
    timer.cancel();
    timer.cancel();
  }
  clock.runUntil(2_500);
  clock.runUntil(5_000);
  assert.equal(ran.length, 500);
  assert.deepEqual(
    ran,
    ran.toSorted((a, b) => a - b),
  );
});
