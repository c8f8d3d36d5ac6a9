/** What budgets allowed and refused, as Prometheus reads it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Guards } from '#gateway/resilience/guard.ts';
import { serviceOf } from '../resilience/kit.ts';
import { Reader } from './reader.ts';

/** The value of `name` for the only service, by outcome. */
async function outcomes(
  reader: Reader,
  guards: Guards,
  name: string,
): Promise<Record<string, number>> {
  const text = await reader.page({ budgets: guards.take(0) });
  const lines = text.matchAll(
    new RegExp(`^${name}\\{service="shop/backend",outcome="(\\w+)"\\} (\\d+)$`, 'gm'),
  );
  return Object.fromEntries([...lines].map(([, outcome, value]) => [outcome, Number(value)]));
}

test('retries that the budget allowed and refused are counted by service', async () => {
  const { send, calls, guards } = serviceOf(3);
  const reader = new Reader();
  assert.deepEqual(await outcomes(reader, guards, 'isthmus_retry_budget_total'), {});
  for (let at = 0; at < 200; at += 1) {
    const before = calls.length;
    send();
    for (let call = before; call < calls.length; call += 1) calls[call]?.answer(503);
  }
  const retries = await outcomes(reader, guards, 'isthmus_retry_budget_total');
  // A fifth of the requests, and ten in each of ten seconds.
  assert.equal(retries.allowed, 140);
  assert.equal(calls.length, 340);
  assert.ok((retries.refused ?? 0) > 100, `${retries.refused} refused`);
  // Read again, nothing has been counted twice.
  assert.deepEqual(await outcomes(reader, guards, 'isthmus_retry_budget_total'), retries);
});

/** A service of two pods that has answered forty requests in ten milliseconds each. */
function familiar(): ReturnType<typeof serviceOf> {
  const service = serviceOf(2);
  for (let at = 0; at < 40; at += 1) {
    service.send();
    service.clock.advance(10);
    service.calls.at(-1)?.answer(200);
  }
  service.clock.advance(3_000);
  return service;
}

test('hedges that the budgets allowed and refused are counted by service', async () => {
  const { send, clock, guards, balancer } = familiar();
  const reader = new Reader();
  const [service] = [...balancer.entries()].map(([, each]) => each);
  assert.ok((service?.hedgeDelayMs ?? 0) > 0);
  for (let at = 0; at < 10; at += 1) send();
  clock.advance(25);
  const hedges = await outcomes(reader, guards, 'isthmus_hedge_budget_total');
  // A twentieth of the fifty requests, rounded down.
  assert.deepEqual(hedges, { allowed: 2, refused: 8 });
  clock.advance(50);
  // Where a pod is silent those that wait there have the retry budget.
  const later = await outcomes(reader, guards, 'isthmus_hedge_budget_total');
  assert.deepEqual(later, { allowed: 10, refused: 8 });
});

test('a request that is refused a hedge again and again is one that was refused', async () => {
  const { send, calls, clock, guards } = familiar();
  const reader = new Reader();
  const first = calls.length;
  for (let at = 0; at < 12; at += 1) send();
  clock.advance(25);
  const { refused } = await outcomes(reader, guards, 'isthmus_hedge_budget_total');
  assert.equal(refused, 10);
  // Neither pod is silent: each has answered somebody, and the others are looked at again.
  calls[first]?.answer(200);
  calls[first + 1]?.answer(200);
  clock.advance(200);
  const later = await outcomes(reader, guards, 'isthmus_hedge_budget_total');
  assert.equal(later.refused, 10);
});
