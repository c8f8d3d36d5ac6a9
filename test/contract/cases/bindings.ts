/**
 * Bindings and evictions: what schedulers and `kubectl drain` say of pods.
 */
import assert from 'node:assert/strict';
import { asObject, asObjects, at, type JsonObject } from '#devcluster/values/json.ts';
import { type ContractCase, docs } from '../case.ts';
import type { CaseCluster } from '../cluster.ts';
import { core, refused, versionOf } from '../kit.ts';
import { podOf } from '../nodes.ts';

const BINDING = docs('reference/kubernetes-api/workload-resources/binding-v1/');

function binding(name: string, target: JsonObject = { kind: 'Node', name: 'n' }): JsonObject {
  return { apiVersion: 'v1', kind: 'Binding', metadata: { name }, target };
}

/** Makes pods that no scheduler takes; where they are. */
async function podsOf(cluster: CaseCluster, ...names: string[]): Promise<string> {
  const path = core(await cluster.namespace(true), 'pods');
  for (const name of names) {
    await cluster.must(201, 'POST', path, podOf(name, {}, { schedulerName: 'nobody' }));
  }
  return path;
}

export const bindings: readonly ContractCase[] = [
  {
    name: 'a pod is bound to a node once, through the pod or the collection of bindings',
    source: BINDING,
    async run(cluster) {
      const pods = await podsOf(cluster, 'x', 'y');
      const metadata = { name: 'x', annotations: { 'example.com/why': 'free' } };
      const body = { ...binding('x'), metadata };
      const made = await cluster.must(201, 'POST', `${pods}/x/binding`, body);
      const success = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };
      assert.deepEqual(made, { ...success, code: 201 });
      const all = `${pods.slice(0, -'pods'.length)}bindings`;
      assert.deepEqual(await cluster.must(201, 'POST', all, binding('y')), made);
      for (const name of ['x', 'y']) {
        const pod = await cluster.must(200, 'GET', `${pods}/${name}`);
        assert.equal(at(pod, 'spec', 'nodeName'), 'n');
        const [scheduled] = asObjects(at(pod, 'status', 'conditions'));
        assert.deepEqual([scheduled?.type, scheduled?.status], ['PodScheduled', 'True']);
      }
      const { annotations } = asObject((await cluster.must(200, 'GET', `${pods}/x`)).metadata);
      assert.deepEqual(annotations, metadata.annotations);
      const again = await refused(cluster, 409, 'Conflict', 'POST', all, binding('x'));
      assert.deepEqual(again.details, { name: 'x', kind: 'pods/binding' });
      assert.match(again.message, /pod x is already assigned to node "n"$/);
      await refused(cluster, 404, 'NotFound', 'POST', all, binding('z'));
    },
  },
  {
    name: 'a binding names the pod of its path and a node',
    source: BINDING,
    async run(cluster) {
      const pods = await podsOf(cluster, 'x');
      const path = `${pods}/x/binding`;
      const other = await refused(cluster, 400, 'BadRequest', 'POST', path, binding('y'));
      assert.equal(other.message, 'name in URL does not match name in Binding object');
      await refused(cluster, 400, 'BadRequest', 'POST', path, podOf('x', {}));
      // No Status of its own: what is wrong with the target is told as a failure of the server.
      for (const [target, message] of [
        [{ kind: 'Node' }, 'target.name: Required value'],
        [{ kind: 'Pod', name: 'n' }, /^target.kind: Unsupported value: "Pod"/],
      ] as const) {
        const { status, body } = await cluster.call('POST', path, binding('x', target));
        assert.equal(status, 500);
        assert.match(String(body.message), RegExp(message));
      }
      await refused(cluster, 405, 'MethodNotAllowed', 'GET', path);
      const all = `${pods.slice(0, -'pods'.length)}bindings`;
      await refused(cluster, 405, 'MethodNotAllowed', 'GET', all);
    },
  },
  {
    name: 'a binding counts for the pod it means, as it is, and only once its gates are gone',
    source: docs('concepts/scheduling-eviction/pod-scheduling-readiness/'),
    async run(cluster) {
      const pods = await podsOf(cluster, 'x');
      const gated = podOf('gated', {}, { schedulingGates: [{ name: 'example.com/wait' }] });
      await cluster.must(201, 'POST', pods, gated);
      const closed = `${pods}/gated/binding`;
      const { message } = await refused(cluster, 409, 'Conflict', 'POST', closed, binding('gated'));
      assert.match(message, /pod gated has non-empty \.spec\.schedulingGates$/);
      const path = `${pods}/x/binding`;
      for (const metadata of [
        { name: 'x', uid: 'another' },
        { name: 'x', resourceVersion: '1' },
      ]) {
        await refused(cluster, 409, 'Conflict', 'POST', path, { ...binding('x'), metadata });
      }
      const before = await cluster.must(200, 'GET', `${pods}/x`);
      await cluster.must(201, 'POST', `${path}?dryRun=All`, binding('x'));
      const after = await cluster.must(200, 'GET', `${pods}/x`);
      assert.equal(versionOf(after), versionOf(before));
    },
  },
  {
    name: 'an eviction names the pod of its path',
    source: docs('concepts/scheduling-eviction/api-eviction/'),
    async run(cluster) {
      const pods = await podsOf(cluster, 'x');
      const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'y' } };
      const path = `${pods}/x/eviction`;
      const { message } = await refused(cluster, 400, 'BadRequest', 'POST', path, eviction);
      assert.equal(message, 'name in URL does not match name in Eviction object');
      await refused(cluster, 400, 'BadRequest', 'POST', path, podOf('x', {}));
      await cluster.must(201, 'POST', path, { ...eviction, metadata: { name: 'x' } });
    },
  },
];
