/** Manifests: read strictly, applied in the order their kinds need. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { applyManifests, parseManifests, resourceOf } from '#kube/apply-manifests.ts';
import type { Resource } from '#kube/client.ts';
import type { KubeObject } from '#kube/types.ts';
import { MemoryClient } from '../support/memory-client.ts';

const TEXT = `
# a comment alone is no object
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: d, namespace: n, annotations: { kept: "yes" } }
spec: { replicas: 2 }
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: links.isthmus.dev }
---
apiVersion: v1
kind: Namespace
metadata: { name: n }
`;

/** Remembers what was applied; a definition is served from the second look on. */
class OrderedClient extends MemoryClient {
  readonly applied: string[] = [];
  #looks = 0;
  override apply<T extends KubeObject>(resource: Resource<T>, object: KubeObject): Promise<T> {
    this.applied.push(object.kind);
    return super.apply(resource, object);
  }
  override async get<T extends KubeObject>(resource: Resource<T>, name: string) {
    this.#looks += 1;
    const status = this.#looks > 1 ? 'True' : 'False';
    return resource.parse({
      metadata: { name },
      status: { conditions: [{ type: 'Established', status }] },
    });
  }
  get looks(): number {
    return this.#looks;
  }
}

test('parseManifests() returns every object with all of its fields', () => {
  const objects = parseManifests(TEXT, 'f.yaml');
  assert.deepEqual(
    objects.map((each) => each.kind),
    ['Deployment', 'CustomResourceDefinition', 'Namespace'],
  );
  assert.deepEqual(objects[0]?.spec, { replicas: 2 });
  assert.deepEqual(objects[0]?.metadata.annotations, { kept: 'yes' });
});

test('applyManifests() goes by kind, and waits until definitions are served', async () => {
  const client = new OrderedClient();
  await applyManifests(client, parseManifests(TEXT, 'f.yaml'), { clock: systemClock });
  assert.deepEqual(client.applied, ['Namespace', 'CustomResourceDefinition', 'Deployment']);
  assert.equal(client.looks, 2);
});

test('parseManifests() says where a file is wrong', () => {
  const cases: [string, RegExp][] = [
    ['a: [', /f\.yaml#1/],
    ['kind: Service\nmetadata: {name: x}', /f\.yaml#1: apiVersion: is missing/],
    ['apiVersion: v1\nkind: Service', /metadata: is missing/],
    ['apiVersion: v1\nkind: Service\nmetadata: {name: 3}', /name: must be a string/],
    ['apiVersion: v1\nkind: Gizmo\nmetadata: {name: x}', /Cannot apply v1 Gizmo x/],
    ['- 1', /must be an object/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => parseManifests(text, 'f.yaml'), { code: 'INVALID_FILE', message });
  }
});

test('resourceOf() knows where kinds live', () => {
  const object = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' } };
  const { group, version, plural, namespaced } = resourceOf(object);
  assert.deepEqual([group, version, plural, namespaced], ['apps', 'v1', 'deployments', true]);
});
