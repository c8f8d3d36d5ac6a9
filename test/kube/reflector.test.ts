/** The reflector against a server that does everything an API server should not. */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { silentLogger } from '#core/log.ts';
import { systemRandom } from '#core/random.ts';
import type { KubeClient } from '#kube/client.ts';
import { WATCH_IDLE_MS } from '#kube/http-client.ts';
import { Reflector, type ReflectorOptions } from '#kube/reflector.ts';
import { configMaps } from '#kube/resources/builtin.ts';
import type { ConfigMap } from '#kube/types.ts';
import { clientOf, configMap, event, eventually, json, refuse, scriptedServer } from './support.ts';

function reflect(
  client: KubeClient,
  signal: AbortSignal,
  extra: Partial<ReflectorOptions<ConfigMap>> = {},
) {
  const reflector = new Reflector({
    client,
    resource: configMaps,
    selection: { namespace: 'shop' },
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    backoff: { firstMs: 2, maxMs: 20 },
    relistSpreadMs: 20,
    ...extra,
  });
  reflector.start(signal);
  return reflector;
}

/** A server whose lists are `lists` in turn (the last one repeats) and whose watches run `watches`. */
function turns(lists: ((r: ServerResponse) => void)[], watches: ((r: ServerResponse) => void)[]) {
  return scriptedServer((seen, response) => {
    const queue = seen.query.get('watch') ? watches : lists;
    const next = queue.length > 1 ? queue.shift() : queue[0];
    next?.(response);
  });
}

const page = (version: string, ...items: unknown[]) => {
  return (response: ServerResponse) =>
    json(response, 200, { metadata: { resourceVersion: version }, items });
};
const open = (...lines: string[]) => {
  return (response: ServerResponse) => {
    response.writeHead(200);
    response.write(lines.join('') || '\n');
  };
};

const data = (reflector: Reflector<ReturnType<typeof configMaps.parse>>) =>
  Object.fromEntries([...reflector.cache].map(([key, each]) => [key, each.data.value]));

test('a list and a watch become one cache, and listeners hear of every change', async () => {
  const stop = new AbortController();
  await using server = await turns(
    [page('5', configMap('a', '1', 'x'), configMap('b', '2', 'y'))],
    [
      open(
        event('MODIFIED', configMap('a', '6', 'x2')),
        event('DELETED', configMap('b', '7')),
        event('ADDED', configMap('c', '8', 'z')),
        event('BOOKMARK', { metadata: { resourceVersion: '9' } }),
      ),
    ],
  );
  await using client = clientOf(server.url);
  const reflector = reflect(client, stop.signal);
  const changes: string[] = [];
  const batches: string[][] = [];
  reflector.onChange((key, before, after) =>
    changes.push(`${key} ${before?.data.value ?? '-'} ${after?.data.value ?? '-'}`),
  );
  reflector.onBatch((keys) => batches.push([...keys].sort()));
  assert.equal(reflector.hasSynced, false);
  await reflector.synced(stop.signal);
  await eventually('all events', () => changes.length === 5 && batches.flat().length >= 3);
  assert.deepEqual(data(reflector), { 'shop/a': 'x2', 'shop/c': 'z' });
  assert.deepEqual(changes, [
    'shop/a - x',
    'shop/b - y',
    'shop/a x x2',
    'shop/b y -',
    'shop/c - z',
  ]);
  assert.ok(reflector.lastEventAtMs > 0);
  assert.equal(server.seen[1]?.query.get('resourceVersion'), '5');
  assert.equal(server.seen[1]?.query.get('allowWatchBookmarks'), 'true');
  // Its end is a sign of life, which must come before the watch is taken for half-open.
  const seconds = Number(server.seen[1]?.query.get('timeoutSeconds'));
  assert.ok(seconds >= 16 && seconds * 1_000 < WATCH_IDLE_MS && WATCH_IDLE_MS < 30_000);
  stop.abort();
});

