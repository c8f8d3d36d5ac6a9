/**
 * Disruption budgets, network policies and priority classes as the API server keeps them.
 */
import assert from 'node:assert/strict';
import { asObject, at, type JsonObject } from '#devcluster/values/json.ts';
import { type ContractCase, docs } from '../case.ts';
import { metaOf } from '../cluster.ts';
import { core, group, PATCH, refused } from '../kit.ts';

const selector = { matchLabels: { app: 'x' } };

function policy(spec: JsonObject): JsonObject {
  return { metadata: { generateName: 'x-' }, spec: { podSelector: {}, ...spec } };
}

export const policies: readonly ContractCase[] = [
  {
    name: 'a network policy says which directions it is about, and which protocol its ports are of',
    source: docs('concepts/services-networking/network-policies/#networkpolicy-resource'),
    async run(cluster) {
      const path = group('networking.k8s.io/v1', await cluster.namespace(), 'networkpolicies');
      const ports = [{ port: 80 }];
      const made = await cluster.must(201, 'POST', path, policy({ ingress: [{ ports }] }));
      assert.deepEqual(made.spec, {
        podSelector: {},
        ingress: [{ ports: [{ port: 80, protocol: 'TCP' }] }],
        policyTypes: ['Ingress'],
      });
      const both = await cluster.must(201, 'POST', path, policy({ egress: [{ ports }] }));
      assert.deepEqual(at(both, 'spec', 'policyTypes'), ['Ingress', 'Egress']);
      const from = [{ ipBlock: { cidr: '10.0.0.0/8' }, podSelector: {} }];
      for (const [spec, cause] of [
        [{ policyTypes: ['Sideways'] }, 'FieldValueNotSupported spec.policyTypes[0]'],
        [{ ingress: [{ from }] }, 'FieldValueForbidden spec.ingress[0].from[0]'],
        [{ ingress: [{ from: [{}] }] }, 'FieldValueRequired spec.ingress[0].from[0]'],
        [
          { ingress: [{ ports: [{ port: 0 }] }] },
          'FieldValueInvalid spec.ingress[0].ports[0].port',
        ],
      ] as const) {
        const body = policy(spec as unknown as JsonObject);
        const { causes } = await refused(cluster, 422, 'Invalid', 'POST', path, body);
        assert.deepEqual(causes, [cause]);
      }
    },
  },
  {
    name: 'a disruption budget names one bound, as a count or a percentage, and is replaced by version',
    source: docs('tasks/run-application/configure-pdb/#specifying-a-poddisruptionbudget'),
    async run(cluster) {
      const path = group('policy/v1', await cluster.namespace(), 'poddisruptionbudgets');
      const of = (spec: JsonObject) => ({ metadata: { name: 'x' }, spec: { selector, ...spec } });
      for (const [spec, field] of [
        [{ minAvailable: 1, maxUnavailable: 1 }, 'spec'],
        [{ minAvailable: '120%' }, 'spec.minAvailable'],
        [{ maxUnavailable: 'some' }, 'spec.maxUnavailable'],
        [{ maxUnavailable: -1 }, 'spec.maxUnavailable'],
      ] as const) {
        const { causes } = await refused(cluster, 422, 'Invalid', 'POST', path, of(spec));
        assert.ok(causes.includes(`FieldValueInvalid ${field}`), `${field}: ${causes}`);
      }
      const made = await cluster.must(201, 'POST', path, of({ minAvailable: '50%' }));
      const bare = of({ minAvailable: 1 });
      const late = await refused(cluster, 422, 'Invalid', 'PUT', `${path}/x`, bare);
      assert.deepEqual(late.causes, ['FieldValueInvalid metadata.resourceVersion']);
      await cluster.until('it is replaced', async () => {
        const live = await cluster.must(200, 'GET', `${path}/x`);
        const { resourceVersion } = asObject(live.metadata);
        const body = { ...bare, metadata: { name: 'x', resourceVersion } };
        return (await cluster.call('PUT', `${path}/x`, body)).status === 200;
      });
      assert.equal(metaOf(made).generation, 1);
    },
  },
  {
    name: 'the value of a priority class cannot be changed, and has a policy of preemption',
    source: docs('concepts/scheduling-eviction/pod-priority-preemption/#priorityclass'),
    async run(cluster) {
      const path = '/apis/scheduling.k8s.io/v1/priorityclasses';
      const name = `x-${cluster.unique}`;
      cluster.afterwards(`${path}/${name}`);
      const made = await cluster.must(201, 'POST', path, { metadata: { name }, value: 10 });
      assert.equal(made.preemptionPolicy, 'PreemptLowerPriority');
      const type = PATCH.merge;
      await refused(cluster, 422, 'Invalid', 'PATCH', `${path}/${name}`, { value: 20 }, { type });
      const much = { metadata: { name: `much-${cluster.unique}` }, value: 2_000_000_000 };
      await refused(cluster, 422, 'Invalid', 'POST', path, much);
    },
  },
  {
    name: 'a pod has the priority of the class it names, which must be there',
    source: docs('concepts/scheduling-eviction/pod-priority-preemption/#pod-priority'),
    async run(cluster) {
      const namespace = await cluster.namespace(true);
      const pods = core(namespace, 'pods');
      const name = `y-${cluster.unique}`;
      const classes = '/apis/scheduling.k8s.io/v1/priorityclasses';
      cluster.afterwards(`${classes}/${name}`);
      await cluster.must(201, 'POST', classes, { metadata: { name }, value: 10 });
      const of = (pod: string, priorityClassName?: string) => ({
        metadata: { name: pod },
        spec: { priorityClassName, containers: [{ name: 'x', image: 'x:1' }] },
      });
      const plain = await cluster.must(201, 'POST', pods, of('plain'));
      assert.equal(at(plain, 'spec', 'priority'), 0);
      await cluster.until('the class counts', async () => {
        const answer = await cluster.call('POST', pods, of('named', name));
        return answer.status === 201 && at(answer.body, 'spec', 'priority') === 10;
      });
      const critical = of('critical', 'system-cluster-critical');
      const made = await cluster.must(201, 'POST', pods, critical);
      assert.equal(at(made, 'spec', 'priority'), 2_000_000_000);
      await refused(cluster, 403, 'Forbidden', 'POST', pods, of('none', `none-${cluster.unique}`));
    },
  },
];
