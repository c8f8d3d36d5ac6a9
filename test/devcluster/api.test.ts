/** The API server over raw HTTPS: what kubectl does not show. */
import assert from 'node:assert/strict';
import { request } from 'node:https';
import { after, before, test } from 'node:test';
import { serverVersion } from '#devcluster/api/version.ts';
import { asObject, asObjects, asString, at, type JsonObject } from '#devcluster/values/json.ts';
import { eventually, startWorld, type World } from './world.ts';

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const configMap = (name: string, more: JsonObject = {}): JsonObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...more },
  data: { a: '1' },
});

/** Opens a watch; `events` grows as lines arrive. */
function watch(path: string): { events: JsonObject[]; ended: () => boolean; close: () => void } {
  const { url, ca, adminToken } = world.cluster;
  const events: JsonObject[] = [];
  let ended = false;
  let rest = '';
  const sent = request(
    `${url}${path}`,
    { ca, agent: false, headers: { authorization: `Bearer ${adminToken}` } },
    (response) => {
      response.on('data', (chunk: Buffer) => {
        const lines = (rest + chunk.toString()).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) events.push(JSON.parse(line));
      });
      response.on('end', () => {
        ended = true;
      });
      response.on('error', () => undefined);
    },
  );
  sent.on('error', () => undefined);
  sent.end();
  return { events, ended: () => ended, close: () => sent.destroy() };
}

test('a watch from a version tells every later change and a bookmark before it ends', async () => {
  const { body } = await world.call('GET', CONFIG_MAPS);
  const version = asString(at(body, 'metadata', 'resourceVersion'));
  await world.call('POST', CONFIG_MAPS, configMap('watched'));
  await world.call('PUT', `${CONFIG_MAPS}/watched`, configMap('watched', { labels: { x: 'y' } }));
  await world.call('DELETE', `${CONFIG_MAPS}/watched`);
  const { events, ended } = watch(
    `${CONFIG_MAPS}?watch=true&resourceVersion=${version}&allowWatchBookmarks=true&timeoutSeconds=1`,
  );
  await eventually('the watch ends', ended);
  assert.deepEqual(
    events.map((event) => event.type),
    ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'],
  );
});

test('a watch with a selector turns leaving objects into DELETED', async () => {
  const watched = watch(`${CONFIG_MAPS}?watch=1&labelSelector=in%3Dyes`);
  await world.call('POST', CONFIG_MAPS, configMap('leaver', { labels: { in: 'yes' } }));
  await eventually('it is added', () => watched.events.length === 1);
  await world.call('PUT', `${CONFIG_MAPS}/leaver`, configMap('leaver'));
  await eventually('it leaves', () => watched.events.length === 2);
  assert.equal(watched.events[1]?.type, 'DELETED');
  watched.close();
});

test('a watch-list sends what there is and marks where it ends', async () => {
  const path = `${CONFIG_MAPS}?watch=1&sendInitialEvents=true&allowWatchBookmarks=true`;
  const refused = await world.call('GET', path.replace('watch=1', 'watch=true'));
  assert.equal(refused.status, 422);
  const watched = watch(`${path}&resourceVersionMatch=NotOlderThan`);
  const end = await eventually('a bookmark', () =>
    watched.events.find((event) => event.type === 'BOOKMARK'),
  );
  const annotations = asObject(at(end.object, 'metadata', 'annotations'));
  assert.equal(annotations['k8s.io/initial-events-end'], 'true');
  watched.close();
});

test('the version it claims to be is named with a patch or without', () => {
  assert.equal(serverVersion('1.36').gitVersion, 'v1.36.0+isthmus');
  assert.equal(serverVersion('v1.36.2').gitVersion, 'v1.36.2+isthmus');
  for (const wrong of ['1.26', 'v1', '1.36.x', '']) {
    assert.throws(() => serverVersion(wrong), { code: 'INVALID_CONFIG' });
  }
});

test('a watch of a forgotten version is a 410 event', async () => {
  const { body } = await world.call('GET', CONFIG_MAPS);
  const version = Number(at(body, 'metadata', 'resourceVersion'));
  await world.call('POST', CONFIG_MAPS, configMap('later'));
  world.cluster.store.compact();
  const old = await world.call('GET', `${CONFIG_MAPS}?watch=true&resourceVersion=${version}`);
  assert.equal(old.status, 200);
  assert.match(old.text, /"ERROR".*too old resource version.*"code":410/);
});

