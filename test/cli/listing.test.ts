/** What `isthmus services` says of exports and mirrors. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serviceRows, serviceTable } from '#cli/listing.ts';
import { serviceExports, services } from '#kube/resources/builtin.ts';
import { MemoryClient } from '../support/memory-client.ts';

type Conditions = Record<string, [status: string, reason: string]>;

async function cluster(objects: {
  exports?: Record<string, Conditions>;
  services: Record<string, { ip: string; ports: number[]; mirrors?: string }>;
}) {
  const client = new MemoryClient();
  for (const [name, { ip, ports, mirrors }] of Object.entries(objects.services)) {
    const mirror = mirrors && {
      labels: { 'app.kubernetes.io/managed-by': 'isthmus', 'isthmus.dev/mirror': mirrors },
      annotations: { 'isthmus.dev/target': 'shop/backend', 'isthmus.dev/clusters': mirrors },
    };
    await client.create(services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'shop', ...(mirror || {}) },
      spec: { clusterIP: ip, ports: ports.map((port) => ({ port })) },
    } as never);
  }
  for (const [name, conditions] of Object.entries(objects.exports ?? {})) {
    await client.create(serviceExports, {
      apiVersion: 'multicluster.x-k8s.io/v1alpha1',
      kind: 'ServiceExport',
      metadata: { name, namespace: 'shop' },
      status: {
        conditions: Object.entries(conditions).map(([type, [status, reason]]) => ({
          type,
          status,
          reason,
          message: '',
          lastTransitionTime: '2026-01-01T00:00:00Z',
        })),
      },
    } as never);
  }
  return serviceRows({ context: 'west', client });
}

const valid: Conditions = { Valid: ['True', 'Valid'], Ready: ['True', 'Exported'] };

test('what others wrote into their objects cannot act on a terminal', () => {
  const detail = 'backend in \u001b[2J\u001b]0;title\u0007east\nwest';
  const row = { context: 'west', namespace: 'shop', name: 'a', kind: 'mirror', detail } as const;
  const text = serviceTable([{ ...row, address: null, ports: [] }]);
  assert.match(
    text,
    /^west +shop\/a +mirror +backend in \ufffd\[2J\ufffd\]0;title\ufffdeast west +-$/m,
  );
});

test('an export shows what its conditions say', async () => {
  const ip = '127.10.96.1';
  const one = { ip, ports: [80] };
  const rows = await cluster({
    services: { a: one, b: { ip: 'None', ports: [80] }, c: one, d: one, e: one },
    exports: {
      a: valid,
      b: { ...valid, Ready: ['False', 'Headless'] },
      c: { ...valid, Conflict: ['True', 'PortConflict'] },
      d: { Valid: ['False', 'NoService'] },
      e: {},
    },
  });
  assert.deepEqual(
    rows.map((each) => [each.detail, each.address]),
    [
      ['exported', `${ip}:80`],
      ['not ready: Headless', null],
      ['exported, conflict: PortConflict', `${ip}:80`],
      ['invalid: NoService', `${ip}:80`],
      ['not seen yet', `${ip}:80`],
    ],
  );
});

test('all ports of a Service are listed', async () => {
  const rows = await cluster({
    services: { a: { ip: '127.10.96.1', ports: [80, 443] } },
    exports: { a: valid },
  });
  assert.deepEqual(rows[0]?.ports, [80, 443]);
  assert.match(serviceTable(rows), /127\.10\.96\.1:80,443$/m);
});

test('the listing of the demo fits eighty columns', async () => {
  const port = { ports: [8080] };
  const rows = await cluster({
    services: {
      backend: { ip: '127.10.100.101', ...port },
      'backend-east': { ip: '127.10.100.102', ...port, mirrors: 'east' },
      'backend-global': { ip: '127.10.100.103', ...port, mirrors: 'east,west' },
    },
    exports: { backend: valid },
  });
  const lines = serviceTable(rows).split('\n');
  assert.equal(lines.length, 4);
  assert.match(lines[2] ?? '', /^west +shop\/backend-east +mirror +backend in east +127/);
  for (const line of lines) assert.ok(line.length <= 80, line);
});
