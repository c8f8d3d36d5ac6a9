/**
 * The two Nodes: ready, and saying what they are.
 */
import type { JsonObject } from '../values/json.ts';
import type { Kit } from './kit.ts';

/** Reports both Nodes of `cluster` as ready. */
export function reportNodes(kit: Kit, cluster: string, block: number): void {
  const now = kit.context.objects.now();
  const version = kit.context.version.gitVersion;
  const node = (role: 'pods' | 'processes', runtime: string) => {
    const name = `${cluster}-${role}`;
    const found = kit.store.get('nodes', '', name);
    if (found)
      kit.setStatus('nodes', found, status(name, runtime, `127.${block}.0.1`, now, version));
  };
  node('pods', 'isthmus://in-process');
  node('processes', 'isthmus://child-process');
}

function status(
  name: string,
  runtime: string,
  address: string,
  now: string,
  version: string,
): JsonObject {
  const amount = { cpu: '2', memory: '4Gi', pods: '4000', 'ephemeral-storage': '10Gi' };
  const condition = (type: string, holds: boolean, reason: string, message: string) => ({
    type,
    status: holds ? 'True' : 'False',
    reason,
    message,
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  });
  return {
    addresses: [
      { type: 'InternalIP', address },
      { type: 'Hostname', address: name },
    ],
    allocatable: amount,
    capacity: amount,
    conditions: [
      condition('MemoryPressure', false, 'KubeletHasSufficientMemory', 'sufficient memory'),
      condition('DiskPressure', false, 'KubeletHasNoDiskPressure', 'no disk pressure'),
      condition('PIDPressure', false, 'KubeletHasSufficientPID', 'sufficient PID available'),
      condition('Ready', true, 'KubeletReady', 'this embedded Node is ready'),
    ],
    nodeInfo: {
      architecture: 'amd64',
      bootID: '',
      containerRuntimeVersion: runtime,
      kernelVersion: 'none',
      kubeProxyVersion: '',
      kubeletVersion: version,
      machineID: '',
      operatingSystem: 'linux',
      osImage: 'Isthmus embedded cluster',
      systemUUID: '',
    },
  };
}
