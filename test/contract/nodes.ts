/**
 * What a kubelet would do, done through the API: a node, a pod bound to it, a status that says ready.
 *
 * No cluster of the contract has a kubelet or a scheduler, so every case that needs a running pod says
 * so itself, in the words a kubelet would use.
 */
import type { Json, JsonObject } from '#devcluster/values/json.ts';
import type { CaseCluster } from './cluster.ts';
import { core, PATCH } from './kit.ts';

/** The one node of the contract. */
export const NODE = 'contract-node';

/** Makes the node where it is missing; the controllers of a real cluster ask for it. */
export async function makeNode(cluster: CaseCluster): Promise<void> {
  await cluster.call('POST', '/api/v1/nodes', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: NODE, labels: { 'kubernetes.io/hostname': NODE } },
  });
  const heartbeat = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  const type = 'Ready';
  const condition = { type, status: 'True', reason: 'KubeletReady', message: 'contract' };
  const times = { lastHeartbeatTime: heartbeat, lastTransitionTime: heartbeat };
  const status = { conditions: [{ ...condition, ...times }] };
  await cluster.call(
    'PATCH',
    `/api/v1/nodes/${NODE}/status`,
    { status },
    { type: PATCH.strategic },
  );
}

/** A pod with a port called `web`. */
export function podOf(name: string, labels: JsonObject, spec: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels },
    spec: {
      containers: [{ name: 'app', image: 'app:1', ports: [{ name: 'web', containerPort: 8080 }] }],
      ...spec,
    },
  };
}

/** Creates the pod on the node, running and ready at `address`. */
export async function makePodReady(
  cluster: CaseCluster,
  namespace: string,
  pod: JsonObject,
  address: string,
): Promise<JsonObject> {
  await makeNode(cluster);
  const spec = { ...(pod.spec as JsonObject), nodeName: NODE };
  const made = await cluster.must(201, 'POST', core(namespace, 'pods'), { ...pod, spec });
  const name = (made.metadata as JsonObject).name as string;
  return cluster.must(
    200,
    'PATCH',
    `${core(namespace, 'pods', name)}/status`,
    { status: readyStatus(address) },
    { type: PATCH.strategic },
  );
}

/** The status of a pod that runs and is ready. */
export function readyStatus(address: string): Record<string, Json> {
  const lastTransitionTime = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  const conditions = ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({
    type,
    status: 'True',
    lastTransitionTime,
  }));
  return { phase: 'Running', podIP: address, podIPs: [{ ip: address }], conditions };
}