test('a list of several pages is one state', async () => {
  const stop = new AbortController();
  await using server = await scriptedServer((seen, response) => {
    if (seen.query.get('watch')) return open()(response);
    const last = seen.query.get('continue') === 'more';
    json(response, 200, {
      metadata: { resourceVersion: '5', ...(last ? {} : { continue: 'more' }) },
      items: [configMap(last ? 'b' : 'a', '1')],
    });
  });
  await using client = clientOf(server.url);
  const reflector = reflect(client, stop.signal);
  await reflector.synced(stop.signal);
  assert.deepEqual([...reflector.cache.keys()], ['shop/a', 'shop/b']);
  stop.abort();
});

test('an expired version is listed again and what vanished meanwhile is reported', async () => {
  const stop = new AbortController();
  await using server = await turns(
    [page('5', configMap('a', '1'), configMap('b', '2')), page('50', configMap('b', '2'))],
    [
      open(event('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' })),
      open(),
    ],
  );
  await using client = clientOf(server.url);
  const reflector = reflect(client, stop.signal);
  const gone: string[] = [];
  reflector.onChange((key, _, after) => after === undefined && gone.push(key));
  await eventually('relist', () => gone.length > 0);
  assert.deepEqual(gone, ['shop/a']);
  assert.deepEqual([...reflector.cache.keys()], ['shop/b']);
  stop.abort();
});

test('a reset, a 500, a refused list and garbage are survived', async () => {
  const stop = new AbortController();
  await using server = await turns(
    [
      (response) => refuse(response, 503, 'ServiceUnavailable'),
      page('1', configMap('a', '1', '1')),
      (response) => response.destroy(),
      (response) => response.writeHead(200).end('<html>'),
      page('2', configMap('a', '2', '2')),
      page('3', configMap('a', '3', '3')),
    ],
    [
      (response) => {
        response.writeHead(200);
        response.write('\n', () => response.socket?.resetAndDestroy());
      },
      (response) => refuse(response, 500, 'InternalError'),
      open(event('MODIFIED', configMap('a', '9', 'last'))),
    ],
  );
  await using client = clientOf(server.url);
  const reflector = reflect(client, stop.signal);
  await eventually('the last state', () => data(reflector)['shop/a'] === 'last');
  stop.abort();
});

test('a watch that falls silent is taken for half-open and goes on from its version, without a list', async () => {
  const stop = new AbortController();
  await using server = await turns(
    [page('1', configMap('a', '1', 'old'))],
    [
      open(event('MODIFIED', configMap('a', '2', 'seen'))),
      open(event('MODIFIED', configMap('a', '3', 'new'))),
    ],
  );
  await using client = clientOf(server.url, { watchIdleMs: 60 });
  const reflector = reflect(client, stop.signal);
  await eventually('the next watch', () => data(reflector)['shop/a'] === 'new');
  const watches = server.seen.filter((each) => each.query.has('watch'));
  assert.deepEqual(
    watches.slice(0, 2).map((each) => each.query.get('resourceVersion')),
    ['1', '2'],
  );
  assert.equal(reflector.lists, 1);
  stop.abort();
});

test('a server that asks for a pause is given it', async () => {
  const stop = new AbortController();
  await using server = await turns(
    [
      (response) => {
        response.setHeader('retry-after', '0.1');
        refuse(response, 429, 'TooManyRequests');
      },
      page('1', configMap('a', '1')),
    ],
    [open()],
  );
  await using client = clientOf(server.url);
  const beganMs = performance.now();
  const reflector = reflect(client, stop.signal);
  await reflector.synced(stop.signal);
  assert.ok(performance.now() - beganMs >= 99);
  stop.abort();
});

