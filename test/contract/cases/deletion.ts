/**
 * Deletion that takes its time: finalizers, owners, namespaces.
 */
import assert from 'node:assert/strict';
import { asObjects, asString, at, type JsonObject } from '#devcluster/values/json.ts';
import { apiConcepts, type ContractCase, docs } from '../case.ts';
import { type CaseCluster, metaOf } from '../cluster.ts';
import { configMap, core, PATCH, refused } from '../kit.ts';

const GC = docs('concepts/architecture/garbage-collection/');
const FINALIZERS = docs('concepts/overview/working-with-objects/finalizers/#how-finalizers-work');
const NAMESPACES = docs('concepts/overview/working-with-objects/namespaces/');
/** The collector of a real cluster works in seconds. */
const COLLECTED_MS = 120_000;

function owned(name: string, owner: JsonObject, more: JsonObject = {}) {
  const { name: ownerName = '', uid = '' } = metaOf(owner);
  const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: ownerName, uid, ...more };
  return configMap(name, {}, { ownerReferences: [reference] });
}

async function family(
  cluster: CaseCluster,
  more: JsonObject = {},
): Promise<{ path: string; owner: JsonObject }> {
  const path = core(await cluster.namespace(), 'configmaps');
  const owner = await cluster.must(201, 'POST', path, configMap('owner'));
  await cluster.must(201, 'POST', path, owned('child', owner, more));
  return { path, owner };
}

function gone(cluster: CaseCluster, path: string): Promise<boolean> {
  return cluster.until(
    `${path} is gone`,
    async () => (await cluster.call('GET', path)).status === 404,
    COLLECTED_MS,
  );
}