test('pages of a list show one version; an expired token is a 410', async () => {
  const path = '/api/v1/namespaces/kube-public/configmaps';
  for (let index = 0; index < 5; index += 1) {
    await world.call('POST', path, configMap(`page-${index}`));
  }
  const first = await world.call('GET', `${path}?limit=2`);
  const token = asString(at(first.body, 'metadata', 'continue'));
  assert.equal(at(first.body, 'metadata', 'remainingItemCount'), 4);
  await world.call('DELETE', `${path}/page-4`);
  const names = asObjects(first.body.items).map((item) => at(item, 'metadata', 'name'));
  const second = await world.call('GET', `${path}?limit=10&continue=${token}`);
  names.push(...asObjects(second.body.items).map((item) => at(item, 'metadata', 'name')));
  assert.deepEqual(names, ['kube-root-ca.crt', 'page-0', 'page-1', 'page-2', 'page-3', 'page-4']);
  world.cluster.context.lists.expire();
  const late = await world.call('GET', `${path}?limit=10&continue=${token}`);
  assert.equal(late.status, 410);
  assert.equal(late.body.reason, 'Expired');
});

test('optimistic concurrency, preconditions and missing things have their Status', async () => {
  const { body } = await world.call('POST', CONFIG_MAPS, configMap('guarded'));
  const stale = asObject(body.metadata);
  await world.call('PUT', `${CONFIG_MAPS}/guarded`, configMap('guarded', { labels: { a: 'b' } }));
  const late = await world.call('PUT', `${CONFIG_MAPS}/guarded`, { ...body, data: { a: '2' } });
  assert.equal(late.status, 409);
  assert.match(asString(late.body.message), /the object has been modified/);
  const wrong = await world.call('DELETE', `${CONFIG_MAPS}/guarded`, {
    preconditions: { resourceVersion: asString(stale.resourceVersion) },
  });
  assert.equal(wrong.status, 409);
  const again = await world.call('POST', CONFIG_MAPS, configMap('guarded'));
  assert.equal(again.body.reason, 'AlreadyExists');
  assert.equal((await world.call('GET', `${CONFIG_MAPS}/none`)).body.reason, 'NotFound');
  assert.equal((await world.call('GET', '/apis/none.dev/v1/things')).status, 404);
  assert.equal((await world.call('POST', `${CONFIG_MAPS}/guarded`, {})).status, 405);
  const media = { type: 'text/plain' };
  assert.equal((await world.call('POST', CONFIG_MAPS, 'x', media)).status, 415);
  const proto = { accept: 'application/vnd.kubernetes.protobuf' };
  assert.equal((await world.call('GET', CONFIG_MAPS, undefined, proto)).status, 406);
  const dry = await world.call('POST', `${CONFIG_MAPS}?dryRun=All`, configMap('dry'));
  assert.equal(dry.status, 201);
  assert.equal((await world.call('GET', `${CONFIG_MAPS}/dry`)).status, 404);
});

test('unknown fields warn by default and are dropped', async () => {
  const { status, headers, body } = await world.call('POST', CONFIG_MAPS, {
    ...configMap('warned'),
    spec: 1,
  });
  assert.equal(status, 201);
  assert.equal(headers.warning, '299 - "unknown field \\"spec\\""');
  assert.equal(body.spec, undefined);
});