test('pages that grow too old between them are asked for in one piece', async () => {
  const stop = new AbortController();
  await using server = await scriptedServer((seen, response) => {
    if (seen.query.get('watch')) return open()(response);
    if (seen.query.has('continue')) return refuse(response, 410, 'Expired');
    const whole = !seen.query.has('limit');
    json(response, 200, {
      metadata: { resourceVersion: '5', ...(whole ? {} : { continue: 'more' }) },
      items: [configMap('a', '1'), ...(whole ? [configMap('b', '2')] : [])],
    });
  });
  await using client = clientOf(server.url);
  const reflector = reflect(client, stop.signal);
  await reflector.synced(stop.signal);
  assert.deepEqual([...reflector.cache.keys()], ['shop/a', 'shop/b']);
  stop.abort();
});

test('a list older than what was seen is refused, until the server insists', async () => {
  const stop = new AbortController();
  await using server = await turns(
    [page('50', configMap('a', '50', 'new')), page('7', configMap('a', '7', 'restored'))],
    [
      open(event('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' })),
      open(),
    ],
  );
  await using client = clientOf(server.url);
  const reflector = reflect(client, stop.signal);
  await eventually('it insists', () => data(reflector)['shop/a'] === 'restored');
  assert.equal(server.seen.filter((each) => !each.query.has('watch')).length, 7);
  stop.abort();
});

test('a list that hangs ends by its deadline', async () => {
  const stop = new AbortController();
  await using server = await turns(
    [() => undefined, page('2', configMap('a', '2', 'new'))],
    [open()],
  );
  await using client = clientOf(server.url, { requestDeadlineMs: 60 });
  const reflector = reflect(client, stop.signal);
  await eventually('second list', () => reflector.hasSynced);
  stop.abort();
});

test('a server that closes at once is not hit in a loop', async () => {
  const stop = new AbortController();
  await using server = await turns(
    [page('1')],
    [
      (response) => {
        response.writeHead(200).end(event('ADDED', configMap('a', '2')));
      },
    ],
  );
  await using client = clientOf(server.url);
  reflect(client, stop.signal);
  const beganMs = performance.now();
  await eventually('ten watches', () => server.seen.length >= 12);
  // Pauses 2, 4, 8, 16, 20, 20 … of which at least 80 %.
  assert.ok(performance.now() - beganMs >= 100);
  stop.abort();
});

test('an unreadable object and a throwing listener disturb nobody', async () => {
  const stop = new AbortController();
  await using server = await turns(
    [page('1', { metadata: { name: 7 } }, configMap('a', '1', 'x'))],
    [
      open(
        event('ADDED', { metadata: { name: 'bad', namespace: 'shop' }, data: { value: 5 } }),
        event('ADDED', configMap('b', '3', 'y')),
      ),
    ],
  );
  await using client = clientOf(server.url);
  const reflector = reflect(client, stop.signal);
  reflector.onChange(() => {
    throw new Error('listener');
  });
  await eventually('both', () => reflector.cache.size === 2);
  assert.deepEqual(data(reflector), { 'shop/a': 'x', 'shop/b': 'y' });
  stop.abort();
});

test('nothing happens after the signal, not even in a pause', async () => {
  const stop = new AbortController();
  await using server = await turns(
    [(response) => refuse(response, 500, 'InternalError')],
    [open()],
  );
  await using client = clientOf(server.url);
  const reflector = reflect(client, stop.signal);
  await eventually('a try', () => server.seen.length > 0);
  stop.abort(new Error('stopped'));
  const count = server.seen.length;
  await assert.rejects(reflector.synced(stop.signal), /stopped/);
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.ok(server.seen.length <= count + 1);
});

test('a periodic relist repairs what a server forgot to say', async () => {
  const stop = new AbortController();
  await using server = await turns(
    [page('1', configMap('a', '1', 'old')), page('2', configMap('a', '2', 'new'))],
    [
      (response) => {
        response.writeHead(200);
        const timer = setInterval(() => {
          response.write(event('BOOKMARK', { metadata: { resourceVersion: '1' } }));
        }, 10);
        response.on('close', () => clearInterval(timer));
      },
    ],
  );
  await using client = clientOf(server.url);
  const reflector = reflect(client, stop.signal, { relistMs: 50 });
  await eventually('relist', () => data(reflector)['shop/a'] === 'new');
  stop.abort();
});
