/** Work by key: once at a time, failures apart, budgets apart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import { silentLogger } from '#core/log.ts';
import { systemRandom } from '#core/random.ts';
import { LINES_OF_OTHERS } from '#core/sparing.ts';
import { StatusError } from '#kube/client.ts';
import { WorkQueue } from '#kube/workqueue.ts';
import { eventually } from './support.ts';

const base = { clock: systemClock, random: systemRandom, log: silentLogger };

test('a key is worked on once at a time, and again when added meanwhile', async () => {
  const stop = new AbortController();
  const gate = Promise.withResolvers<void>();
  let running = 0;
  let runs = 0;
  const queue = new WorkQueue(
    {
      ...base,
      concurrency: 4,
      async handle() {
        running += 1;
        assert.equal(running, 1);
        if (runs++ === 0) await gate.promise;
        running -= 1;
      },
    },
    stop.signal,
  );
  for (let index = 0; index < 5; index += 1) queue.add('a');
  gate.resolve();
  await queue.idle();
  assert.equal(runs, 2);
  stop.abort();
});

test('a key that fails is repeated with pauses and blocks no other', async () => {
  const stop = new AbortController();
  const done: string[] = [];
  let failures = 0;
  const queue = new WorkQueue(
    {
      ...base,
      concurrency: 1,
      backoff: { firstMs: 5, maxMs: 10 },
      async handle(key) {
        if (key === 'bad' && failures < 3) {
          failures += 1;
          throw new Error('bad');
        }
        done.push(key);
      },
    },
    stop.signal,
  );
  queue.add('bad');
  queue.add('good');
  await eventually('both', () => done.length === 2);
  assert.deepEqual(done, ['good', 'bad']);
  assert.equal(queue.failing, 0);
  stop.abort();
});

test('a budget bounds all its keys together, and a server that asks for a pause is left alone', async () => {
  const stop = new AbortController();
  const doneMs: number[] = [];
  let refused = 0;
  const queue = new WorkQueue(
    {
      ...base,
      concurrency: 10,
      budgetOf: () => ({ name: 'one', rate: { burst: 2, perSecond: 20 } }),
      backoff: { firstMs: 1, maxMs: 1 },
      async handle(key) {
        if (key === 'key-0' && refused++ === 0) {
          const cause = new StatusError(429, 'TooManyRequests', '', { retryAfterMs: 150 });
          throw new IsthmusError('CLUSTER_UNREACHABLE', 'busy', { cause });
        }
        doneMs.push(performance.now());
      },
    },
    stop.signal,
  );
  const beganMs = performance.now();
  for (let index = 0; index < 6; index += 1) queue.add(`key-${index}`);
  await eventually('all', () => doneMs.length === 6);
  assert.ok((doneMs[4] ?? 0) - beganMs >= 145, 'four more than the burst, at 20 a second');
  assert.ok((doneMs[5] ?? 0) - beganMs >= 145, 'after the pause');
  stop.abort();
});

test('keys of a budget that is spent, and those that wait before others, hold up no other', async () => {
  const stop = new AbortController();
  const done: string[] = [];
  const queue = new WorkQueue(
    {
      ...base,
      concurrency: 1,
      budgetOf: (key) => {
        const [name = ''] = key.split('-');
        if (name === 'own') return undefined;
        return { name, rate: { burst: 3, perSecond: 0.001 } };
      },
      async handle(key) {
        done.push(key);
      },
    },
    stop.signal,
  );
  for (let index = 0; index < 1_000; index += 1) queue.add(`evil-${index}`);
  for (let index = 0; index < 2; index += 1) queue.add(`good-${index}`);
  for (let index = 0; index < 5; index += 1) queue.add(`own-${index}`);
  await eventually('all but evil', () => done.length === 10);
  assert.deepEqual(
    ['evil', 'good', 'own'].map((name) => done.filter((each) => each.startsWith(name)).length),
    [3, 2, 5],
  );
  assert.ok(done.indexOf('good-1') < 6, 'they take turns');
  assert.equal(queue.depth, 997);
  queue.add('good-9');
  await eventually('one more', () => done.includes('good-9'));
  stop.abort();
  await queue.idle();
});

test('what the server refuses as invalid waits longer than what fails otherwise', async () => {
  const stop = new AbortController();
  const delays = new Map<string, number>();
  const refusal = (field: string) => {
    // As Kubernetes says it where a namespace is on its way out (its NamespaceLifecycle admission).
    const ends = field === 'metadata.namespace';
    const reason = ends ? 'NamespaceTerminating' : 'FieldValueInvalid';
    const cause = new StatusError(ends ? 403 : 422, '', '', {
      causes: [{ reason, field, message: '' }],
    });
    return new IsthmusError('API_REFUSED', 'refused', { cause });
  };
  const queue = new WorkQueue(
    {
      ...base,
      concurrency: 3,
      backoff: { firstMs: 1, maxMs: 5 },
      log: {
        ...silentLogger,
        warn: (_message, fields) => delays.set(String(fields?.key), Number(fields?.delayMs)),
      },
      async handle(key) {
        throw key === 'other' ? new Error('broken') : refusal(key);
      },
    },
    stop.signal,
  );
  const keys = ['other', 'metadata.uid', 'metadata.namespace', 'spec.ports'];
  for (const key of keys) queue.add(key);
  await eventually('all', () => delays.size === keys.length);
  assert.deepEqual(
    keys.map((key) => (delays.get(key) ?? 0) > 500),
    [false, false, false, true],
    'what was replaced, or may be made anew, is tried again soon',
  );
  stop.abort();
});

test('thousands of keys that fail fill no log, and are all tried again', async () => {
  const stop = new AbortController();
  const tries = new Map<string, number>();
  let lines = 0;
  const queue = new WorkQueue(
    {
      ...base,
      concurrency: 16,
      backoff: { firstMs: 1, maxMs: 5 },
      log: { ...silentLogger, warn: () => (lines += 1) },
      async handle(key) {
        tries.set(key, (tries.get(key) ?? 0) + 1);
        throw new Error('broken');
      },
    },
    stop.signal,
  );
  for (let at = 0; at < 2_000; at += 1) queue.add(`key ${at}`);
  await eventually('all again', () => [...tries.values()].every((each) => each > 1));
  stop.abort();
  assert.equal(tries.size, 2_000);
  // A line more for each five seconds this took.
  assert.ok(lines < LINES_OF_OTHERS.burst + 10, `${lines} lines`);
});
