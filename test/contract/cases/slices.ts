/**
 * What the controller writes into EndpointSlices: ports of each pod, zones, and slices of nobody.
 */
import assert from 'node:assert/strict';
import { asNumber, asObjects, at, type JsonObject } from '#devcluster/values/json.ts';
import { type ContractCase, docs, kep } from '../case.ts';
import type { CaseCluster } from '../cluster.ts';
import { core, group, PATCH } from '../kit.ts';
import { makePodReady, podOf, readyStatus } from '../nodes.ts';

const SLICES = docs('concepts/services-networking/endpoint-slices/');
const selector = { app: 'x' };

async function makeService(cluster: CaseCluster, namespace: string, spec: JsonObject) {
  const body = { metadata: { name: 'x' }, spec: { selector, ...spec } };
  await cluster.must(201, 'POST', core(namespace, 'services'), body);
}

/** The slices of the Service, once `isSo` holds of them. */
function slicesOf(
  cluster: CaseCluster,
  namespace: string,
  isSo: (slices: readonly JsonObject[]) => boolean,
): Promise<readonly JsonObject[]> {
  const query = 'labelSelector=kubernetes.io%2Fservice-name%3Dx';
  const path = `${group('discovery.k8s.io/v1', namespace, 'endpointslices')}?${query}`;
  return cluster.until('the slices', async () => {
    const slices = asObjects((await cluster.must(200, 'GET', path)).items);
    return isSo(slices) ? slices : undefined;
  });
}

export const slices: readonly ContractCase[] = [
  {
    name: 'a Service that no pod serves has a slice that names no port',
    source: `${SLICES}#management`,
    async run(cluster) {
      const namespace = await cluster.namespace();
      await makeService(cluster, namespace, { ports: [{ port: 80 }] });
      const [slice] = await slicesOf(cluster, namespace, (all) => all.length === 1);
      assert.deepEqual([asObjects(slice?.endpoints), asObjects(slice?.ports)], [[], []]);
    },
  },
  {
    name: 'a port by name is what each pod calls so, of its protocol; who differs is in another slice',
    source: docs('concepts/services-networking/service/#field-spec-ports'),
    async run(cluster) {
      const namespace = await cluster.namespace(true);
      await makeService(cluster, namespace, { ports: [{ port: 80, targetPort: 'web' }] });
      await makePodReady(cluster, namespace, podOf('one', selector), '10.244.1.1');
      const container = (name: string, containerPort: number, protocol: string) => ({
        name,
        image: 'app:1',
        ports: [{ name: 'web', containerPort, protocol }],
      });
      const containers = [container('udp', 53, 'UDP'), container('tcp', 9090, 'TCP')];
      await makePodReady(cluster, namespace, podOf('two', selector, { containers }), '10.244.1.2');
      const found = await slicesOf(
        cluster,
        namespace,
        (all) =>
          all.every(({ endpoints }) => asObjects(endpoints).length === 1) && all.length === 2,
      );
      const numbers = found.map(({ ports }) => asNumber(asObjects(ports)[0]?.port));
      assert.deepEqual(numbers.sort(), [8080, 9090]);
    },
  },
  {
    name: 'an endpoint is in the zone of its node, and is meant for it where traffic shall stay close',
    source: kep(4444),
    async run(cluster) {
      const namespace = await cluster.namespace(true);
      const nodeName = `node-${cluster.unique}`;
      const labels = { 'topology.kubernetes.io/zone': 'here' };
      await cluster.must(201, 'POST', '/api/v1/nodes', { metadata: { name: nodeName, labels } });
      cluster.afterwards(`/api/v1/nodes/${nodeName}`);
      const spec = { ports: [{ port: 80 }], trafficDistribution: 'PreferClose' };
      await makeService(cluster, namespace, spec);
      const pods = core(namespace, 'pods');
      await cluster.must(201, 'POST', pods, podOf('one', selector, { nodeName }));
      const status = readyStatus('10.244.1.3');
      const type = PATCH.strategic;
      await cluster.must(200, 'PATCH', `${pods}/one/status`, { status }, { type });
      const [slice] = await slicesOf(
        cluster,
        namespace,
        ([first]) => at(asObjects(first?.endpoints)[0], 'conditions', 'ready') === true,
      );
      const [endpoint] = asObjects(slice?.endpoints);
      assert.equal(endpoint?.zone, 'here');
      assert.deepEqual(endpoint?.hints, { forZones: [{ name: 'here' }] });
    },
  },
];
