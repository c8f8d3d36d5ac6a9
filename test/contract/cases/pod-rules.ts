/**
 * What is refused of pods and of how Deployments replace them.
 */
import assert from 'node:assert/strict';
import { asObjects, at, type JsonObject } from '#devcluster/values/json.ts';
import { type ContractCase, docs } from '../case.ts';
import { core, group, refused } from '../kit.ts';

const PODS = docs('reference/kubernetes-api/workload-resources/pod-v1/#PodSpec');
const ROLLING = docs('concepts/workloads/controllers/deployment/#rolling-update-deployment');

const APP = { name: 'app', image: 'app:1' };
const container = (more: JsonObject): JsonObject => ({ containers: [{ ...APP, ...more }] });
const probe = (more: JsonObject) => container({ readinessProbe: more });
const http = { httpGet: { port: 80 } };

/** Specs of pods that are refused, by the one cause that is told. */
const WRONG_PODS: Readonly<Record<string, JsonObject>> = {
  'FieldValueInvalid spec.containers[0].ports[0].name': container({
    ports: [{ name: 'a--b', containerPort: 80 }],
  }),
  'FieldValueInvalid spec.containers[0].ports[0].hostPort': container({
    ports: [{ containerPort: 80, hostPort: 70_000 }],
  }),
  'FieldValueInvalid spec.containers[0].env[0].name': container({ env: [{ name: 'A=B' }] }),
  'FieldValueNotSupported spec.containers[0].imagePullPolicy': container({
    imagePullPolicy: 'Now',
  }),
  'FieldValueInvalid spec.containers[0].resources.requests': container({
    resources: { limits: { cpu: '500m' }, requests: { cpu: '1' } },
  }),
  'FieldValueRequired spec.containers[0].readinessProbe': probe({ periodSeconds: 1 }),
  'FieldValueForbidden spec.containers[0].readinessProbe.tcpSocket': probe({
    ...http,
    tcpSocket: { port: 80 },
  }),
  'FieldValueInvalid spec.containers[0].readinessProbe.httpGet.port': probe({
    httpGet: { port: 0 },
  }),
  'FieldValueNotSupported spec.containers[0].readinessProbe.httpGet.scheme': probe({
    httpGet: { port: 80, scheme: 'FTP' },
  }),
  'FieldValueInvalid spec.containers[0].readinessProbe.initialDelaySeconds': probe({
    ...http,
    initialDelaySeconds: -1,
  }),
  'FieldValueInvalid spec.containers[0].livenessProbe.successThreshold': container({
    livenessProbe: { ...http, successThreshold: 2 },
  }),
  'FieldValueRequired spec.containers[0].volumeMounts[0].mountPath': {
    ...container({ volumeMounts: [{ name: 'v' }] }),
    volumes: [{ name: 'v' }],
  },
  'FieldValueInvalid spec.containers[0].volumeMounts[1].mountPath': {
    ...container({
      volumeMounts: [
        { name: 'v', mountPath: '/v' },
        { name: 'v', mountPath: '/v' },
      ],
    }),
    volumes: [{ name: 'v' }],
  },
  'FieldValueDuplicate spec.volumes[1].name': {
    containers: [APP],
    volumes: [{ name: 'v' }, { name: 'v' }],
  },
  'FieldValueRequired spec.initContainers[0].image': {
    containers: [APP],
    initContainers: [{ name: 'first' }],
  },
  'FieldValueDuplicate spec.initContainers[0].name': { containers: [APP], initContainers: [APP] },
  'FieldValueNotSupported spec.dnsPolicy': { containers: [APP], dnsPolicy: 'Never' },
  'FieldValueRequired spec.dnsConfig': { containers: [APP], dnsPolicy: 'None' },
  'FieldValueRequired spec.dnsConfig.nameservers': {
    containers: [APP],
    dnsPolicy: 'None',
    dnsConfig: {},
  },
  'FieldValueInvalid spec.hostname': { containers: [APP], hostname: 'a.b' },
  'FieldValueInvalid spec.nodeSelector': { containers: [APP], nodeSelector: { a: 'b c' } },
};

