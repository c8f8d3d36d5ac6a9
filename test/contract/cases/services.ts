/**
 * Services and EndpointSlices: defaults, addresses, what is refused, and who fills the slices.
 */
import assert from 'node:assert/strict';
import {
  asObject,
  asObjects,
  asString,
  at,
  type Json,
  type JsonObject,
} from '#devcluster/values/json.ts';
import { type ContractCase, docs, kep } from '../case.ts';
import { type CaseCluster, metaOf } from '../cluster.ts';
import { core, group, PATCH, refused } from '../kit.ts';
import { makePodReady, podOf } from '../nodes.ts';

const SERVICE = docs('concepts/services-networking/service/');
const SLICES = docs('concepts/services-networking/endpoint-slices/');

function service(name: string, spec: JsonObject, metadata: JsonObject = {}): JsonObject {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, ...metadata }, spec };
}

function slice(name: string, more: JsonObject): JsonObject {
  const apiVersion = 'discovery.k8s.io/v1';
  return { apiVersion, kind: 'EndpointSlice', metadata: { name }, addressType: 'IPv4', ...more };
}

async function slicesPath(cluster: CaseCluster): Promise<string> {
  return group('discovery.k8s.io/v1', await cluster.namespace(), 'endpointslices');
}

async function causesOf(cluster: CaseCluster, path: string, body: JsonObject): Promise<string[]> {
  return [...(await refused(cluster, 422, 'Invalid', 'POST', path, body)).causes];
}

async function slicesOf(cluster: CaseCluster, namespace: string, name: string) {
  const query = `labelSelector=kubernetes.io%2Fservice-name%3D${name}`;
  const path = group('discovery.k8s.io/v1', namespace, 'endpointslices');
  return asObjects((await cluster.must(200, 'GET', `${path}?${query}`)).items);
}