test('a Service is defaulted, given an address, and checked', async () => {
  const path = '/api/v1/namespaces/default/services';
  const service = (name: string, spec: JsonObject) => ({ metadata: { name }, spec });
  const { body } = await world.call('POST', path, service('s', { ports: [{ port: 5000 }] }));
  const spec = asObject(body.spec);
  assert.match(asString(spec.clusterIP), new RegExp(`^127\\.${world.block}\\.9\\d\\.\\d+$`));
  assert.deepEqual(spec.ports, [{ port: 5000, protocol: 'TCP', targetPort: 5000 }]);
  assert.equal(spec.sessionAffinity, 'None');
  assert.equal(spec.internalTrafficPolicy, 'Cluster');
  const bad = await world.call('POST', path, service('t', { ports: [{ port: 0 }, { port: 1 }] }));
  assert.equal(bad.status, 422);
  const fields = asObjects(at(bad.body, 'details', 'causes')).map((cause) => cause.field);
  assert.ok(fields.includes('spec.ports[0].port') && fields.includes('spec.ports[0].name'));
  const taken = await world.call(
    'POST',
    path,
    service('u', { clusterIP: spec.clusterIP, ports: [{ port: 1 }] }),
  );
  assert.equal(taken.status, 422);
  const moved = await world.call(
    'PATCH',
    `${path}/s`,
    { spec: { clusterIP: '127.1.1.1' } },
    {
      type: 'application/merge-patch+json',
    },
  );
  assert.match(asString(moved.body.message), /may not change once set/);
});

test('finalizers hold an object back; owners take their dependents along, or orphan them', async () => {
  await world.call('POST', CONFIG_MAPS, configMap('held', { finalizers: ['test.dev/wait'] }));
  await world.call('DELETE', `${CONFIG_MAPS}/held`);
  const held = await world.call('GET', `${CONFIG_MAPS}/held`);
  assert.ok(at(held.body, 'metadata', 'deletionTimestamp'));
  await world.call(
    'PATCH',
    `${CONFIG_MAPS}/held`,
    { metadata: { finalizers: null } },
    { type: 'application/merge-patch+json' },
  );
  assert.equal((await world.call('GET', `${CONFIG_MAPS}/held`)).status, 404);
  for (const policy of ['Background', 'Foreground', 'Orphan']) {
    const name = policy.toLowerCase();
    const owner = await world.call('POST', CONFIG_MAPS, configMap(`owner-${name}`));
    const uid = asString(at(owner.body, 'metadata', 'uid'));
    const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: `owner-${name}`, uid };
    const ownerReferences = [{ ...reference, blockOwnerDeletion: true }];
    await world.call('POST', CONFIG_MAPS, configMap(`child-${name}`, { ownerReferences }));
    await world.call('DELETE', `${CONFIG_MAPS}/owner-${name}?propagationPolicy=${policy}`);
    await eventually(`${policy}: the owner goes`, async () => {
      return (await world.call('GET', `${CONFIG_MAPS}/owner-${name}`)).status === 404;
    });
    const child = async () => world.call('GET', `${CONFIG_MAPS}/child-${name}`);
    if (policy === 'Orphan') {
      assert.deepEqual(at((await child()).body, 'metadata', 'ownerReferences'), undefined);
    } else await eventually('the child goes', async () => (await child()).status === 404);
  }
});

test('ServiceAccount tokens are reviewed by audience and die with their pod', async () => {
  const accounts = '/api/v1/namespaces/default/serviceaccounts';
  await world.call('POST', accounts, { metadata: { name: 'app' } });
  const pods = '/api/v1/namespaces/default/pods';
  const spec = { containers: [{ name: 'c', image: 'x' }], serviceAccountName: 'app' };
  await world.call('POST', pods, { metadata: { name: 'bound' }, spec });
  const made = await world.call('POST', `${accounts}/app/token`, {
    spec: {
      audiences: ['identity.isthmus.dev'],
      expirationSeconds: 3_600,
      boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'bound' },
    },
  });
  const token = asString(at(made.body, 'status', 'token'));
  const review = async (audience: string) => {
    const { body } = await world.call('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
      spec: { token, audiences: [audience] },
    });
    return asObject(body.status);
  };
  const good = await review('identity.isthmus.dev');
  assert.equal(good.authenticated, true);
  assert.deepEqual(good.audiences, ['identity.isthmus.dev']);
  assert.equal(at(good, 'user', 'username'), 'system:serviceaccount:default:app');
  assert.notEqual((await review('other')).authenticated, true);
  assert.equal((await world.call('GET', pods, undefined, { token })).status, 401);
  await world.call('DELETE', `${pods}/bound?gracePeriodSeconds=0`);
  assert.notEqual((await review('identity.isthmus.dev')).authenticated, true);
  const short = await world.call('POST', `${accounts}/app/token`, {
    spec: { expirationSeconds: 1 },
  });
  assert.equal(short.status, 422);
});

