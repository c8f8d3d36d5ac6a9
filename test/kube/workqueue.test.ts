/** Work by key: once at a time, failures apart. And the lease that says who works. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import { silentLogger } from '#core/log.ts';
import { systemRandom } from '#core/random.ts';
import { LINES_OF_OTHERS } from '#core/sparing.ts';
import { type KubeClient, StatusError } from '#kube/client.ts';
import { EVENTS_OF_SOURCE, EventRecorder } from '#kube/events.ts';
import { leadWhileElected } from '#kube/lease.ts';
import { leases } from '#kube/resources/builtin.ts';
import type { KubeObject, Lease } from '#kube/types.ts';
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

/** One Lease with optimistic locking. */
function leaseServer() {
  let held: Lease | undefined;
  let version = 0;
  let broken = false;
  const store = (object: KubeObject): Lease => {
    if (broken) throw new IsthmusError('CLUSTER_UNREACHABLE', 'broken');
    if (held && object.metadata.resourceVersion !== held.metadata.resourceVersion) {
      throw new IsthmusError('API_CONFLICT', 'conflict');
    }
    version += 1;
    const metadata = { ...object.metadata, resourceVersion: String(version) };
    held = leases.parse({ ...object, metadata });
    return held;
  };
  const client = {
    get: async () => held,
    create: async (_: unknown, object: KubeObject) => store(object),
    replace: async (_: unknown, object: KubeObject) => store(object),
  } as unknown as Pick<KubeClient, 'get' | 'create' | 'replace'>;
  return {
    client,
    break: () => {
      broken = true;
    },
    holder: () => held?.spec.holderIdentity,
  };
}

function campaign(client: Pick<KubeClient, 'get' | 'create' | 'replace'>, holder: string) {
  const stop = new AbortController();
  const state = { leading: false, terms: 0 };
  const done = leadWhileElected(
    {
      ...base,
      client,
      namespace: 'isthmus-system',
      name: 'isthmus-mirror',
      holder,
      durationMs: 300,
      renewDeadlineMs: 150,
      retryMs: 20,
    },
    stop.signal,
    async (leading) => {
      state.leading = true;
      state.terms += 1;
      await new Promise((resolve) => leading.addEventListener('abort', resolve, { once: true }));
      state.leading = false;
    },
  );
  return { state, stop: () => stop.abort(), done };
}

test('one of two leads; when it leaves, the other does', async () => {
  const server = leaseServer();
  const one = campaign(server.client, 'one');
  await eventually('one leads', () => one.state.leading);
  const two = campaign(server.client, 'two');
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.deepEqual([one.state.leading, two.state.leading, one.state.terms], [true, false, 1]);
  one.stop();
  await one.done;
  await eventually('two leads', () => two.state.leading);
  assert.equal(server.holder(), 'two');
  two.stop();
  await two.done;
});

test('a leader that cannot renew stops by itself', async () => {
  const server = leaseServer();
  const one = campaign(server.client, 'one');
  await eventually('one leads', () => one.state.leading);
  server.break();
  await eventually('one stops', () => !one.state.leading);
  one.stop();
  await one.done;
});

test('the same news is one Event, written once a minute', async () => {
  let nowMs = 0;
  const written: { count?: number; metadata: { name: string; namespace?: string } }[] = [];
  const client = {
    apply: async (_: unknown, object: KubeObject) => {
      written.push(object);
      return object;
    },
  } as unknown as Pick<KubeClient, 'apply'>;
  const recorder = new EventRecorder({
    client,
    component: 'isthmus-mirror',
    instance: 'pod',
    clock: { ...systemClock, monotonicMs: () => nowMs },
    log: silentLogger,
  });
  const about = { apiVersion: 'v1', kind: 'Service', name: 'a', namespace: 'shop' };
  const news = { about, type: 'Warning' as const, reason: 'NameTaken', message: 'taken' };
  recorder.record(news);
  recorder.record(news);
  nowMs = 61_000;
  recorder.record(news);
  recorder.record({ ...news, reason: 'Other' });
  await eventually('three', () => written.length === 3);
  assert.deepEqual(
    written.map((each) => each.count),
    [1, 3, 1],
  );
  assert.equal(written[0]?.metadata.name, written[1]?.metadata.name);
});

test('one source brings no more Events than its rate, another some all the same, and the log counts', async () => {
  let nowMs = 0;
  let written = 0;
  const lines: unknown[] = [];
  const client = {
    apply: async (_: unknown, object: KubeObject) => {
      written += 1;
      return object;
    },
  } as unknown as Pick<KubeClient, 'apply'>;
  const recorder = new EventRecorder({
    client,
    component: 'isthmus-mirror',
    instance: 'pod',
    clock: { ...systemClock, monotonicMs: () => nowMs },
    log: { ...silentLogger, warn: (_message, fields) => lines.push(fields?.dropped) },
  });
  const about = { apiVersion: 'v1', kind: 'Link', name: 'evil', namespace: 'shop' };
  const say = async (index: number, source: string) => {
    recorder.record({ about, type: 'Warning', reason: 'Odd', message: String(index) }, source);
    await new Promise((resolve) => setImmediate(resolve));
  };
  for (let index = 0; index < 300; index += 1) await say(index, 'evil');
  assert.equal(written, EVENTS_OF_SOURCE.burst);
  await say(0, 'good');
  await say(1_000, 'good');
  assert.equal(written, EVENTS_OF_SOURCE.burst + 1, 'what was told a moment ago is not told again');
  assert.deepEqual(lines, [1]);
  nowMs = 61_000;
  for (let index = 300; index < 400; index += 1) await say(index, 'evil');
  assert.equal(written, EVENTS_OF_SOURCE.burst + 1 + 12);
  assert.deepEqual(lines, [1, 250]);
});