/** Specs of Deployments that are refused, beside a template that is fine. */
const WRONG_DEPLOYMENTS: Readonly<Record<string, JsonObject>> = {
  'FieldValueInvalid spec.strategy.rollingUpdate.maxUnavailable': {
    strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } },
  },
  'FieldValueInvalid spec.strategy.rollingUpdate.maxSurge': {
    strategy: { rollingUpdate: { maxSurge: 'some' } },
  },
  'FieldValueNotSupported spec.strategy': { strategy: { type: 'AtOnce' } },
  'FieldValueInvalid spec.progressDeadlineSeconds': { minReadySeconds: 600 },
  'FieldValueInvalid spec.minReadySeconds': { minReadySeconds: -1 },
};

export const podRules: readonly ContractCase[] = [
  {
    name: 'containers, probes and volumes of a pod are checked field by field',
    source: PODS,
    async run(cluster) {
      const path = core(await cluster.namespace(true), 'pods');
      for (const [cause, spec] of Object.entries(WRONG_PODS)) {
        const body = { metadata: { name: 'x' }, spec };
        const { causes } = await refused(cluster, 422, 'Invalid', 'POST', path, body);
        assert.deepEqual(causes, [cause]);
      }
    },
  },
  {
    name: 'a volume without a source is an empty directory',
    source: docs('concepts/storage/volumes/#emptydir'),
    async run(cluster) {
      const path = core(await cluster.namespace(true), 'pods');
      const spec = { containers: [APP], volumes: [{ name: 'v' }] };
      const made = await cluster.must(201, 'POST', path, { metadata: { name: 'x' }, spec });
      const [volume] = asObjects(at(made, 'spec', 'volumes'));
      assert.deepEqual(volume, { name: 'v', emptyDir: {} });
    },
  },
  {
    name: 'a Deployment says how it replaces pods so that it can get on',
    source: ROLLING,
    async run(cluster) {
      const path = group('apps/v1', await cluster.namespace(), 'deployments');
      const labels = { app: 'x' };
      const template = { metadata: { labels }, spec: { containers: [APP] } };
      for (const [cause, more] of Object.entries(WRONG_DEPLOYMENTS)) {
        const spec = { selector: { matchLabels: labels }, template, ...more };
        const body = { metadata: { name: 'x' }, spec };
        const { causes } = await refused(cluster, 422, 'Invalid', 'POST', path, body);
        assert.deepEqual(causes, [cause]);
      }
    },
  },
  {
    name: 'a Deployment that gets nowhere says so after its deadline, and that it is paused at once',
    source: docs('concepts/workloads/controllers/deployment/#failed-deployment'),
    async run(cluster) {
      const path = group('apps/v1', await cluster.namespace(true), 'deployments');
      const labels = { app: 'x' };
      const template = { metadata: { labels }, spec: { containers: [APP] } };
      const selector = { matchLabels: labels };
      const spec = { replicas: 1, selector, template, progressDeadlineSeconds: 1 };
      await cluster.must(201, 'POST', path, { metadata: { name: 'x' }, spec });
      const says = (reason: string) =>
        cluster.until(`it says ${reason}`, async () => {
          const live = await cluster.must(200, 'GET', `${path}/x`);
          const conditions = asObjects(at(live, 'status', 'conditions'));
          return conditions.find((each) => each.type === 'Progressing' && each.reason === reason);
        });
      assert.equal((await says('ProgressDeadlineExceeded')).status, 'False');
      await cluster.must(201, 'POST', path, {
        metadata: { name: 'y' },
        spec: { ...spec, paused: true },
      });
      const paused = await cluster.until('the other says that it is paused', async () => {
        const live = await cluster.must(200, 'GET', `${path}/y`);
        return asObjects(at(live, 'status', 'conditions')).find(
          (each) => each.reason === 'DeploymentPaused',
        );
      });
      assert.deepEqual([paused.type, paused.status], ['Progressing', 'Unknown']);
    },
  },
];
