/** Objects to snapshot. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { selects } from '#core/selector.ts';
import { compile, type PeerLink, type SnapshotInput } from '#gateway/snapshot/compile.ts';
import type { EndpointSlice, Service } from '#kube/types.ts';

function service(
  name: string,
  change: Partial<Service['metadata']> = {},
  spec: Service['spec'] = {},
): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop', creationTimestamp: '2026-01-01T00:00:00Z', ...change },
    spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...spec },
  };
}

function slice(
  of: string,
  addresses: readonly string[],
  change: Partial<EndpointSlice> = {},
): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${of}-1`,
      namespace: 'shop',
      labels: { 'kubernetes.io/service-name': of },
    },
    addressType: 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: 'http', port: 8080 }],
    ...change,
  };
}

function mirror(
  name: string,
  listenerPort: number,
  createdAt: string,
  clusters = 'west,east',
): Service {
  return service(
    name,
    {
      creationTimestamp: createdAt,
      labels: { 'app.kubernetes.io/managed-by': 'isthmus', 'isthmus.dev/mirror': 'global' },
      annotations: { 'isthmus.dev/target': 'shop/backend', 'isthmus.dev/clusters': clusters },
    },
    { ports: [{ name: 'http', port: 80, targetPort: listenerPort }] },
  );
}

function serviceExport(name: string) {
  return {
    apiVersion: 'multicluster.x-k8s.io/v1beta1',
    kind: 'ServiceExport' as const,
    metadata: { name, namespace: 'shop', creationTimestamp: '2026-01-01T00:00:00Z' },
  };
}

function link(clusterName: string, change: Partial<PeerLink> = {}): PeerLink {
  return {
    linkName: clusterName,
    createdAt: '2026-01-01T00:00:00Z',
    clusterName,
    trustDomain: `${clusterName}.isthmus.local`,
    trust: 'PEM',
    trustBundle: 'PEM',
    gateways: [],
    suspended: false,
    sees: () => true,
    ...change,
  };
}

function compiled(input: Partial<SnapshotInput>) {
  return compile({
    cluster: 'west',
    advertise: 'pods',
    services: [],
    slices: [],
    pods: [],
    exports: [],
    links: [],
    policies: [],
    ...input,
  });
}

test('ready endpoints of a Service become local endpoints, named ports matched by name', () => {
  const snapshot = compiled({
    services: [service('backend')],
    slices: [
      slice('backend', ['10.0.0.1', '10.0.0.2']),
      slice('backend', ['10.0.0.3'], {
        endpoints: [{ addresses: ['10.0.0.3'], conditions: { ready: false } }],
      }),
    ],
  });
  const port = snapshot.services.get('shop/backend')?.ports.get(80);
  assert.deepEqual(
    port?.endpoints.map((each) => `${each.host}:${each.port}`),
    ['10.0.0.1:8080', '10.0.0.2:8080'],
  );
});

test('slices of Isthmus and addresses of gateways never count as local endpoints', () => {
  const gateways = {
    ...slice('isthmus-gateway', ['10.0.0.9']),
    metadata: {
      name: 'g',
      namespace: 'isthmus-system',
      labels: { 'kubernetes.io/service-name': 'isthmus-gateway' },
    },
  };
  const ours = {
    ...slice('backend', ['10.0.0.7']),
    metadata: {
      name: 'm',
      namespace: 'shop',
      labels: {
        'kubernetes.io/service-name': 'backend',
        'endpointslice.kubernetes.io/managed-by': 'mirror.isthmus.dev',
      },
    },
  };
  const snapshot = compiled({
    services: [service('backend')],
    slices: [gateways, ours, slice('backend', ['10.0.0.1', '10.0.0.9'])],
    exports: [serviceExport('backend')],
    links: [link('east')],
  });
  assert.equal(snapshot.services.get('shop/backend')?.ports.get(80)?.endpoints.length, 1);
  assert.equal(snapshot.exports.get('shop/backend')?.readyEndpoints, 1);
});

test('a mirror becomes a listener; of two claims of one port the older keeps it', () => {
  const snapshot = compiled({
    services: [
      mirror('younger-global', 10_001, '2026-02-01T00:00:00Z'),
      mirror('older-global', 10_001, '2026-01-01T00:00:00Z'),
      mirror('elsewhere-global', 9_999, '2026-01-01T00:00:00Z'),
    ],
  });
  assert.deepEqual([...snapshot.listeners.keys()], [10_001]);
  const route = snapshot.listeners.get(10_001);
  assert.equal(route?.mirror, 'shop/older-global');
  assert.deepEqual(route?.target, { namespace: 'shop', name: 'backend', port: 80 });
  assert.equal(route?.local, true);
  assert.deepEqual(route?.clusters, ['east']);
});

test('mirrors and ExternalNames are not exported', () => {
  const snapshot = compiled({
    services: [
      mirror('backend-global', 10_001, '2026-01-01T00:00:00Z'),
      service('external', {}, { type: 'ExternalName' }),
    ],
    exports: [serviceExport('backend-global'), serviceExport('external')],
    links: [link('east')],
  });
  assert.equal(snapshot.exports.size, 0);
});

test('a peer sees what its selector selects; of two Links of one cluster the older counts', () => {
  const selector = { matchLabels: { tier: 'public' } };
  const snapshot = compiled({
    services: [service('open', { labels: { tier: 'public' } }), service('closed')],
    exports: [serviceExport('open'), serviceExport('closed')],
    links: [
      link('east', { sees: (labels) => selects(selector, labels) }),
      link('east', { linkName: 'second', createdAt: '2026-03-01T00:00:00Z' }),
      link('west', { linkName: 'myself' }),
    ],
  });
  assert.deepEqual([...snapshot.peers.keys()], ['east']);
  assert.equal(snapshot.peers.get('east')?.linkName, 'east');
  assert.deepEqual([...(snapshot.peers.get('east')?.visibleExports ?? [])], ['shop/open']);
});

test('exported metadata never carries private prefixes', () => {
  const snapshot = compiled({
    services: [service('backend')],
    exports: [
      {
        ...serviceExport('backend'),
        spec: {
          exportedLabels: {
            team: 'shop',
            'isthmus.dev/mirror': 'global',
            'app.kubernetes.io/name': 'x',
            'k8s.io/y': 'z',
            'myk8s.io/y': 'kept',
          },
        },
      },
    ],
    links: [link('east')],
  });
  assert.deepEqual(snapshot.exports.get('shop/backend')?.exportedLabels, {
    team: 'shop',
    'myk8s.io/y': 'kept',
  });
});

test('selects(): absent selects everything, empty nothing', () => {
  const check = (selector: Parameters<typeof selects>[0], expected: boolean) =>
    assert.equal(selects(selector, { a: '1', b: '2' }), expected, JSON.stringify(selector));
  check(undefined, true);
  check({}, false);
  check({ matchLabels: {} }, false);
  check({ matchLabels: { a: '1' } }, true);
  check({ matchLabels: { a: '2' } }, false);
  check({ matchExpressions: [{ key: 'b', operator: 'In', values: ['2', '3'] }] }, true);
  check({ matchExpressions: [{ key: 'c', operator: 'NotIn', values: ['2'] }] }, true);
  check({ matchExpressions: [{ key: 'c', operator: 'Exists' }] }, false);
  check({ matchExpressions: [{ key: 'c', operator: 'DoesNotExist' }] }, true);
});