export const services: readonly ContractCase[] = [
  {
    name: 'a Service is given a type, an address and a target for its port',
    source: `${SERVICE}#defining-a-service`,
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      const made = await cluster.must(201, 'POST', path, service('x', { ports: [{ port: 80 }] }));
      const spec = asObject(made.spec);
      const address = asString(spec.clusterIP);
      assert.match(address, /^\d+\.\d+\.\d+\.\d+$/);
      assert.deepEqual(spec, {
        clusterIP: address,
        clusterIPs: [address],
        internalTrafficPolicy: 'Cluster',
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
        ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
        sessionAffinity: 'None',
        type: 'ClusterIP',
      });
      assert.deepEqual(made.status, { loadBalancer: {} });
    },
  },
  {
    name: 'the address of a Service stays with it and cannot be changed',
    source: `${SERVICE}#type-clusterip`,
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      const made = await cluster.must(201, 'POST', path, service('x', { ports: [{ port: 80 }] }));
      const address = at(made, 'spec', 'clusterIP') ?? '';
      const type = PATCH.merge;
      const other = { spec: { clusterIP: '10.255.255.254', clusterIPs: ['10.255.255.254'] } };
      const answer = await refused(cluster, 422, 'Invalid', 'PATCH', `${path}/x`, other, { type });
      assert.ok(answer.causes.includes('FieldValueInvalid spec.clusterIPs[0]'), `${answer.causes}`);
      assert.match(answer.message, /may not change once set/);
      const bare = service('x', { ports: [{ port: 81 }] });
      const put = await cluster.must(200, 'PUT', `${path}/x`, bare);
      assert.equal(at(put, 'spec', 'clusterIP'), address, 'left out, it is kept');
    },
  },
  {
    name: 'an address that is taken is refused, one that was given back is free again',
    source: docs('concepts/services-networking/cluster-ip-allocation/'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      const ports = [{ port: 80 }];
      const made = await cluster.must(201, 'POST', path, service('x', { ports }));
      const clusterIP = asString(at(made, 'spec', 'clusterIP'));
      const body = service('y', { ports, clusterIP });
      const causes = await causesOf(cluster, path, body);
      assert.deepEqual(causes, ['FieldValueInvalid spec.clusterIPs']);
      await cluster.must(200, 'DELETE', `${path}/x`);
      await cluster.until('the address is free', async () => {
        return (await cluster.call('POST', path, body)).status === 201;
      });
    },
  },
  {
    name: 'a headless Service has the address None, an ExternalName one has none',
    source: `${SERVICE}#headless-services`,
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      const ports = [{ port: 80 }];
      const headless = service('h', { clusterIP: 'None', ports, selector: { app: 'x' } });
      const made = await cluster.must(201, 'POST', path, headless);
      assert.equal(at(made, 'spec', 'clusterIP'), 'None');
      assert.deepEqual(at(made, 'spec', 'clusterIPs'), ['None']);
      cluster.record('headless', asObject(made.spec));
      const named = service('e', { type: 'ExternalName', externalName: 'example.com' });
      const external = await cluster.must(201, 'POST', path, named);
      assert.deepEqual(external.spec, {
        type: 'ExternalName',
        externalName: 'example.com',
        sessionAffinity: 'None',
      });
    },
  },
  {
    name: 'several ports of a Service have names, all different',
    source: `${SERVICE}#multi-port-services`,
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      const nameless = service('x', { ports: [{ port: 80 }, { port: 81 }] });
      assert.deepEqual(await causesOf(cluster, path, nameless), [
        'FieldValueRequired spec.ports[0].name',
        'FieldValueRequired spec.ports[1].name',
      ]);
      const ports = [
        { name: 'a', port: 80 },
        { name: 'a', port: 81 },
      ];
      assert.deepEqual(await causesOf(cluster, path, service('x', { ports })), [
        'FieldValueDuplicate spec.ports[1].name',
      ]);
    },
  },
  {
    name: 'a Service without ports is refused unless it is headless or an ExternalName',
    source: SERVICE,
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      assert.deepEqual(await causesOf(cluster, path, service('x', { selector: { a: 'b' } })), [
        'FieldValueRequired spec.ports',
      ]);
      await cluster.must(201, 'POST', path, service('h', { clusterIP: 'None' }));
    },
  },
  {
    name: 'ports of a Service are numbers from 1 to 65535, of one protocol of three',
    source: SERVICE,
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      const of = (port: JsonObject) => service('x', { ports: [port] });
      assert.deepEqual(await causesOf(cluster, path, of({ port: 0 })), [
        'FieldValueInvalid spec.ports[0].port',
        'FieldValueInvalid spec.ports[0].targetPort',
      ]);
      assert.deepEqual(await causesOf(cluster, path, of({ port: 80, protocol: 'HTTP' })), [
        'FieldValueNotSupported spec.ports[0].protocol',
      ]);
      assert.deepEqual(await causesOf(cluster, path, of({ port: 80, targetPort: 'no_name' })), [
        'FieldValueInvalid spec.ports[0].targetPort',
      ]);
      const app = of({ port: 80, appProtocol: 'kubernetes.io/h2c' });
      const made = await cluster.must(201, 'POST', path, app);
      const [port] = asObjects(at(made, 'spec', 'ports'));
      assert.equal(asObject(port).appProtocol, 'kubernetes.io/h2c');
    },
  },
  {
    name: 'the name of a Service is a DNS label of 63 characters at most',
    source: SERVICE,
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      const spec = { ports: [{ port: 80 }] };
      for (const name of ['with.dot', 'a'.repeat(64), '-x']) {
        assert.deepEqual(await causesOf(cluster, path, service(name, spec)), [
          'FieldValueInvalid metadata.name',
        ]);
      }
      await cluster.must(201, 'POST', path, service('a'.repeat(63), spec));
    },
  },
  {
    name: 'a LoadBalancer Service gets node ports, and its address in its status',
    source: `${SERVICE}#loadbalancer`,
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      const spec = { type: 'LoadBalancer', ports: [{ port: 4143 }] };
      const made = await cluster.must(201, 'POST', path, service('x', spec));
      const [port] = asObjects(at(made, 'spec', 'ports'));
      const nodePort = Number(asObject(port).nodePort);
      assert.ok(nodePort >= 30_000 && nodePort <= 32_767, `node port ${nodePort}`);
      assert.equal(at(made, 'spec', 'externalTrafficPolicy'), 'Cluster');
      assert.equal(at(made, 'spec', 'allocateLoadBalancerNodePorts'), true);
      const status = { loadBalancer: { ingress: [{ ip: '203.0.113.7' }] } };
      const type = PATCH.merge;
      const told = await cluster.must(200, 'PATCH', `${path}/x/status`, { status }, { type });
      const [ingress] = asObjects(at(told, 'status', 'loadBalancer', 'ingress'));
      assert.equal(asObject(ingress).ip, '203.0.113.7');
    },
  },
  {
    name: 'session affinity has a timeout of three hours unless another is said',
    source: docs('reference/networking/virtual-ips/#session-affinity'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      const spec = { sessionAffinity: 'ClientIP', ports: [{ port: 80 }] };
      const made = await cluster.must(201, 'POST', path, service('x', spec));
      assert.deepEqual(at(made, 'spec', 'sessionAffinityConfig'), {
        clientIP: { timeoutSeconds: 10_800 },
      });
    },
  },
  {
    name: 'the Service of the API server stands in the namespace default, with its slice',
    source: docs('tasks/run-application/access-api-from-pod/#directly-accessing-the-rest-api'),
    async run(cluster) {
      const found = await cluster.must(200, 'GET', core('default', 'services', 'kubernetes'));
      const [port] = asObjects(at(found, 'spec', 'ports'));
      assert.equal(asObject(port).port, 443);
      assert.equal(asObject(port).name, 'https');
      const slices = await slicesOf(cluster, 'default', 'kubernetes');
      assert.equal(slices.length, 1);
    },
  },
  {
    name: 'a slice says of which family its addresses are, for ever',
    source: `${SLICES}#address-types`,
    async run(cluster) {
      const path = await slicesPath(cluster);
      const { addressType: _, ...without } = slice('x', { endpoints: [] });
      assert.deepEqual(await causesOf(cluster, path, without), ['FieldValueRequired addressType']);
      const wrong = slice('x', { addressType: 'IPv5', endpoints: [] });
      assert.deepEqual(await causesOf(cluster, path, wrong), [
        'FieldValueNotSupported addressType',
      ]);
      await cluster.must(201, 'POST', path, slice('x', { endpoints: [] }));
      const type = PATCH.merge;
      const change = { addressType: 'IPv6' };
      const { causes } = await refused(cluster, 422, 'Invalid', 'PATCH', `${path}/x`, change, {
        type,
      });
      assert.deepEqual(causes, ['FieldValueInvalid addressType']);
    },
  },
  {
    name: 'addresses of a slice are of its family, and of a kind that can be reached',
    source: `${SLICES}#address-types`,
    async run(cluster) {
      const path = await slicesPath(cluster);
      const of = (address: string, addressType = 'IPv4') =>
        slice('x', { addressType, endpoints: [{ addresses: [address] }], ports: [] });
      const at0 = 'FieldValueInvalid endpoints[0].addresses[0]';
      for (const address of ['no-address', '169.254.1.1', '224.0.0.1', '0.0.0.0']) {
        assert.ok((await causesOf(cluster, path, of(address))).includes(at0), address);
      }
      assert.ok((await causesOf(cluster, path, of('10.0.0.1', 'IPv6'))).includes(at0));
      const none = slice('x', { endpoints: [{ addresses: [] }] });
      assert.deepEqual(await causesOf(cluster, path, none), [
        'FieldValueRequired endpoints[0].addresses',
      ]);
    },
  },
  {
    name: 'loopback addresses do not stand in slices',
    source: `${SLICES}#address-types`,
    exemption: 'loopback endpoints',
    async run(cluster) {
      const path = await slicesPath(cluster);
      const body = slice('x', { endpoints: [{ addresses: ['127.0.0.1'] }] });
      if (cluster.exempts('loopback endpoints')) {
        await cluster.must(201, 'POST', path, body);
        return;
      }
      const { causes, message } = await refused(cluster, 422, 'Invalid', 'POST', path, body);
      assert.deepEqual(causes, ['FieldValueInvalid endpoints[0].addresses[0]']);
      assert.match(message, /may not be in the loopback range/);
    },
  },
  {
    name: 'a slice holds a thousand endpoints, each with a hundred addresses at most',
    source: docs('reference/kubernetes-api/service-resources/endpoint-slice-v1/'),
    async run(cluster) {
      const path = await slicesPath(cluster);
      const many = (count: number) =>
        Array.from({ length: count }, (_, at) => ({
          addresses: [`10.1.${at >> 8}.${at & 255}`],
        }));
      assert.deepEqual(await causesOf(cluster, path, slice('x', { endpoints: many(1_001) })), [
        'FieldValueTooMany endpoints',
      ]);
      await cluster.must(201, 'POST', path, slice('x', { endpoints: many(1_000) }));
      const addresses = Array.from({ length: 101 }, (_, at) => `10.2.0.${at}`);
      assert.deepEqual(await causesOf(cluster, path, slice('y', { endpoints: [{ addresses }] })), [
        'FieldValueTooMany endpoints[0].addresses',
      ]);
    },
  },
  {
    name: 'ports of a slice have different names and a protocol, TCP unless another is said',
    source: docs('reference/kubernetes-api/service-resources/endpoint-slice-v1/'),
    async run(cluster) {
      const path = await slicesPath(cluster);
      const of = (...ports: JsonObject[]) => slice('x', { endpoints: [], ports });
      const twice = of({ name: 'a', port: 1 }, { name: 'a', port: 2 });
      assert.deepEqual(await causesOf(cluster, path, twice), ['FieldValueDuplicate ports[1].name']);
      const wrong = of({ name: 'a', port: 1, protocol: 'HTTP' });
      assert.deepEqual(await causesOf(cluster, path, wrong), [
        'FieldValueNotSupported ports[0].protocol',
      ]);
      const made = await cluster.must(201, 'POST', path, of({ port: 80 }));
      assert.deepEqual(made.ports, [{ name: '', port: 80, protocol: 'TCP' }]);
    },
  },
  {
    name: 'endpoints keep conditions, node, zone, hostname and target',
    source: `${SLICES}#conditions`,
    async run(cluster) {
      const path = await slicesPath(cluster);
      const endpoint: JsonObject = {
        addresses: ['10.0.0.1'],
        conditions: { ready: false, serving: true, terminating: true },
        hostname: 'pod-0',
        nodeName: 'node-1',
        zone: 'zone-a',
        targetRef: { kind: 'Pod', namespace: 'default', name: 'x', uid: 'y' },
      };
      const made = await cluster.must(201, 'POST', path, slice('x', { endpoints: [endpoint] }));
      assert.deepEqual(made.endpoints, [endpoint] as Json);
      const hostname = slice('y', { endpoints: [{ ...endpoint, hostname: 'Not.Label' }] });
      assert.deepEqual(await causesOf(cluster, path, hostname), [
        'FieldValueInvalid endpoints[0].hostname',
      ]);
    },
  },
  {
    name: 'a Service without selector gets no slices from the controller',
    source: `${SERVICE}#services-without-selectors`,
    async run(cluster) {
      const namespace = await cluster.namespace();
      const path = core(namespace, 'services');
      await cluster.must(201, 'POST', path, service('bare', { ports: [{ port: 80 }] }));
      const chosen = service('chosen', { ports: [{ port: 80 }], selector: { app: 'none' } });
      await cluster.must(201, 'POST', path, chosen);
      await cluster.until('a slice of the other', async () => {
        return (await slicesOf(cluster, namespace, 'chosen')).length > 0;
      });
      assert.deepEqual(await slicesOf(cluster, namespace, 'bare'), []);
    },
  },
  {
    name: "the controller's slices name their Service, who manages them and each pod's readiness",
    source: `${SLICES}#management`,
    async run(cluster) {
      const namespace = await cluster.namespace(true);
      const selector = { app: 'x' };
      const ports = [{ name: 'http', port: 80, targetPort: 'web' }];
      await cluster.must(
        201,
        'POST',
        core(namespace, 'services'),
        service('x', { selector, ports }),
      );
      await makePodReady(cluster, namespace, podOf('ready', selector), '10.244.0.7');
      const [found] = await cluster.until('the endpoint', async () => {
        const slices = await slicesOf(cluster, namespace, 'x');
        return asObjects(slices[0]?.endpoints).length === 1 && slices;
      });
      const labels = asObject(metaOf(found).labels);
      assert.equal(labels['kubernetes.io/service-name'], 'x');
      assert.equal(
        labels['endpointslice.kubernetes.io/managed-by'],
        'endpointslice-controller.k8s.io',
      );
      assert.match(asString(metaOf(found).name), /^x-[a-z0-9]{5}$/);
      const [owner] = asObjects(metaOf(found).ownerReferences);
      assert.equal(owner?.kind, 'Service');
      assert.deepEqual(found?.ports, [{ name: 'http', port: 8080, protocol: 'TCP' }]);
      const [endpoint] = asObjects(found?.endpoints);
      assert.deepEqual(endpoint?.addresses, ['10.244.0.7']);
      assert.deepEqual(endpoint?.conditions, { ready: true, serving: true, terminating: false });
      assert.equal(asObject(endpoint?.targetRef).name, 'ready');
    },
  },
  {
    name: 'a pod that is being deleted is not ready but may serve, and is said to be terminating',
    source: kep(1672),
    async run(cluster) {
      const namespace = await cluster.namespace(true);
      const selector = { app: 'x' };
      const spec = { selector, ports: [{ port: 80 }] };
      await cluster.must(201, 'POST', core(namespace, 'services'), service('x', spec));
      await makePodReady(cluster, namespace, podOf('leaving', selector), '10.244.0.8');
      const conditions = async () => {
        const [first] = await slicesOf(cluster, namespace, 'x');
        return asObject(asObjects(first?.endpoints)[0]?.conditions);
      };
      await cluster.until('it is ready', async () => (await conditions()).ready === true);
      const pod = core(namespace, 'pods', 'leaving');
      await cluster.must(200, 'DELETE', pod, { gracePeriodSeconds: 120 });
      await cluster.until('it is terminating', async () => {
        return (await conditions()).terminating === true;
      });
      assert.deepEqual(await conditions(), { ready: false, serving: true, terminating: true });
      await cluster.must(200, 'DELETE', pod, { gracePeriodSeconds: 0 });
      await cluster.until('it is gone', async () => {
        const [first] = await slicesOf(cluster, namespace, 'x');
        return asObjects(first?.endpoints).length === 0;
      });
    },
  },
];
