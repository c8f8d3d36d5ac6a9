/** What ten thousand Services cost a process that caches them. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { json, scriptedServer } from './support.ts';

const SERVICES = 10_000;
const MEGABYTES_MAX = 30;

/** A Service as kubectl applied it and a server keeps it: two thirds of it of no use to us. */
function service(index: number) {
  const name = `service-${index}`;
  const fields = (names: string[]) => Object.fromEntries(names.map((each) => [`f:${each}`, {}]));
  return {
    metadata: {
      name,
      namespace: `namespace-${index % 50}`,
      uid: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
      resourceVersion: String(1_000 + index),
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { app: name, 'app.kubernetes.io/part-of': 'shop', tier: 'backend' },
      annotations: {
        'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({
          name,
          filler: 'x'.repeat(500),
        }),
        owner: `team-${index % 7}`,
      },
      managedFields: [
        {
          manager: 'kubectl-client-side-apply',
          operation: 'Update',
          apiVersion: 'v1',
          time: '2026-01-01T00:00:00Z',
          fieldsType: 'FieldsV1',
          fieldsV1: {
            'f:metadata': {
              'f:annotations': fields(['owner']),
              'f:labels': fields(['app', 'tier']),
            },
            'f:spec': fields([
              'ports',
              'selector',
              'type',
              'sessionAffinity',
              'internalTrafficPolicy',
            ]),
          },
        },
      ],
    },
    spec: {
      type: 'ClusterIP',
      clusterIP: `10.96.${index >> 8}.${index & 255}`,
      clusterIPs: [`10.96.${index >> 8}.${index & 255}`],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      internalTrafficPolicy: 'Cluster',
      sessionAffinity: 'None',
      selector: { app: name },
      ports: [
        { name: 'http', port: 80, targetPort: 8_080, protocol: 'TCP' },
        { name: 'metrics', port: 9_090, targetPort: 9_090, protocol: 'TCP' },
      ],
    },
    status: { loadBalancer: {} },
  };
}

test(`${SERVICES} cached Services cost less than ${MEGABYTES_MAX} MB above an idle process`, async (context) => {
  const all = Array.from({ length: SERVICES }, (_, index) => service(index));
  await using server = await scriptedServer((seen, response) => {
    if (seen.query.get('watch')) {
      response.writeHead(200);
      response.flushHeaders();
      return;
    }
    const from = Number(seen.query.get('continue') ?? 0);
    const to = from + Number(seen.query.get('limit') ?? SERVICES);
    const items = seen.path.endsWith('/services') ? all.slice(from, to) : [];
    const more = items.length > 0 && to < SERVICES ? { continue: String(to) } : {};
    json(response, 200, { metadata: { resourceVersion: '99999', ...more }, items });
  });
  const run = promisify(execFile);
  // The young generation as components keep it, so that the figure is of objects, not of room for garbage.
  const flags = ['--expose-gc', '--max-semi-space-size=4'];
  const args = [...flags, 'test/kube/fixtures/cache-memory.ts', String(server.url)];
  const { stdout } = await run(process.execPath, args);
  const figures = JSON.parse(stdout);
  context.diagnostic(stdout.trim());
  assert.equal(figures.objects, SERVICES);
  assert.ok(figures.heapMb < MEGABYTES_MAX, stdout);
  // What the allocator keeps for itself comes and goes by pages of its own.
  assert.ok(figures.rssMb < 1.5 * MEGABYTES_MAX, stdout);
});
