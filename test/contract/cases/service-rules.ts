/**
 * What is refused of Services and of what is told in their status.
 */
import assert from 'node:assert/strict';
import { asObject, at, type JsonObject } from '#devcluster/values/json.ts';
import { type ContractCase, docs, kep } from '../case.ts';
import { core, PATCH, refused } from '../kit.ts';

const SERVICE = docs('concepts/services-networking/service/');
const type = PATCH.merge;

function service(spec: JsonObject): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'x' },
    spec: { ports: [{ port: 80 }], ...spec },
  };
}

const BALANCER = { type: 'LoadBalancer' };
const EXTERNAL = { type: 'ExternalName', externalName: 'example.com' };
const twice = (more: JsonObject) => [
  { name: 'a', port: 80, ...more },
  { name: 'b', port: 81, ...more },
];

/** Specs that are refused, by the one cause that is told. */
const WRONG: Readonly<Record<string, JsonObject>> = {
  'FieldValueInvalid spec.clusterIPs[0]': { type: 'NodePort', clusterIP: 'None' },
  'FieldValueInvalid spec.clusterIPs': { clusterIPs: ['10.200.0.9'] },
  'FieldValueInvalid spec.selector': { selector: { app: 'a b' } },
  'FieldValueInvalid spec.ports[0].targetPort': { ports: [{ port: 80, targetPort: 'a--b' }] },
  'FieldValueDuplicate spec.ports[1].nodePort': {
    type: 'NodePort',
    ports: twice({ nodePort: 31_234 }),
  },
  'FieldValueDuplicate spec.ports[1].name': {
    ...EXTERNAL,
    ports: [
      { name: 'a', port: 80 },
      { name: 'a', port: 81 },
    ],
  },
  'FieldValueForbidden spec.loadBalancerClass': { loadBalancerClass: 'example.com/own' },
  'FieldValueForbidden spec.allocateLoadBalancerNodePorts': { allocateLoadBalancerNodePorts: true },
  'FieldValueForbidden spec.LoadBalancerSourceRanges': { loadBalancerSourceRanges: ['10.0.0.0/8'] },
  'FieldValueInvalid spec.LoadBalancerSourceRanges[0]': {
    ...BALANCER,
    loadBalancerSourceRanges: ['10.0.0.0/33'],
  },
  'FieldValueForbidden spec.ipFamilies': { ...EXTERNAL, ipFamilies: ['IPv4'] },
  'FieldValueNotSupported spec.externalTrafficPolicy': {
    type: 'NodePort',
    externalTrafficPolicy: 'Near',
  },
};

/** Addresses that no client outside can be sent to, and what is said of them. */
const SPECIAL: Readonly<Record<string, string>> = {
  '127.0.0.1': 'may not be in the loopback range (127.0.0.0/8, ::1/128)',
  '::1': 'may not be in the loopback range (127.0.0.0/8, ::1/128)',
  '0.0.0.0': 'may not be unspecified (0.0.0.0)',
  '169.254.1.1': 'may not be in the link-local range (169.254.0.0/16, fe80::/10)',
  'fe80::1': 'may not be in the link-local range (169.254.0.0/16, fe80::/10)',
  '224.0.0.1': 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)',
  'example.com': 'must be a valid IP address',
};

