/**
 * A whole embedded cluster in one process: API server, controllers, in-process pods, service proxy.
 *
 * Not here: component processes of `isthmus-system`, which a kubelet outside runs so that each can die alone.
 */
import type { Random } from '#core/random.ts';
import { type ApiServer, type ApiServerOptions, startApiServer } from './api-server.ts';
import { runClusterRoles } from './controllers/cluster-roles.ts';
import { runDeployments } from './controllers/deployments.ts';
import { runDisruptionBudgets } from './controllers/disruption-budgets.ts';
import { runEndpointMirror } from './controllers/endpoint-mirror.ts';
import { runEndpointSlices } from './controllers/endpoint-slices.ts';
import { runEndpoints } from './controllers/endpoints.ts';
import { runGarbageCollector } from './controllers/garbage.ts';
import { Kit, type Running } from './controllers/kit.ts';
import { runNamespaces } from './controllers/namespaces.ts';
import { reportNodes } from './controllers/nodes.ts';
import { runReplicaSets } from './controllers/replica-sets.ts';
import { runScheduler } from './controllers/scheduler.ts';
import { runStatefulSets } from './controllers/stateful-sets.ts';
import { ComponentPartitions } from './faults/component-partitions.ts';
import { AddressPool } from './kinds/address-pool.ts';
import { Faults } from './pods/faults.ts';
import { PodRuntime } from './pods/runtime.ts';
import { ServiceProxy } from './proxy/service-proxy.ts';

/** An address of a pod that has gone rests this long. */
const POD_ADDRESS_REST_MS = 60_000;

/** An API server with everything that runs beside it. */
export interface Cluster extends ApiServer {
  readonly faults: Faults;
}

/** What a kube-controller-manager does: everything a control plane without nodes has. */
export function runControllers(server: ApiServer, random: Random): Running[] {
  const kit = (manager: string) => new Kit(server.context, random, manager);
  const controllerManager = kit('kube-controller-manager');
  return [
    runNamespaces(controllerManager, server.ca),
    runGarbageCollector(controllerManager),
    runDeployments(kit('deployment-controller')),
    runReplicaSets(kit('replicaset-controller')),
    runStatefulSets(kit('statefulset-controller')),
    runDisruptionBudgets(kit('disruption-controller')),
    runClusterRoles(kit('clusterrole-aggregation-controller')),
    runEndpoints(kit('endpoint-controller')),
    runEndpointSlices(kit('endpoint-slice-controller')),
    runEndpointMirror(kit('endpoint-slice-mirroring-controller')),
  ];
}

/** What a cluster needs of its surroundings. */
export interface ClusterOptions extends Omit<ApiServerOptions, 'extra'> {
  /** Where component processes find their detours; absent: there are no such processes. */
  readonly directory?: string;
}

/** Starts everything; throws `ADDRESS_IN_USE` when the API server's address is taken. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { cluster, block, network, clock, random, directory } = options;
  let faults: Faults | undefined;
  const server = await startApiServer({
    ...options,
    extra: async (call) => (await faults?.serve(call)) ?? false,
  });
  const kit = (manager: string) => new Kit(server.context, random, manager);
  const kubelet = kit('kubelet');
  const pool = new AddressPool(clock, `127.${block}.16.0/20`, 1, POD_ADDRESS_REST_MS);
  reportNodes(kubelet, cluster, block);
  const runtime = new PodRuntime(kubelet, cluster, network);
  const partitions = new ComponentPartitions({
    kit: kubelet,
    apiServer: { host: `127.${block}.0.1`, port: 6443 },
    network,
    directory,
  });
  faults = new Faults(kubelet, runtime, partitions);
  const running = [
    ...runControllers(server, random),
    runScheduler(kit('default-scheduler'), cluster, block, pool),
    runtime,
    new ServiceProxy(kit('kube-proxy'), network, (endpoint) => partitions.clientWay(endpoint)),
  ];
  return {
    ...server,
    faults,
    async close() {
      for (const each of running) each.close();
      await partitions.close();
      await server.close();
    },
  };
}
