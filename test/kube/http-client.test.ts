/** Verbs, content types, tokens and failures as an API server sees them. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Clock, systemClock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import { silentLogger } from '#core/log.ts';
import { identityNetwork } from '#core/network.ts';
import { systemRandom } from '#core/random.ts';
import { StatusError } from '#kube/client.ts';
import { tokenFile } from '#kube/credentials.ts';
import { WATCH_LINE_BYTES_MAX } from '#kube/http-client.ts';
import { kubeconfigClient } from '#kube/kubeconfig.ts';
import { configMaps, links, namespaces } from '#kube/resources/builtin.ts';
import { clientOf, configMap, json, refuse, scriptedServer } from './support.ts';

const object = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', namespace: 'shop' },
  data: { value: 'x' },
};

test('server-side apply is a forced PATCH with the content type of its own', async () => {
  await using server = await scriptedServer((_, response) =>
    json(response, 200, configMap('a', '1')),
  );
  await using client = clientOf(server.url);
  await client.apply(configMaps, object);
  const [seen] = server.seen;
  assert.equal(seen?.method, 'PATCH');
  assert.equal(seen?.path, '/api/v1/namespaces/shop/configmaps/a');
  assert.equal(seen?.query.get('fieldManager'), 'isthmus');
  assert.equal(seen?.query.get('force'), 'true');
  assert.equal(seen?.headers['content-type'], 'application/apply-patch+yaml');
  assert.deepEqual(JSON.parse(seen?.body ?? ''), object);
});

test('an apply of what must not be there yet holds a version that no object has', async () => {
  await using server = await scriptedServer((_, response) =>
    json(response, 201, configMap('a', '2')),
  );
  await using client = clientOf(server.url);
  await client.apply(configMaps, object, { ifAbsent: true });
  const metadata = { ...object.metadata, resourceVersion: '1' };
  assert.deepEqual(JSON.parse(server.seen[0]?.body ?? ''), { ...object, metadata });
});

test('status is applied to the subresource, groups live below /apis', async () => {
  await using server = await scriptedServer((_, response) =>
    json(response, 200, { metadata: { name: 'east', namespace: 'isthmus-system' } }),
  );
  await using client = clientOf(server.url);
  const metadata = { name: 'east', namespace: 'isthmus-system' };
  const link = await client.applyStatus(links, { apiVersion: '', kind: 'Link', metadata });
  assert.equal(
    server.seen[0]?.path,
    '/apis/isthmus.dev/v1alpha1/namespaces/isthmus-system/links/east/status',
  );
  assert.equal(link.spec, undefined);
  assert.ok(link.problems.some((each) => each.field === 'spec.clusterName'));
});

test('a missing object is undefined to get and false to delete', async () => {
  await using server = await scriptedServer((_, response) => refuse(response, 404, 'NotFound'));
  await using client = clientOf(server.url);
  assert.equal(await client.get(namespaces, 'shop'), undefined);
  assert.equal(await client.delete(configMaps, 'a', 'shop', { uid: 'u' }), false);
  assert.deepEqual(JSON.parse(server.seen[1]?.body ?? '').preconditions, { uid: 'u' });
});

for (const [status, reason, code] of [
  [409, 'Conflict', 'API_CONFLICT'],
  [403, 'Forbidden', 'API_REFUSED'],
  [422, 'Invalid', 'API_REFUSED'],
  [503, 'ServiceUnavailable', 'CLUSTER_UNREACHABLE'],
] as const) {
  test(`a ${status} is ${code}, with the server's status as cause`, async () => {
    await using server = await scriptedServer((_, response) => refuse(response, status, reason));
    await using client = clientOf(server.url);
    await assert.rejects(client.apply(configMaps, object), (error) => {
      assert.ok(error instanceof IsthmusError && error.cause instanceof StatusError);
      assert.deepEqual(
        [error.code, error.cause.status, error.cause.reason],
        [code, status, reason],
      );
      return true;
    });
  });
}

for (const [what, answer, field] of [
  ['has a field of another type', { metadata: { name: 'a' }, data: { value: 1 } }, 'data.value'],
  ['has no metadata', {}, 'metadata'],
  ['is no object', [], undefined],
] as const) {
  test(`an object that ${what} is ANSWER_UNREADABLE to every verb that hands one out`, async () => {
    await using server = await scriptedServer((_, response) => json(response, 200, answer));
    await using client = clientOf(server.url);
    for (const call of [
      () => client.get(configMaps, 'a', 'shop'),
      () => client.create(configMaps, object),
      () => client.apply(configMaps, object),
      () => client.applyStatus(configMaps, object),
      () => client.replace(configMaps, object),
    ]) {
      await assert.rejects(call, (error) => {
        assert.ok(error instanceof IsthmusError, String(error));
        assert.deepEqual([error.code, error.field], ['ANSWER_UNREADABLE', field]);
        assert.match(error.message, /^ConfigMap shop\/a cannot be read: /);
        return true;
      });
    }
  });
}

test('a list or a watch event that is none is ANSWER_UNREADABLE', async () => {
  const signal = new AbortController().signal;
  for (const body of ['[]', '"list"', '{"metadata":{"resourceVersion":1},"items":[]}']) {
    await using server = await scriptedServer((_, response) => response.end(body));
    await using client = clientOf(server.url);
    await assert.rejects(client.list(configMaps), { code: 'ANSWER_UNREADABLE' }, body);
  }
  const long = ' '.repeat(WATCH_LINE_BYTES_MAX + 1);
  for (const line of [long, '<html>', '[]', '{"object":{}}', '{"type":"BOOKMARK","object":{}}']) {
    await using server = await scriptedServer((_, response) => response.end(`${line}\n`));
    await using client = clientOf(server.url);
    const next = client.watch(configMaps, {}, '1', signal)[Symbol.asyncIterator]().next();
    await assert.rejects(next, { code: 'ANSWER_UNREADABLE' }, line.slice(0, 50));
  }
});

test('a server that is not there is CLUSTER_UNREACHABLE', async () => {
  const server = await scriptedServer(() => undefined);
  await server[Symbol.asyncDispose]();
  await using client = clientOf(server.url);
  await assert.rejects(client.get(configMaps, 'a', 'shop'), { code: 'CLUSTER_UNREACHABLE' });
});

test('a rotated token is read again after a minute, and at once after a 401', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'isthmus-token-'));
  const path = join(folder, 'token');
  let nowMs = 0;
  const clock: Clock = { ...systemClock, monotonicMs: () => nowMs };
  let accepted = 'one';
  await using server = await scriptedServer((seen, response) =>
    seen.headers.authorization === `Bearer ${accepted}`
      ? json(response, 200, configMap('a', '1'))
      : refuse(response, 401, 'Unauthorized'),
  );
  await using client = clientOf(server.url, { headers: tokenFile(path, clock) });
  const tokens = () => server.seen.map((each) => each.headers.authorization?.slice(7));
  await writeFile(path, 'one\n');
  await client.get(configMaps, 'a', 'shop');
  await writeFile(path, 'two');
  await client.get(configMaps, 'a', 'shop');
  assert.deepEqual(tokens(), ['one', 'one'], 'still fresh');
  accepted = 'two';
  await client.get(configMaps, 'a', 'shop');
  assert.deepEqual(tokens().slice(2), ['one', 'two'], 'refused, so read again');
  await writeFile(path, 'three');
  accepted = 'three';
  nowMs += 61_000;
  await client.get(configMaps, 'a', 'shop');
  assert.deepEqual(tokens().slice(4), ['three'], 'too old');
  accepted = 'never';
  await assert.rejects(client.get(configMaps, 'a', 'shop'), { code: 'API_REFUSED' });
  assert.equal(server.seen.length, 7, 'one repetition only');
  await rm(folder, { recursive: true });
});

test('requests share connections', async () => {
  const ports = new Set<number | undefined>();
  await using server = await scriptedServer((_, response) => {
    ports.add(response.socket?.remotePort);
    json(response, 200, configMap('a', '1'));
  });
  await using client = clientOf(server.url);
  for (let index = 0; index < 20; index += 1) await client.get(configMaps, 'a', 'shop');
  // The pool may open a second one while the first is still being handed back.
  assert.ok(ports.size <= 2, `${ports.size} connections`);
});

test('a kubeconfig with a tokenFile authenticates, and the network says where the server is', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'isthmus-kubeconfig-'));
  await using server = await scriptedServer((_, response) =>
    json(response, 200, configMap('a', '1')),
  );
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'other',
    clusters: [
      { name: 'c', cluster: { server: 'http://10.9.9.9:6443', 'insecure-skip-tls-verify': true } },
    ],
    users: [{ name: 'u', user: { tokenFile: 'token' } }],
    contexts: [{ name: 'west', context: { cluster: 'c', user: 'u', namespace: 'shop' } }],
  };
  await writeFile(join(folder, 'config'), JSON.stringify(config));
  await writeFile(join(folder, 'token'), 'secret');
  const options = {
    paths: [join(folder, 'config')],
    network: {
      ...identityNetwork,
      locate: () => ({ host: '127.0.0.1', port: Number(server.url.port) }),
    },
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
  };
  const { client, namespace } = await kubeconfigClient({ ...options, context: 'west' });
  await client.get(configMaps, 'a', 'shop');
  await client.close();
  assert.equal(namespace, 'shop');
  assert.equal(server.seen[0]?.headers.authorization, 'Bearer secret');
  await assert.rejects(kubeconfigClient(options), /no context "other" \(it has: west\)/);
  await rm(folder, { recursive: true });
});

test('an answer that is no list is an error, and never an empty list', async () => {
  const answers: readonly (readonly [unknown, boolean])[] = [
    [{}, false],
    [{ metadata: { resourceVersion: '1' } }, false],
    [{ metadata: {}, items: [] }, false],
    [{ kind: 'Status', metadata: { resourceVersion: '1' }, items: [] }, false],
    [{ kind: 'ConfigMapList', metadata: { resourceVersion: '1' }, items: [] }, true],
    // As clients of Go write a list without items.
    [{ metadata: { resourceVersion: '1' }, items: null }, true],
  ];
  for (const [answer, good] of answers) {
    await using server = await scriptedServer((_, response) => json(response, 200, answer));
    await using client = clientOf(server.url);
    const listed = client.list(configMaps);
    if (good) assert.deepEqual(await listed, []);
    else await assert.rejects(listed, /answered, but not with a List/, JSON.stringify(answer));
  }
});
