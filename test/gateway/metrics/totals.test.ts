/** Counters of a gateway never fall, whatever becomes of the workers that count. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AggregatorRegistry, Counter, Gauge, type MetricObject, Registry } from 'prom-client';
import { Totals } from '#gateway/metrics/totals.ts';

/** A worker that has counted `count` requests and has `open` connections. */
class Worker {
  speaks = true;
  answers = true;
  readonly #registry = new Registry();
  readonly requests = new Counter({ name: 'requests', help: '-', registers: [this.#registry] });
  readonly open = new Gauge({ name: 'open', help: '-', registers: [this.#registry] });

  async say(): Promise<unknown> {
    return this.answers ? this.#registry.getMetricsAsJSON() : undefined;
  }
}

const speaks = (worker: Worker) => worker.speaks;

async function shown(totals: Totals<Worker>, workers: readonly Worker[]): Promise<string[]> {
  const all = await totals.collect(workers, (each) => each.say(), speaks);
  const text = await AggregatorRegistry.aggregate(all as MetricObject[][]).metrics();
  return text.split('\n').filter((line) => /^[a-z]/.test(line));
}

test('what a worker had counted stays when it ends, and how it stood does not', async () => {
  const totals = new Totals<Worker>();
  const [first, second, third] = [new Worker(), new Worker(), new Worker()];
  for (const each of [first, second]) {
    each.requests.inc(5);
    each.open.set(3);
  }
  assert.deepEqual(await shown(totals, [first, second]), ['requests 10', 'open 6']);
  totals.end(second);
  assert.deepEqual(await shown(totals, [first, third]), ['requests 10', 'open 3']);
  third.requests.inc(2);
  assert.deepEqual(await shown(totals, [first, third]), ['requests 12', 'open 3']);
  totals.end(third);
  assert.deepEqual(await shown(totals, [first]), ['requests 12', 'open 3']);
});

test('a worker that is too busy to answer has counted no less than before', async () => {
  const totals = new Totals<Worker>();
  const [first, second] = [new Worker(), new Worker()];
  for (const each of [first, second]) each.requests.inc(5);
  await shown(totals, [first, second]);
  second.answers = false;
  assert.deepEqual(await shown(totals, [first, second]), ['requests 10', 'open 0']);
});

test('a worker that is replaced still counts, but no longer says how things stand', async () => {
  const totals = new Totals<Worker>();
  const [first, second] = [new Worker(), new Worker()];
  first.speaks = false;
  for (const each of [first, second]) {
    each.requests.inc(5);
    each.open.set(3);
  }
  assert.deepEqual(await shown(totals, [first, second]), ['requests 10', 'open 3']);
});

test('a worker that ends while others are asked counts once', async () => {
  const totals = new Totals<Worker>();
  const [first, second] = [new Worker(), new Worker()];
  for (const each of [first, second]) each.requests.inc(5);
  const gate = Promise.withResolvers<void>();
  const ask = async (each: Worker) => {
    if (each === second) await gate.promise;
    return each.say();
  };
  const slow = totals.collect([first, second], ask, speaks);
  await new Promise(setImmediate);
  totals.end(first);
  gate.resolve();
  const text = await AggregatorRegistry.aggregate((await slow) as MetricObject[][]).metrics();
  assert.match(text, /^requests 10$/m);
  assert.deepEqual(await shown(totals, [second]), ['requests 10', 'open 0']);
});
