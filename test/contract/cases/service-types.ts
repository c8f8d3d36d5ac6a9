/**
 * Services that change their type, and what they hold of the cluster meanwhile: addresses and node ports.
 */
import assert from 'node:assert/strict';
import { asNumber, asObject, asObjects, at, type JsonObject } from '#devcluster/values/json.ts';
import { type ContractCase, docs } from '../case.ts';
import type { CaseCluster } from '../cluster.ts';
import { core, group, PATCH, refused } from '../kit.ts';

const SERVICE = docs('concepts/services-networking/service/');
const EXTERNAL = { type: 'ExternalName', externalName: 'example.com' };

function service(name: string, spec: JsonObject): JsonObject {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec };
}

function nodePortOf(made: JsonObject): number {
  return asNumber(asObjects(at(made, 'spec', 'ports'))[0]?.nodePort);
}

async function merge(cluster: CaseCluster, path: string, spec: JsonObject): Promise<JsonObject> {
  return asObject((await cluster.must(200, 'PATCH', path, { spec }, { type: PATCH.merge })).spec);
}

export const serviceTypes: readonly ContractCase[] = [
  {
    name: 'a node port can be asked for, in its range and while nobody else has it',
    source: `${SERVICE}#nodeport-custom-port`,
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      const of = (nodePort?: number) => ({ type: 'NodePort', ports: [{ port: 80, nodePort }] });
      const nodePort = nodePortOf(await cluster.must(201, 'POST', path, service('x', of())));
      for (const bad of [nodePort, 80]) {
        const body = service('y', of(bad));
        const { causes } = await refused(cluster, 422, 'Invalid', 'POST', path, body);
        assert.deepEqual(causes, ['FieldValueInvalid spec.ports[0].nodePort']);
      }
      const plain = service('z', { ports: [{ port: 80, nodePort }] });
      const { causes } = await refused(cluster, 422, 'Invalid', 'POST', path, plain);
      assert.deepEqual(causes, ['FieldValueForbidden spec.ports[0].nodePort']);
      await cluster.must(200, 'DELETE', `${path}/x`);
      await cluster.must(201, 'POST', path, service('y', of(nodePort)));
    },
  },
  {
    name: 'a port keeps its node port by its name, also when its number changes',
    source: `${SERVICE}#type-nodeport`,
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      const of = (port: number) => service('x', { type: 'NodePort', ports: [{ port }] });
      const nodePort = nodePortOf(await cluster.must(201, 'POST', path, of(80)));
      assert.equal(nodePortOf(await cluster.must(200, 'PUT', `${path}/x`, of(81))), nodePort);
    },
  },
  {
    name: 'a Service that is reached from outside no longer loses what only such Services have',
    source: `${SERVICE}#publishing-services-service-types`,
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      for (const type of ['NodePort', 'LoadBalancer']) {
        const name = type.toLowerCase();
        const body = service(name, { type, ports: [{ port: 80 }] });
        const made = await cluster.must(201, 'POST', path, body);
        const inner = await merge(cluster, `${path}/${name}`, { type: 'ClusterIP' });
        assert.equal(inner.clusterIP, at(made, 'spec', 'clusterIP'));
        assert.deepEqual(inner.ports, [{ port: 80, protocol: 'TCP', targetPort: 80 }]);
        assert.equal(inner.externalTrafficPolicy, undefined);
        assert.equal(inner.allocateLoadBalancerNodePorts, undefined);
      }
      const policy = { externalTrafficPolicy: 'Local', ports: [{ port: 80 }] };
      const body = service('local', policy);
      const { causes } = await refused(cluster, 422, 'Invalid', 'POST', path, body);
      assert.deepEqual(causes, ['FieldValueInvalid spec.externalTrafficPolicy']);
    },
  },
  {
    name: 'a Service that becomes an ExternalName has no address, and is given one when it returns',
    source: `${SERVICE}#externalname`,
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      const ports = [{ port: 80 }];
      await cluster.must(201, 'POST', path, service('x', { ports }));
      const external = await merge(cluster, `${path}/x`, EXTERNAL);
      for (const key of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy']) {
        assert.equal(external[key], undefined, key);
      }
      const back = await merge(cluster, `${path}/x`, { type: 'ClusterIP', externalName: null });
      assert.match(String(back.clusterIP), /^\d+\.\d+\.\d+\.\d+$/);
      const put = service('x', { clusterIP: '', ports });
      const kept = await cluster.must(200, 'PUT', `${path}/x`, put);
      assert.equal(at(kept, 'spec', 'clusterIP'), back.clusterIP, 'an empty address is none');
    },
  },
  {
    name: 'a change of a Service that is tried or refused gives up and takes no address',
    source: docs('reference/using-api/api-concepts/#dry-run'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      const ports = [{ port: 80 }];
      const made = await cluster.must(201, 'POST', path, service('x', { ports }));
      const other = await cluster.must(201, 'POST', path, service('y', { ports }));
      const [mine, theirs] = [made, other].map((each) => at(each, 'spec', 'clusterIP') ?? '');
      const type = PATCH.merge;
      const dry = `${path}/x?dryRun=All`;
      await cluster.must(200, 'PATCH', dry, { spec: EXTERNAL }, { type });
      const change = { spec: { clusterIP: theirs ?? '', clusterIPs: [theirs ?? ''] } };
      await refused(cluster, 422, 'Invalid', 'PATCH', `${path}/x`, change, { type });
      for (const clusterIP of [mine, theirs]) {
        const body = service('z', { clusterIP: clusterIP ?? '', ports });
        const { causes } = await refused(cluster, 422, 'Invalid', 'POST', path, body);
        assert.deepEqual(causes, ['FieldValueInvalid spec.clusterIPs']);
      }
    },
  },
  {
    name: 'Endpoints kept by hand for a Service without selector are mirrored as a slice',
    source: docs('concepts/services-networking/endpoint-slices/#endpointslice-mirroring'),
    async run(cluster) {
      const namespace = await cluster.namespace();
      await cluster.must(
        201,
        'POST',
        core(namespace, 'services'),
        service('x', { ports: [{ port: 80 }] }),
      );
      const path = core(namespace, 'endpoints');
      const of = (ip: string) => ({
        metadata: { name: 'x' },
        subsets: [{ addresses: [{ ip }], ports: [{ port: 8080 }] }],
      });
      const { causes } = await refused(cluster, 422, 'Invalid', 'POST', path, of('nowhere'));
      assert.deepEqual(causes, ['FieldValueInvalid subsets[0].addresses[0].ip']);
      const made = await cluster.must(201, 'POST', path, of('10.200.0.1'));
      const [subset] = asObjects(made.subsets);
      assert.deepEqual(subset?.ports, [{ port: 8080, protocol: 'TCP' }]);
      const query = 'labelSelector=kubernetes.io%2Fservice-name%3Dx';
      const slices = `${group('discovery.k8s.io/v1', namespace, 'endpointslices')}?${query}`;
      const mirrored = (address: string) =>
        cluster.until(`a slice with ${address}`, async () => {
          const items = asObjects((await cluster.must(200, 'GET', slices)).items);
          return items.find(
            (each) => asObjects(each.endpoints)[0]?.addresses?.toString() === address,
          );
        });
      const slice = await mirrored('10.200.0.1');
      assert.equal(slice.addressType, 'IPv4');
      assert.deepEqual(slice.ports, [{ name: '', port: 8080, protocol: 'TCP' }]);
      assert.equal(
        at(slice, 'metadata', 'labels', 'endpointslice.kubernetes.io/managed-by'),
        'endpointslicemirroring-controller.k8s.io',
      );
      const [owner] = asObjects(at(slice, 'metadata', 'ownerReferences'));
      assert.deepEqual([owner?.kind, owner?.name], ['Endpoints', 'x']);
      await cluster.must(200, 'PUT', `${path}/x`, of('10.200.0.2'));
      await mirrored('10.200.0.2');
      await cluster.must(200, 'DELETE', `${path}/x`);
      await cluster.until('no slice is left', async () => {
        return asObjects((await cluster.must(200, 'GET', slices)).items).length === 0;
      });
    },
  },
  {
    name: 'how traffic goes is said in words that are known, of ports and times that can be',
    source: docs('reference/kubernetes-api/service-resources/service-v1/#ServiceSpec'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      const ports = [{ port: 80 }];
      const wrong: Readonly<Record<string, JsonObject>> = {
        'FieldValueNotSupported spec.trafficDistribution': { ports, trafficDistribution: 'Near' },
        'FieldValueInvalid spec.ports[0].appProtocol': {
          ports: [{ port: 80, appProtocol: 'a b' }],
        },
        'FieldValueInvalid spec.sessionAffinityConfig.clientIP.timeoutSeconds': {
          ports,
          sessionAffinity: 'ClientIP',
          sessionAffinityConfig: { clientIP: { timeoutSeconds: 86_401 } },
        },
        'FieldValueInvalid spec.healthCheckNodePort': { ports, healthCheckNodePort: 31_000 },
        'FieldValueInvalid spec.externalName': { type: 'ExternalName', externalName: 'A_b' },
      };
      for (const [cause, spec] of Object.entries(wrong)) {
        const body = service('x', spec);
        const { causes } = await refused(cluster, 422, 'Invalid', 'POST', path, body);
        assert.deepEqual(causes, [cause]);
      }
      const near = service('x', { ports, trafficDistribution: 'PreferClose' });
      await cluster.must(201, 'POST', path, near);
    },
  },
  {
    name: 'a load balancer that keeps to a node is given a port for its health, and gives it back',
    source: docs('tasks/access-application-cluster/create-external-load-balancer/'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      const local = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', ports: [{ port: 80 }] };
      const made = await cluster.must(201, 'POST', path, service('x', local));
      const healthCheckNodePort = asNumber(at(made, 'spec', 'healthCheckNodePort'));
      assert.ok(healthCheckNodePort >= 30_000 && healthCheckNodePort !== nodePortOf(made));
      const taken = service('y', { ...local, healthCheckNodePort });
      const { causes } = await refused(cluster, 422, 'Invalid', 'POST', path, taken);
      assert.deepEqual(causes, ['FieldValueInvalid spec.healthCheckNodePort']);
      const open = await merge(cluster, `${path}/x`, { externalTrafficPolicy: 'Cluster' });
      assert.equal(open.healthCheckNodePort, undefined);
      await cluster.must(201, 'POST', path, taken);
    },
  },
];
