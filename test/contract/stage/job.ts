/**
 * Played clusters as the main job meets them.
 */
import type { JobCluster, JobStage } from '#test/e2e/main-job.ts';
import type { PlayedCluster } from './cluster.ts';
import type { Pair } from './pair.ts';

/** See the file header. */
export function jobOf({ west, east }: Pair): JobStage {
  return {
    west: clusterOf(west),
    east: clusterOf(east),
    refusals: () => [...west.recorder.refusals(), ...east.recorder.refusals()],
  };
}

function clusterOf(cluster: PlayedCluster): JobCluster {
  return {
    client: cluster.client,
    address: (service) => cluster.address(service),
    gateways: () => cluster.processes('gateway').map(({ ip }) => ip),
    killGateways: () => cluster.kill('gateway'),
    patch: (path, body) => cluster.patch(path, body),
  };
}
