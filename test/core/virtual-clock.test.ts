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