test('RBAC honours resourceNames and stops escalation; anonymous callers see only health and version', async () => {
  const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';
  const accounts = '/api/v1/namespaces/default/serviceaccounts';
  await world.call('POST', accounts, { metadata: { name: 'narrow' } });
  await world.call('POST', `${rbac}/roles`, {
    metadata: { name: 'narrow' },
    rules: [
      { apiGroups: [''], resources: ['configmaps'], verbs: ['get'], resourceNames: ['allowed'] },
      { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles'], verbs: ['create'] },
    ],
  });
  await world.call('POST', `${rbac}/rolebindings`, {
    metadata: { name: 'narrow' },
    roleRef: { kind: 'Role', name: 'narrow' },
    subjects: [{ kind: 'ServiceAccount', name: 'narrow', namespace: 'default' }],
  });
  await world.call('POST', CONFIG_MAPS, configMap('allowed'));
  const made = await world.call('POST', `${accounts}/narrow/token`, { spec: {} });
  const token = asString(at(made.body, 'status', 'token'));
  const get = (name: string) => world.call('GET', `${CONFIG_MAPS}/${name}`, undefined, { token });
  assert.equal((await get('allowed')).status, 200);
  const denied = await get('other');
  assert.equal(
    denied.body.message,
    'configmaps "other" is forbidden: User "system:serviceaccount:default:narrow" cannot get resource "configmaps" in API group "" in the namespace "default"',
  );
  const grab = await world.call(
    'POST',
    `${rbac}/roles`,
    { metadata: { name: 'grab' }, rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] },
    { token },
  );
  assert.equal(grab.status, 403);
  assert.match(
    asString(grab.body.message),
    /attempting to grant RBAC permissions not currently held/,
  );
  const anonymous = { token: '' };
  assert.equal((await world.call('GET', '/readyz', undefined, anonymous)).text, 'ok');
  assert.equal((await world.call('GET', '/version', undefined, anonymous)).status, 200);
  assert.equal((await world.call('GET', '/api/v1/nodes', undefined, anonymous)).status, 403);
  assert.equal((await world.call('GET', '/api/v1/nodes', undefined, { token: 'no' })).status, 401);
});

test('status, scale, generateName and field selectors behave', async () => {
  const pods = '/api/v1/namespaces/default/pods';
  const spec = { containers: [{ name: 'c', image: 'x' }] };
  const made = await world.call('POST', pods, { metadata: { generateName: 'gen-' }, spec });
  const name = asString(at(made.body, 'metadata', 'name'));
  assert.match(name, /^gen-[a-z0-9]{5}$/);
  const found = await world.call('GET', `${pods}?fieldSelector=spec.nodeName=west-pods`);
  assert.ok(asObjects(found.body.items).some((pod) => at(pod, 'metadata', 'name') === name));
  const unknown = await world.call('GET', `${pods}?fieldSelector=spec.color=red`);
  assert.equal(unknown.status, 400);
  const list = await world.call('DELETE', `${pods}?labelSelector=none%3Dsuch`);
  assert.deepEqual(list.body.items, []);
  const slices = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
  const bad = await world.call('POST', slices, {
    metadata: { name: 'x' },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['nonsense'] }],
    ports: [],
  });
  assert.match(asString(bad.body.message), /endpoints\[0\]\.addresses\[0\]/);
});

test('a definition with rules that are not evaluated here is refused, never half served', async () => {
  const schema = {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        'x-kubernetes-validations': [{ rule: 'self.min <= self.max' }],
        properties: { min: { type: 'integer' }, max: { type: 'integer' } },
      },
    },
  };
  const { status, body } = await world.call(
    'POST',
    '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
    {
      metadata: { name: 'ranges.test.dev' },
      spec: {
        group: 'test.dev',
        scope: 'Namespaced',
        names: { plural: 'ranges', kind: 'Range' },
        versions: [
          { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } },
        ],
      },
    },
  );
  assert.equal(status, 422);
  assert.match(
    asString(body.message),
    /properties\[spec\]\.x-kubernetes-validations: Forbidden: .* no CEL/,
  );
  assert.equal((await world.call('GET', '/apis/test.dev/v1/ranges')).status, 404);
});
