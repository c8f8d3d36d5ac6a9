/** What a peer that exports as much as it may costs the mirror controller, against what its manifest allows. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { CATALOG_LIMITS } from '#core/catalog.ts';
import { json, scriptedServer, TEST_ROOT } from '../kube/support.ts';

/** What a whole component has beside the controller: TLS, its identity, its metrics. */
const BESIDE_MB = 40;

const meta = (name: string, more: object = {}) => ({
  ...{ name, namespace: 'shop', uid: `u-${name}`, resourceVersion: '9' },
  ...more,
});

/** A mirror and its slice, as an API server keeps them; an older one than is wanted, so that all has to be written. */
function kept(index: number, of: string) {
  const name = `service-${index}-${of}`;
  const labels = { 'app.kubernetes.io/managed-by': 'isthmus', 'isthmus.dev/mirror': of };
  const target = { 'isthmus.dev/target': `shop/service-${index}`, 'isthmus.dev/clusters': 'east' };
  const annotations = { ...target, 'isthmus.dev/exported-at': '2026-01-01T00:00:00Z' };
  const port = of === 'east' ? 10_000 + index : 20_000 + index;
  const families = { ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack', sessionAffinity: 'None' };
  const ports = [{ name: 'http', port: 8080, targetPort: port, protocol: 'TCP' }];
  const spec = {
    type: 'ClusterIP',
    clusterIP: '10.1.2.3',
    clusterIPs: ['10.1.2.3'],
    ...families,
    ports,
  };
  const owner = { apiVersion: 'v1', kind: 'Service', name, uid: `u-${name}` };
  const sliceLabels = {
    'kubernetes.io/service-name': name,
    'endpointslice.kubernetes.io/managed-by': 'mirror.isthmus.dev',
  };
  return {
    service: { metadata: meta(name, { labels, annotations }), spec },
    slice: {
      metadata: meta(`${name}-ipv4`, { labels: sliceLabels, ownerReferences: [owner] }),
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.0.1.1'] }, { addresses: ['10.0.1.2'] }],
      ports: [{ name: 'http', port, protocol: 'TCP' }],
    },
  };
}

function limitMb(): number {
  const manifest = readFileSync('manifests/install/mirror.yaml', 'utf8');
  const [, mebibytes] = /limits:\s+memory: (\d+)Mi/.exec(manifest) ?? [];
  return (Number(mebibytes) * 1024 * 1024) / 1e6;
}

test('the mirror controller of a peer with as many exports as there may be has memory enough', async (context) => {
  const count = CATALOG_LIMITS.exportsMax;
  const all = Array.from({ length: count }, (_, index) => [
    kept(index, 'east'),
    kept(index, 'global'),
  ]);
  const spec = { clusterName: 'east', trustDomain: 'east.isthmus.local', trustBundle: TEST_ROOT };
  const stored: Readonly<Record<string, readonly object[]>> = {
    services: all.flat().map(({ service }) => service),
    endpointslices: all.flat().map(({ slice }) => slice),
    links: [{ metadata: meta('east', { namespace: 'isthmus-system' }), spec }],
    namespaces: [{ metadata: { name: 'shop', uid: 'u', resourceVersion: '9' } }],
  };
  await using server = await scriptedServer(({ method, path, query }, response) => {
    // Nothing gets written, so what is to be written stays in memory, and each failure beside it.
    if (method !== 'GET') return json(response, 500, {});
    if (query.get('watch')) {
      response.writeHead(200);
      response.flushHeaders();
      return;
    }
    const items = stored[path.split('/').at(-1) ?? ''] ?? [];
    const from = Number(query.get('continue') ?? 0);
    const to = from + Number(query.get('limit') ?? items.length);
    const more = to < items.length ? { continue: String(to) } : {};
    json(response, 200, {
      metadata: { resourceVersion: '99', ...more },
      items: items.slice(from, to),
    });
  });
  const limit = limitMb();
  // V8 gives itself half of what the container has.
  const flags = [`--max-old-space-size=${Math.round(limit / 2)}`];
  const args = [...flags, 'test/mirror/fixtures/large-peer.ts', String(server.url), String(count)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  context.diagnostic(stdout);
  const { ready, megabytes } = JSON.parse(stdout);
  assert.equal(ready, true);
  assert.ok(megabytes + BESIDE_MB < limit, `${megabytes} MB of ${limit}`);
});