export const deletions: readonly ContractCase[] = [
  {
    name: 'an object with finalizers stays, marked, until the last one is removed',
    source: FINALIZERS,
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const finalizers = ['example.com/hold'];
      await cluster.must(201, 'POST', path, configMap('x', {}, { finalizers }));
      const marked = await cluster.must(200, 'DELETE', `${path}/x`);
      assert.equal(marked.kind, 'ConfigMap', 'the object itself is the answer');
      assert.match(asString(metaOf(marked).deletionTimestamp), /Z$/);
      assert.equal(metaOf(marked).deletionGracePeriodSeconds, 0);
      await cluster.must(200, 'DELETE', `${path}/x`);
      const watch = cluster.watch(`${path}?watch=true&fieldSelector=metadata.name%3Dx`);
      await cluster.until('it is told', () => watch.lines.length > 0);
      const free = { metadata: { finalizers: null } };
      await cluster.must(200, 'PATCH', `${path}/x`, free, { type: PATCH.merge });
      await refused(cluster, 404, 'NotFound', 'GET', `${path}/x`);
      await cluster.until('its end is told', () => watch.lines.at(-1)?.type === 'DELETED');
    },
  },
  {
    name: 'an object being deleted takes no new finalizer',
    source: FINALIZERS,
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const hold = (...finalizers: string[]) => ({ metadata: { finalizers } });
      const finalizers = ['example.com/hold'];
      await cluster.must(201, 'POST', path, configMap('x', {}, { finalizers }));
      await cluster.must(200, 'DELETE', `${path}/x`);
      const body = hold('example.com/hold', 'example.com/more');
      const type = PATCH.merge;
      const answer = await refused(cluster, 422, 'Invalid', 'PATCH', `${path}/x`, body, { type });
      assert.deepEqual(answer.causes, ['FieldValueForbidden metadata.finalizers']);
      await cluster.must(200, 'PATCH', `${path}/x`, { metadata: { finalizers: null } }, { type });
    },
  },
  {
    name: 'a finalizer is a qualified name',
    source: FINALIZERS,
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const body = configMap('x', {}, { finalizers: ['not a name'] });
      const { causes } = await refused(cluster, 422, 'Invalid', 'POST', path, body);
      assert.match(causes[0] ?? '', /^FieldValueInvalid metadata\.finalizers/);
    },
  },
  {
    name: 'deleting an owner deletes what it owns, in the background',
    source: `${GC}#background-deletion`,
    async run(cluster) {
      const { path } = await family(cluster);
      await cluster.must(200, 'DELETE', `${path}/owner`, { propagationPolicy: 'Background' });
      await refused(cluster, 404, 'NotFound', 'GET', `${path}/owner`);
      await gone(cluster, `${path}/child`);
    },
  },
  {
    name: 'deleting an owner in the foreground waits for what blocks it',
    source: `${GC}#foreground-deletion`,
    async run(cluster) {
      const { path, owner } = await family(cluster, { blockOwnerDeletion: true });
      const hold = owned('held', owner, { blockOwnerDeletion: true });
      const metadata = { ...hold.metadata, finalizers: ['example.com/hold'] };
      await cluster.must(201, 'POST', path, { ...hold, metadata });
      const marked = await cluster.must(200, 'DELETE', `${path}/owner`, {
        propagationPolicy: 'Foreground',
      });
      assert.deepEqual(metaOf(marked).finalizers, ['foregroundDeletion']);
      await gone(cluster, `${path}/child`);
      assert.ok(await cluster.exists(`${path}/owner`), 'it waits for the one that is held');
      const free = { metadata: { finalizers: null } };
      await cluster.must(200, 'PATCH', `${path}/held`, free, { type: PATCH.merge });
      await gone(cluster, `${path}/owner`);
    },
  },
  {
    name: 'deleting an owner can leave orphans, which lose the reference',
    source: `${GC}#orphaned-dependents`,
    async run(cluster) {
      const { path } = await family(cluster);
      await cluster.must(200, 'DELETE', `${path}/owner`, { propagationPolicy: 'Orphan' });
      await gone(cluster, `${path}/owner`);
      const child = await cluster.must(200, 'GET', `${path}/child`);
      assert.equal(metaOf(child).ownerReferences, undefined);
    },
  },
  {
    name: 'what names an owner that is not there is collected',
    source: `${GC}#owners-dependents`,
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const uid = '00000000-0000-4000-8000-000000000000';
      const absent = { metadata: { name: 'absent', uid } };
      await cluster.must(201, 'POST', path, owned('child', absent));
      await gone(cluster, `${path}/child`);
    },
  },
  {
    name: 'an owner reference names its owner whole, and one controller at most',
    source: docs('concepts/overview/working-with-objects/owners-dependents/'),
    async run(cluster) {
      const { path, owner } = await family(cluster);
      const { uid = '' } = metaOf(owner);
      const bare = { apiVersion: 'v1', kind: 'ConfigMap', name: '', uid };
      const nameless = configMap('x', {}, { ownerReferences: [bare] });
      const one = await refused(cluster, 422, 'Invalid', 'POST', path, nameless);
      assert.match(one.causes[0] ?? '', /metadata\.ownerReferences/);
      const two = ['a', 'b'].map((name) => ({ ...bare, name, uid: name, controller: true }));
      const both = configMap('x', {}, { ownerReferences: two });
      const answer = await refused(cluster, 422, 'Invalid', 'POST', path, both);
      assert.match(answer.message, /Only one reference can have Controller set to true/);
    },
  },
  {
    name: 'an unknown propagation policy is a 422, one that contradicts orphanDependents a 422 too',
    source: docs('reference/kubernetes-api/common-definitions/delete-options/'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      await cluster.must(201, 'POST', path, configMap('x'));
      const body = { propagationPolicy: 'Somehow' };
      const { causes } = await refused(cluster, 422, 'Invalid', 'DELETE', `${path}/x`, body);
      assert.match(causes[0] ?? '', /propagationPolicy$/);
      const both = { propagationPolicy: 'Background', orphanDependents: true };
      const two = await refused(cluster, 422, 'Invalid', 'DELETE', `${path}/x`, both);
      assert.match(two.causes[0] ?? '', /propagationPolicy$/);
      await cluster.must(200, 'GET', `${path}/x`);
    },
  },
  {
    name: 'binding a pod and finalizing a namespace can be tried as well, the latter by version',
    source: apiConcepts('dry-run'),
    async run(cluster) {
      const namespace = await cluster.namespace(true);
      const pods = core(namespace, 'pods');
      const spec = { containers: [{ name: 'x', image: 'x:1' }] };
      await cluster.must(201, 'POST', pods, { metadata: { name: 'x' }, spec });
      const target = { apiVersion: 'v1', kind: 'Node', name: 'nowhere' };
      const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'x' }, target };
      await cluster.must(201, 'POST', `${pods}/x/binding?dryRun=All`, binding);
      const pod = await cluster.must(200, 'GET', `${pods}/x`);
      assert.equal(at(pod, 'spec', 'nodeName'), undefined);
      const path = `/api/v1/namespaces/${namespace}`;
      const live = await cluster.must(200, 'GET', path);
      const finalized = { ...live, spec: {} };
      await cluster.must(200, 'PUT', `${path}/finalize?dryRun=All`, finalized);
      const still = await cluster.must(200, 'GET', path);
      assert.deepEqual(at(still, 'spec', 'finalizers'), ['kubernetes']);
      const old = { ...finalized, metadata: { ...metaOf(live), resourceVersion: '1' } };
      await refused(cluster, 409, 'Conflict', 'PUT', `${path}/finalize`, old);
    },
  },
  {
    name: 'a deletion whose dryRun is not All is a 422, and deletes nothing',
    source: apiConcepts('dry-run'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      await cluster.must(201, 'POST', path, configMap('x'));
      for (const at of [`${path}/x?dryRun=true`, `${path}?dryRun=true`]) {
        const { causes } = await refused(cluster, 422, 'Invalid', 'DELETE', at);
        assert.deepEqual(causes, ['FieldValueNotSupported dryRun']);
      }
      const body = { dryRun: ['Some'] };
      await refused(cluster, 422, 'Invalid', 'DELETE', `${path}/x`, body);
      await cluster.must(200, 'GET', `${path}/x`);
      await cluster.must(200, 'DELETE', `${path}/x?gracePeriodSeconds=-1`);
    },
  },
  {
    name: 'a namespace is labelled with its name, active, and gets an account and the CA',
    source: `${NAMESPACES}#automatic-labelling`,
    async run(cluster) {
      const name = await cluster.namespace(true);
      const namespace = await cluster.must(200, 'GET', `/api/v1/namespaces/${name}`);
      assert.equal(at(namespace, 'metadata', 'labels', 'kubernetes.io/metadata.name'), name);
      assert.deepEqual(namespace.spec, { finalizers: ['kubernetes'] });
      assert.deepEqual(namespace.status, { phase: 'Active' });
      const path = core(name, 'configmaps', 'kube-root-ca.crt');
      const found = await cluster.until('the CA', async () => {
        const answer = await cluster.call('GET', path);
        return answer.status === 200 && answer.body;
      });
      const ca = asString(at(found, 'data', 'ca.crt'));
      assert.equal(ca.trim(), cluster.target.ca.trim());
    },
  },
  {
    name: 'a deleted namespace takes what is in it along, and refuses anything new meanwhile',
    source: docs('tasks/administer-cluster/namespaces/#deleting-a-namespace'),
    async run(cluster) {
      const name = await cluster.namespace();
      const path = core(name, 'configmaps');
      const finalizers = ['example.com/hold'];
      await cluster.must(201, 'POST', path, configMap('held', {}, { finalizers }));
      await cluster.must(201, 'POST', path, configMap('other'));
      const marked = await cluster.must(200, 'DELETE', `/api/v1/namespaces/${name}`);
      assert.equal(at(marked, 'status', 'phase'), 'Terminating');
      const body = configMap('late');
      const answer = await refused(cluster, 403, 'Forbidden', 'POST', path, body);
      assert.equal(
        answer.message,
        `configmaps "late" is forbidden: unable to create new content in namespace ${name} because it is being terminated`,
      );
      assert.deepEqual(asObjects(answer.details.causes), [
        {
          reason: 'NamespaceTerminating',
          message: `namespace ${name} is being terminated`,
          field: 'metadata.namespace',
        },
      ]);
      await gone(cluster, `${path}/other`);
      const type = PATCH.merge;
      await cluster.must(
        200,
        'PATCH',
        `${path}/held`,
        { metadata: { finalizers: null } },
        { type },
      );
      await gone(cluster, `/api/v1/namespaces/${name}`);
    },
  },
  {
    name: 'creating in a namespace that is not there is a 404',
    source: NAMESPACES,
    async run(cluster) {
      const name = `none-${cluster.unique}`;
      const path = core(name, 'configmaps');
      const answer = await refused(cluster, 404, 'NotFound', 'POST', path, configMap('x'));
      assert.equal(answer.message, `namespaces "${name}" not found`);
      const url = `${path}/x?fieldManager=a`;
      await refused(cluster, 404, 'NotFound', 'PATCH', url, configMap('x'), { type: PATCH.apply });
    },
  },
  {
    name: 'the namespaces of the system cannot be deleted',
    source: `${NAMESPACES}#initial-namespaces`,
    async run(cluster) {
      for (const name of ['default', 'kube-system', 'kube-public']) {
        const path = `/api/v1/namespaces/${name}`;
        const { message } = await refused(cluster, 403, 'Forbidden', 'DELETE', path);
        assert.equal(
          message,
          `namespaces "${name}" is forbidden: this namespace may not be deleted`,
        );
      }
      assert.ok(await cluster.exists('/api/v1/namespaces/kube-node-lease'));
    },
  },
  {
    name: 'the name of a namespace is a DNS label',
    source: NAMESPACES,
    async run(cluster) {
      for (const name of ['with.dots', 'a'.repeat(64), 'UPPER']) {
        const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
        const { causes } = await refused(
          cluster,
          422,
          'Invalid',
          'POST',
          '/api/v1/namespaces',
          body,
        );
        assert.ok(causes.includes('FieldValueInvalid metadata.name'), String(causes));
      }
    },
  },
];
