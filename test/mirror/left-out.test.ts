/** What does not travel: of our exports and of a peer's, and who is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CATALOG_LIMITS } from '#core/catalog.ts';
import { plan } from '#mirror/plan.ts';
import { inputOf, type World } from './world.ts';

const link = {
  metadata: { name: 'east', uid: 'l' },
  spec: { clusterName: 'east', trustDomain: 't', trustBundle: 'TEST_ROOT' },
};
const backend = {
  metadata: { name: 'backend', namespace: 'shop', uid: 'u' },
  spec: { clusterIP: '10.0.0.1', ports: [{ name: 'http', port: 8080 }] },
};

function conditions(world: Partial<World>, kind: string, type: string) {
  const { actions, findings } = plan(inputOf({ about: '', links: [link], ...world }));
  const action = actions.find((each) => each.do === 'status' && each.kind === kind);
  assert.ok(action?.do === 'status');
  const { status } = action.object as unknown as {
    status: { conditions: { type: string; status: string; reason: string; message: string }[] };
  };
  return { condition: status.conditions.find((each) => each.type === type), findings };
}

/** Our export with `spec`, and the same one of a peer. */
function alike(spec: Readonly<Record<string, unknown>>): Partial<World> {
  return {
    catalogs: { east: { exports: [{ namespace: 'shop', name: 'backend', ...spec }] } },
    services: [backend],
    exports: [
      {
        metadata: {
          ...{ name: 'backend', namespace: 'shop', uid: 'e' },
          creationTimestamp: '2026-01-01T00:00:00Z',
        },
        spec,
      },
    ],
  };
}

test('exports that are alike do not conflict for what neither of them tells', () => {
  const annotations = Array.from(
    { length: 70 },
    (_, index) => [`a${index}`, 'x'.repeat(900)] as const,
  );
  const { condition } = conditions(
    alike({
      exportedLabels: { owner: 'team a & b' },
      exportedAnnotations: Object.fromEntries(annotations),
    }),
    'ServiceExport',
    'Conflict',
  );
  assert.deepEqual([condition?.status, condition?.reason], ['False', 'NoConflicts']);
});

test('what of an export is not told stands in its condition Ready, and in an Event', () => {
  const { condition, findings } = conditions(
    alike({ exportedAnnotations: { doc: 'x'.repeat(5_000), team: 'shop' } }),
    'ServiceExport',
    'Ready',
  );
  const told = 'not told: exportedAnnotations["doc"] has 5000 characters, at most 4096 are told';
  assert.deepEqual([condition?.status, condition?.reason], ['True', 'Exported']);
  assert.ok(condition?.message.endsWith(`; ${told}`), 'after what is announced');
  assert.deepEqual(
    findings.map((each) => [each.about.kind, each.reason, each.message]),
    [['ServiceExport', 'PartlyExported', told]],
  );
});

test('the export of a Service that is being deleted is not said to be announced, and is in no mirror', () => {
  const world = alike({});
  const going = { ...backend.metadata, deletionTimestamp: '2026-01-02T00:00:00Z' };
  const services = [{ ...backend, metadata: { ...going, finalizers: ['x.example/cleanup'] } }];
  const { condition } = conditions({ ...world, services }, 'ServiceExport', 'Valid');
  assert.deepEqual([condition?.status, condition?.reason], ['False', 'NoService']);
  const { actions } = plan(inputOf({ about: '', links: [link], ...world, services }));
  const mirrors = actions.flatMap((each) =>
    each.do === 'apply' ? (each.object.metadata.annotations?.['isthmus.dev/clusters'] ?? []) : [],
  );
  assert.deepEqual(mirrors, ['east', 'east'], 'as the gateways see it');
});

test('an export that no catalog has room for is not ready', () => {
  const { exportsMax } = CATALOG_LIMITS;
  const many = Array.from({ length: exportsMax + 1 }, (_, index) => ({
    name: `s-${index}`,
    namespace: 'shop',
    uid: `u-${index}`,
    creationTimestamp: index === 0 ? '2026-01-01T00:00:00Z' : '2025-01-01T00:00:00Z',
  }));
  const { condition } = conditions(
    {
      services: many.map((metadata) => ({ ...backend, metadata })),
      exports: many.map((metadata) => ({ metadata })),
    },
    'ServiceExport',
    'Ready',
  );
  assert.deepEqual([condition?.status, condition?.reason], ['False', 'Failed']);
  assert.match(
    condition?.message ?? '',
    /^not announced to east: a catalog has no room for it beside older exports/,
  );
});

test('a Link says which exports of the peer cannot be used', () => {
  const leftOut = { 'shop/x': 'ports.0.name: must be an RFC 1123 label' };
  const world = { catalogs: { east: { leftOut } } };
  const { condition, findings } = conditions(world, 'Link', 'CatalogSynced');
  assert.deepEqual([condition?.status, condition?.reason], ['True', 'PartlyImported']);
  assert.match(
    condition?.message ?? '',
    /1 exports of east are left out.*shop\/x \(ports\.0\.name/,
  );
  assert.deepEqual(
    findings.map((each) => each.reason),
    ['ExportInvalid'],
  );
});
