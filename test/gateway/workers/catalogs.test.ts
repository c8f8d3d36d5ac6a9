/** What peers export, as one worker after the other tells it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CatalogMessage } from '#core/catalog.ts';
import type { Peer } from '#gateway/snapshot/types.ts';
import { PeerCatalogs } from '#gateway/worker/catalogs.ts';

const cluster = { name: 'east', version: '1', trustBundle: 'PEM', gateways: [] };
const peer: Peer = {
  linkName: 'east',
  clusterName: 'east',
  trustDomain: 'east.isthmus.local',
  trust: 'east',
  trustBundle: 'PEM',
  gateways: [],
  suspended: false,
  visibleExports: new Set(),
};

function positionOf(epoch: string, revision: number) {
  return { epoch, revision, resourceVersions: {} };
}

function exported(name: string) {
  return {
    namespace: 'shop',
    name,
    createdAt: '2026-01-01T00:00:00Z',
    type: 'ClusterSetIP' as const,
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' as const }],
    sessionAffinity: 'None' as const,
    ipFamilies: [],
    exportedLabels: {},
    exportedAnnotations: {},
    readyEndpoints: 1,
    hostnames: [],
  };
}

test('a worker that tells what the next one tells already takes nothing of it away', () => {
  const catalogs = new PeerCatalogs();
  catalogs.update(new Map([['east', peer]]));
  const says = (worker: object, message: CatalogMessage) =>
    catalogs.hear(worker, {
      kind: 'catalog',
      cluster: 'east',
      trust: 'east',
      line: JSON.stringify(message),
    });
  const names = () => [...(catalogs.of('east')?.cell.current()?.exports.keys() ?? [])];
  // Each follows another worker of the peer's, which counts for itself.
  const [old, next] = [{}, {}];
  const snapshot = { kind: 'snapshot', cluster, exports: [exported('a')], leftOut: {} } as const;
  says(old, { ...snapshot, position: positionOf('first', 7) });
  says(next, { ...snapshot, position: positionOf('second', 3) });
  says(old, { kind: 'heartbeat', position: positionOf('first', 7) });
  says(next, {
    kind: 'delta',
    position: positionOf('second', 4),
    changed: [exported('b')],
    removed: [],
    leftOut: {},
  });
  assert.deepEqual(names(), ['shop/a', 'shop/b']);
  says(old, {
    kind: 'delta',
    position: positionOf('first', 8),
    changed: [],
    removed: ['shop/a'],
    leftOut: {},
  });
  assert.deepEqual(names(), ['shop/a', 'shop/b'], 'what an earlier one says later may be older');
  // The next one has died before it had the place.
  catalogs.end(next);
  says(old, { kind: 'heartbeat', position: positionOf('first', 8) });
  assert.deepEqual(names(), []);
  says(old, {
    kind: 'delta',
    position: positionOf('first', 9),
    changed: [exported('c')],
    removed: [],
    leftOut: {},
  });
  assert.deepEqual(names(), ['shop/c']);
});
