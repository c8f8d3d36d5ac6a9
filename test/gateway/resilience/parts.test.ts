/** Budgets, limits, the hedges' queue and Retry-After, each by itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Budget } from '#gateway/resilience/budget.ts';
import { type Hedgeable, HedgeQueue } from '#gateway/resilience/hedge-queue.ts';
import { Limiter } from '#gateway/resilience/limiter.ts';
import { RETRY_AFTER_MAX_MS, retryAfterMs } from '#gateway/resilience/retry-after.ts';
import { TRAFFIC_DEFAULTS } from '#gateway/snapshot/traffic.ts';
import { HandClock } from '#test/gateway/loss/memory.ts';

const LIMITS = TRAFFIC_DEFAULTS.limits;

function taken(budget: Budget, perSecond: number, nowMs: number): number {
  let count = 0;
  while (budget.take(perSecond, nowMs)) count += 1;
  return count;
}

test('a budget allows its share of the requests of ten seconds, and some whatever came', () => {
  const budget = new Budget();
  for (let at = 0; at < 1_000; at += 1) budget.deposit(0.2, at);
  assert.equal(taken(budget, 10, 1_000), 300);
  assert.equal(budget.take(10, 5_000), false);
});

test('a budget forgets requests after ten seconds, and repetitions as well', () => {
  const idle = new Budget();
  for (let at = 0; at < 100; at += 1) idle.deposit(1, 0);
  assert.equal(taken(idle, 0, 10_000), 0);
  assert.equal(taken(idle, 1, 10_000), 10);
  assert.equal(idle.take(1, 19_000), false);
  assert.equal(taken(idle, 1, 20_000), 10);
  assert.equal(taken(idle, 1, 1_000_000), 10);
});

test('a limiter lets in, lets wait in order, and turns away', () => {
  const clock = new HandClock();
  const limiter = new Limiter({ ...LIMITS, concurrencyMax: 2, queueMax: 2, queueMs: 100 }, clock);
  const said: string[] = [];
  const someone = (name: string) => ({
    admitted: () => void said.push(`${name} in`),
    expired: () => void said.push(`${name} late`),
  });
  const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map(someone);
  assert.deepEqual(
    [a, b, c, d, e].map((each) => each && limiter.enter(each, 0)),
    ['admitted', 'admitted', 'waiting', 'waiting', 'full'],
  );
  limiter.leave();
  assert.deepEqual(said, ['c in']);
  clock.advance(101);
  assert.deepEqual(said, ['c in', 'd late']);
  assert.deepEqual([limiter.inside, limiter.waiting], [2, 0]);
  if (d) assert.equal(limiter.enter(d, 101), 'waiting');
  limiter.update({ ...LIMITS, concurrencyMax: 3 });
  assert.deepEqual(said.at(-1), 'd in');
  limiter.leave();
  limiter.leave();
  limiter.leave();
  assert.equal(limiter.inside, 0);
  assert.equal(clock.pending, 0);
});

test('a limiter lets in, in order, a queue of any length whose members leave at once', () => {
  const many = 100_000;
  const clock = new HandClock();
  const limiter = new Limiter({ ...LIMITS, concurrencyMax: 1, queueMax: many }, clock);
  let admitted = 0;
  limiter.enter({ admitted: () => undefined, expired: () => undefined }, 0);
  for (let at = 0; at < many; at += 1) {
    const admit = () => {
      assert.equal(admitted, at);
      admitted += 1;
      limiter.leave();
    };
    limiter.enter({ admitted: admit, expired: () => undefined }, 0);
  }
  limiter.leave();
  assert.equal(admitted, many);
  assert.deepEqual([limiter.inside, limiter.waiting, clock.pending], [0, 0, 0]);
});

test('a limiter lets no more in than its rate, whoever leaves', () => {
  const limiter = new Limiter({ ...LIMITS, ratePerSecond: 10, rateBurst: 2 }, new HandClock());
  const someone = { admitted: () => undefined, expired: () => undefined };
  const entries = [0, 0, 0, 100, 100].map((atMs) => limiter.enter(someone, atMs));
  assert.deepEqual(entries, ['admitted', 'admitted', 'tooMany', 'admitted', 'tooMany']);
});

function hedgeable(name: string, told: string[]): Hedgeable {
  return {
    hedgeQueue: undefined,
    hedgeDueMs: 0,
    hedgeBefore: undefined,
    hedgeAfter: undefined,
    hedge: (nowMs) => void told.push(`${name} ${nowMs}`),
  };
}

test('those in the queue of hedges are told in the order they are due, once, unless removed', () => {
  const clock = new HandClock();
  const queue = new HedgeQueue(clock);
  const told: string[] = [];
  const all = ['a', 'b', 'c', 'd'].map((name) => hedgeable(name, told));
  const [a, b, c, d] = all as [Hedgeable, Hedgeable, Hedgeable, Hedgeable];
  queue.add(a, 20, 0);
  queue.add(b, 20, 0);
  queue.add(c, 30, 0);
  // Sent to be tried out: due before the others.
  queue.add(d, 5, 0);
  clock.advance(5);
  assert.deepEqual(told, ['d 5']);
  queue.remove(b);
  assert.deepEqual(
    all.map((each) => each.hedgeQueue === queue),
    [true, false, true, false],
  );
  clock.advance(15);
  assert.deepEqual(told, ['d 5', 'a 20']);
  queue.remove(c);
  clock.advance(100);
  assert.deepEqual(told, ['d 5', 'a 20']);
  assert.equal(clock.pending, 0);
});

test('Retry-After is seconds or a date, never more than the maximum, and nonsense is nothing', () => {
  const wallMs = Date.parse('Fri, 27 Nov 2026 10:00:00 GMT');
  const of = (value: string) => retryAfterMs(['retry-after', value], wallMs);
  assert.equal(of('3'), 3_000);
  assert.equal(of('999999999'), RETRY_AFTER_MAX_MS);
  assert.equal(of('Fri, 27 Nov 2026 10:00:05 GMT'), 5_000);
  assert.equal(of('Fri, 27 Nov 2026 09:00:05 GMT'), 0);
  assert.deepEqual(['', '-1', 'soon', '1.5x'].map(of), [0, 0, 0, 0]);
  assert.equal(retryAfterMs([], wallMs), 0);
});
