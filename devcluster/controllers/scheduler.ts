/**
 * The scheduler: a Node and an address for every pod.
 *
 * Pods of `isthmus-system` go to the Node of processes, which a kubelet outside this process runs; all
 * others to the Node of pods. A Node that is cordoned, is not what a pod selects, or has a taint that it does not tolerate, takes
 * none: the pod is Pending, and says why, until that changes. A pod of another scheduler waits for that one, but is given its
 * address here. An address belongs to a pod for its life and rests a minute afterwards.
 */
import { SYSTEM_NAMESPACE } from '#core/names.ts';
import type { AddressPool } from '../kinds/address-pool.ts';
import {
  asObject,
  asObjects,
  asString,
  at,
  isDeleting,
  type JsonObject,
  type KubeObject,
  namespaceOf,
  withCondition,
} from '../values/json.ts';
import type { Kit, Running } from './kit.ts';
import { keyOf, splitKey } from './queue.ts';
import { PODS } from './replica-sets.ts';

/** Starts the scheduler; addresses come from `pool`. */
export function runScheduler(kit: Kit, cluster: string, block: number, pool: AddressPool): Running {
  const hostIP = `127.${block}.0.1`;
  const held = new Map<string, string>();
  const queue = kit.queue('scheduler', (key) =>
    schedule(kit, { cluster, hostIP, pool, held }, key),
  );
  const stop = kit.store.listen(PODS, ({ type, object }) => {
    const { uid } = object.metadata;
    const address = held.get(uid);
    if (type === 'DELETED' && address !== undefined) {
      pool.release(address);
      held.delete(uid);
    } else if (type !== 'DELETED' && isUnplaced(object)) queue.add(keyOf(object));
  });
  const stopNodes = kit.store.listen(NODES, () => {
    for (const pod of kit.store.list(PODS)) if (isUnplaced(pod)) queue.add(keyOf(pod));
  });
  return {
    close() {
      stop();
      stopNodes();
      queue.close();
    },
  };
}

const NODES = 'nodes';
const DEFAULT_SCHEDULER = 'default-scheduler';

interface Place {
  readonly cluster: string;
  /** Address of both Nodes. */
  readonly hostIP: string;
  readonly pool: AddressPool;
  /** Address by uid of the pod. */
  readonly held: Map<string, string>;
}

function schedule(kit: Kit, place: Place, key: string): void {
  const { cluster, hostIP, pool, held } = place;
  const [namespace, name] = splitKey(key);
  const pod = kit.store.get(PODS, namespace, name);
  if (!pod || !isUnplaced(pod)) return;
  const asked = asString(at(pod, 'spec', 'nodeName'));
  const role = namespaceOf(pod) === SYSTEM_NAMESPACE ? 'processes' : 'pods';
  const nodeName = asked || `${cluster}-${role}`;
  const node = kit.store.get(NODES, '', nodeName);
  if (!node) return;
  if (asked === '') {
    if (at(pod, 'spec', 'schedulerName') !== DEFAULT_SCHEDULER) return;
    const waits = reasonToWait(node, pod);
    if (waits !== undefined) {
      hold(kit, pod, waits);
      return;
    }
  }
  const podIP = pool.take();
  held.set(pod.metadata.uid, podIP);
  const now = kit.context.objects.now();
  const scheduled = { type: 'PodScheduled', status: 'True', lastProbeTime: null };
  const status = {
    ...asObject(pod.status),
    conditions: withCondition(asObjects(at(pod, 'status', 'conditions')), scheduled, now),
    hostIP,
    hostIPs: [{ ip: hostIP }],
    podIP,
    podIPs: [{ ip: podIP }],
  };
  const spec = { ...asObject(pod.spec), nodeName };
  kit.context.objects.commit(kit.def(PODS), { ...pod, spec, status } as KubeObject);
  const message = `Successfully assigned ${namespace}/${name} to ${nodeName}`;
  kit.events.record(pod, 'Normal', 'Scheduled', message);
}

function isUnplaced(pod: KubeObject): boolean {
  return !isDeleting(pod) && at(pod, 'status', 'podIP') === undefined;
}

/** Why `node` takes no pod such as `pod`, as the real scheduler words it. */
function closedBecause(node: KubeObject, pod: KubeObject): string | undefined {
  if (at(node, 'spec', 'unschedulable') === true) return '1 node(s) were unschedulable';
  const labels = asObject(node.metadata.labels);
  const selected = Object.entries(asObject(at(pod, 'spec', 'nodeSelector')));
  if (selected.some(([key, value]) => labels[key] !== value)) {
    return "1 node(s) didn't match Pod's node affinity/selector";
  }
  const tolerations = asObjects(at(pod, 'spec', 'tolerations'));
  const taint = asObjects(at(node, 'spec', 'taints')).find(
    (each) =>
      each.effect !== 'PreferNoSchedule' &&
      !tolerations.some((toleration) => tolerates(toleration, each)),
  );
  if (taint === undefined) return undefined;
  return `1 node(s) had untolerated taint {${asString(taint.key)}: ${asString(taint.value)}}`;
}

function tolerates(toleration: JsonObject, taint: JsonObject): boolean {
  const key = asString(toleration.key);
  const effect = asString(toleration.effect);
  if (effect !== '' && effect !== taint.effect) return false;
  if (toleration.operator === 'Exists') return key === '' || key === taint.key;
  return key === taint.key && asString(toleration.value) === asString(taint.value);
}

/** Why a pod stays where it is: `reason` and `message` of its condition. */
interface Wait {
  readonly reason: 'SchedulingGated' | 'Unschedulable';
  readonly message: string;
}

function reasonToWait(node: KubeObject, pod: KubeObject): Wait | undefined {
  if (asObjects(at(pod, 'spec', 'schedulingGates')).length > 0) {
    const message = 'Scheduling is blocked due to non-empty scheduling gates';
    return { reason: 'SchedulingGated', message };
  }
  const why = closedBecause(node, pod);
  if (why === undefined) return undefined;
  return { reason: 'Unschedulable', message: `0/1 nodes are available: ${why}.` };
}

function hold(kit: Kit, pod: KubeObject, { reason, message }: Wait): void {
  const now = kit.context.objects.now();
  const condition = { type: 'PodScheduled', status: 'False', reason, message };
  const before = asObjects(at(pod, 'status', 'conditions'));
  if (before.some((each) => each.type === condition.type && each.message === message)) return;
  kit.setStatus(PODS, pod, {
    ...asObject(pod.status),
    conditions: withCondition(before, condition, now),
  });
  // A gate is no failure.
  if (reason === 'Unschedulable') kit.events.record(pod, 'Warning', 'FailedScheduling', message);
}