export const serviceRules: readonly ContractCase[] = [
  {
    name: 'fields of a Service are checked against its type and each other',
    source: docs('reference/kubernetes-api/service-resources/service-v1/#ServiceSpec'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      for (const [cause, spec] of Object.entries(WRONG)) {
        const { causes } = await refused(cluster, 422, 'Invalid', 'POST', path, service(spec));
        assert.deepEqual(causes, [cause]);
      }
    },
  },
  {
    name: 'an external address of a Service is one that others can reach',
    source: `${SERVICE}#external-ips`,
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      for (const [address, why] of Object.entries(SPECIAL)) {
        const body = service({ externalIPs: [address] });
        const { causes, message } = await refused(cluster, 422, 'Invalid', 'POST', path, body);
        assert.deepEqual(causes, ['FieldValueInvalid spec.externalIPs[0]']);
        assert.ok(message.includes(why), message);
      }
      const made = await cluster.must(201, 'POST', path, service({ externalIPs: ['192.0.2.1'] }));
      assert.equal(at(made, 'spec', 'externalTrafficPolicy'), 'Cluster');
    },
  },
  {
    name: 'a class of load balancers is chosen when a Service becomes one, and then stays',
    source: `${SERVICE}#load-balancer-class`,
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      const own = { ...BALANCER, loadBalancerClass: 'example.com/own' };
      await cluster.must(201, 'POST', path, service(own));
      const other = { spec: { loadBalancerClass: 'example.com/other' } };
      const { causes } = await refused(cluster, 422, 'Invalid', 'PATCH', `${path}/x`, other, {
        type,
      });
      assert.deepEqual(causes, ['FieldValueInvalid spec.loadBalancerClass']);
    },
  },
  {
    name: 'the addresses of a load balancer are checked, and told with how they are reached',
    source: kep(1860),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      await cluster.must(201, 'POST', path, service(BALANCER));
      const told = (...ingress: JsonObject[]) => ({ status: { loadBalancer: { ingress } } });
      for (const [cause, ingress] of [
        ['FieldValueInvalid status.loadBalancer.ingress[0].ip', { ip: 'example.com' }],
        ['FieldValueInvalid status.loadBalancer.ingress[0].hostname', { hostname: '192.0.2.1' }],
        ['FieldValueInvalid status.loadBalancer.ingress[0].hostname', { hostname: 'A_b' }],
        [
          'FieldValueNotSupported status.loadBalancer.ingress[0].ipMode',
          { ip: '192.0.2.1', ipMode: 'Direct' },
        ],
        [
          'FieldValueForbidden status.loadBalancer.ingress[0].ipMode',
          { hostname: 'example.com', ipMode: 'VIP' },
        ],
      ] as const) {
        const body = told(ingress);
        const answer = await refused(cluster, 422, 'Invalid', 'PATCH', `${path}/x/status`, body, {
          type,
        });
        assert.deepEqual(answer.causes, [cause]);
      }
      const fine = told({ ip: '127.0.0.1' }, { hostname: 'example.com' });
      const status = await cluster.must(200, 'PATCH', `${path}/x/status`, fine, { type });
      assert.deepEqual(at(status, 'status', 'loadBalancer', 'ingress'), [
        { ip: '127.0.0.1', ipMode: 'VIP' },
        { hostname: 'example.com' },
      ]);
    },
  },
  {
    name: 'only a Service that is a load balancer has the addresses of one',
    source: `${SERVICE}#loadbalancer`,
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      await cluster.must(201, 'POST', path, service(BALANCER));
      const told = { status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } } };
      await cluster.must(200, 'PATCH', `${path}/x/status`, told, { type });
      const plain = { spec: { type: 'ClusterIP' } };
      const inner = await cluster.must(200, 'PATCH', `${path}/x`, plain, { type });
      assert.deepEqual(asObject(inner.status), { loadBalancer: {} });
      const { causes } = await refused(cluster, 422, 'Invalid', 'PATCH', `${path}/x/status`, told, {
        type,
      });
      assert.deepEqual(causes, ['FieldValueForbidden status.loadBalancer.ingress']);
    },
  },
  {
    name: 'a headless Service without selector is of both families, whatever the cluster has',
    source: docs('concepts/services-networking/dual-stack/#headless-services-without-selector'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      const made = await cluster.must(201, 'POST', path, service({ clusterIP: 'None' }));
      assert.deepEqual(at(made, 'spec', 'ipFamilies'), ['IPv4', 'IPv6']);
      assert.equal(at(made, 'spec', 'ipFamilyPolicy'), 'RequireDualStack');
    },
  },
];
