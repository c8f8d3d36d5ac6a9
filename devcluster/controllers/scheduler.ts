/**
 * The scheduler: a Node and an address for every pod.
 *
 * Pods of `isthmus-system` go to the Node of processes, which a kubelet outside this process runs; all
 * others to the Node of pods. An address belongs to a pod for its life and rests a minute afterwards.
 */
import { SYSTEM_NAMESPACE } from '#core/names.ts';
import {
  asObject,
  asObjects,
  asString,
  at,
  isDeleting,
  type KubeObject,
  namespaceOf,
} from '../api/json.ts';
import type { AddressPool } from '../kinds/address-pool.ts';
import { type Kit, type Running, withCondition } from './kit.ts';
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
    } else if (type === 'ADDED') queue.add(keyOf(object));
  });
  return {
    close() {
      stop();
      queue.close();
    },
  };
}

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
  if (!pod || isDeleting(pod) || at(pod, 'status', 'podIP') !== undefined) return;
  const asked = asString(at(pod, 'spec', 'nodeName'));
  const role = namespaceOf(pod) === SYSTEM_NAMESPACE ? 'processes' : 'pods';
  const nodeName = asked || `${cluster}-${role}`;
  const node = kit.store.get('nodes', '', nodeName);
  if (!node) return;
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
