/** The committed CRDs are the schemas' and structural. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { definitions } from '#kube/resources/definitions.ts';
import { generated, stale } from '../../manifests/generate.ts';

const folder = join(import.meta.dirname, '../../manifests/crds');

test('the committed CRDs are current', () => {
  assert.deepEqual(stale(folder), [], 'run: npm run manifests');
  assert.equal(generated().size, 4);
});

test('schemas are structural: every node has a type, none forbids what is beside its properties', () => {
  for (const definition of definitions()) {
    const { versions } = definition.spec as {
      versions: { schema: { openAPIV3Schema: unknown } }[];
    };
    for (const version of versions) check(version.schema.openAPIV3Schema, 'schema');
  }
});

test('the MCS definitions hold ports and conditions to what those of their release do', () => {
  const texts = generated();
  const serviceImport = texts.get('serviceimports.multicluster.x-k8s.io.yaml') ?? '';
  const serviceExport = texts.get('serviceexports.multicluster.x-k8s.io.yaml') ?? '';
  assert.match(serviceImport, /port:\n +type: integer\n +format: int32\n/);
  assert.match(serviceImport, /timeoutSeconds:\n +type: integer\n +format: int32\n/);
  for (const text of [serviceImport, serviceExport]) {
    assert.ok(text.includes('pattern: ^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$'));
    assert.ok(
      text.includes('([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$'),
    );
  }
});

function check(node: unknown, path: string): void {
  assert.ok(typeof node === 'object' && node !== null, path);
  const schema = node as Record<string, unknown>;
  assert.equal(typeof schema.type, 'string', `${path} has a type`);
  assert.ok(!('$schema' in schema) && !('$ref' in schema) && !('anyOf' in schema), path);
  if ('properties' in schema) assert.ok(!('additionalProperties' in schema), path);
  for (const [name, child] of Object.entries(schema.properties ?? {})) {
    check(child, `${path}.${name}`);
  }
  if (schema.items) check(schema.items, `${path}[]`);
  if (typeof schema.additionalProperties === 'object') {
    check(schema.additionalProperties, `${path}{}`);
  }
}
