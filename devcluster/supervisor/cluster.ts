/**
 * One embedded cluster: its API server, what is installed in it, and the processes of its components.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import {
  ADMIN_PORT,
  GATEWAY_PORT,
  IDENTITY_PORT,
  IDENTITY_SERVICE,
  SYSTEM_NAMESPACE,
} from '#core/names.ts';
import { formatAddress, identityNetwork, type Network } from '#core/network.ts';
import type { Random } from '#core/random.ts';
import { applyManifests } from '#kube/apply-manifests.ts';
import { fixedHeaders } from '#kube/credentials.ts';
import { HttpKubeClient } from '#kube/http-client.ts';
import { services } from '#kube/resources/builtin.ts';
import { killNow } from '#runtime/child.ts';
import { programPath } from '#runtime/package.ts';
import { routesFile } from '../faults/component-partitions.ts';
import { Kubelet, type RunningComponent } from '../kubelet/kubelet.ts';
import { type Access, formatKubeconfig, readAccess, writePrivately } from './access.ts';
import { ApiServer } from './api-server.ts';
import { API_SERVER_PORT, apiServerHost } from './blocks.ts';
import { installManifests, podsWanted } from './install.ts';
import { componentsReady } from './readiness.ts';

export interface ClusterOptions {
  readonly name: string;
  readonly block: number;
  /** Of the whole clusterset. */
  readonly directory: string;
  readonly networkSpec: string | undefined;
  readonly network: Network;
  /** Variables every child is given. */
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Called when a process starts, ends, or changes its readiness. */
  onChange(): void;
  /** Told what is waited for, from when booting takes longer than usual; again when that changes. */
  onWait?(text: string): void;
}

/** A gateway replica. */
export interface GatewayProcess {
  readonly pod: string;
  readonly ip: string;
  readonly pid: number;
  readonly ready: boolean;
}

/** The processes of a cluster that live now. */
export interface ClusterPids {
  readonly apiServer: number | undefined;
  readonly gateways: readonly number[];
  readonly mirror: number | undefined;
  readonly identity: number | undefined;
}

/** A component of a cluster, for {@link EmbeddedCluster.kill}. */
export type ComponentName = 'apiServer' | 'gateway' | 'mirror' | 'identity';

/** A running cluster. */
export class EmbeddedCluster {
  readonly name: string;
  readonly block: number;
  /** Path of its kubeconfig, mode 0600. */
  readonly kubeconfig: string;
  readonly context: string;
  /** URL of the API server, where it really is. */
  readonly apiServer: string;
  readonly access: Access;
  /** As cluster administrator. */
  readonly client: HttpKubeClient;
  readonly #options: ClusterOptions;
  readonly #server: ApiServer;
  readonly #kubelet: Kubelet;

  private constructor(options: ClusterOptions, server: ApiServer, access: Access) {
    const { name, block, directory, clock, random, log } = options;
    this.#options = options;
    this.#server = server;
    this.name = name;
    this.block = block;
    this.context = name;
    this.access = access;
    this.apiServer = access.server;
    this.kubeconfig = join(directory, `${name}.kubeconfig`);
    this.client = new HttpKubeClient({
      server: new URL(access.server),
      tls: { ca: access.ca },
      headers: fixedHeaders({ authorization: `Bearer ${access.token}` }),
      // A kubeconfig already says where the server really is.
      network: identityNetwork,
      clock,
      random,
      log,
    });
    this.#kubelet = new Kubelet({
      client: this.client,
      nodeName: `${name}-processes`,
      directory: join(directory, name),
      network: options.network,
      clock,
      random,
      log: log.with({ cluster: name }),
      extraEnvironment: (pod) =>
        this.#componentEnvironment(pod.metadata.labels['app.kubernetes.io/component'] ?? ''),
      programPath,
      onChange: options.onChange,
    });
  }

  /** Boots the cluster and resolves when every component is ready. */
  static async boot(options: ClusterOptions): Promise<EmbeddedCluster> {
    const { name, directory, clock, signal } = options;
    const server = await ApiServer.start({ ...options, directory: join(directory, name) });
    let cluster: EmbeddedCluster | undefined;
    try {
      const text = readFileSync(server.kubeconfig, 'utf8');
      cluster = new EmbeddedCluster(options, server, readAccess(name, text, server.kubeconfig));
      writePrivately(cluster.kubeconfig, formatKubeconfig([cluster.access]));
      server.onExit(options.onChange);
      cluster.#kubelet.start();
      const manifests = installManifests(name);
      await applyManifests(cluster.client, manifests, { clock, signal });
      await componentsReady({
        ...options,
        kubelet: cluster.#kubelet,
        wanted: podsWanted(manifests),
        logs: join(directory, name, 'logs'),
        onWait: (text) => options.onWait?.(text),
      });
      return cluster;
    } catch (error) {
      await (cluster ? cluster.stop(0) : server.stop(0, clock));
      throw error;
    }
  }

  /** Replicas that are not leaving, by name of their pod. */
  get gateways(): GatewayProcess[] {
    return this.#processes('gateway')
      .filter((each) => !each.ending)
      .map(({ pod, ip, pid, ready }) => ({ pod, ip, pid, ready }));
  }

  get pids(): ClusterPids {
    return {
      apiServer: this.#server.pid,
      gateways: this.gateways.map((each) => each.pid),
      mirror: this.#processes('mirror')[0]?.pid,
      identity: this.#processes('identity')[0]?.pid,
    };
  }

  /** What `state.json` says of this cluster: addresses are where they really are. */
  state(): Record<string, unknown> {
    const at = (port: number) =>
      this.gateways.map(({ ip }) =>
        formatAddress(this.#options.network.locate({ host: ip, port })),
      );
    return {
      kubeconfig: this.kubeconfig,
      context: this.context,
      apiServer: this.apiServer,
      gateways: at(GATEWAY_PORT),
      admin: at(ADMIN_PORT),
      pids: this.pids,
    };
  }

  /** Kills every process of a component with SIGKILL; returns how many there were. */
  kill(component: ComponentName): number {
    const pids =
      component === 'apiServer'
        ? [this.#server.pid ?? []].flat()
        : this.#processes(component).map((each) => each.pid);
    for (const pid of pids) killNow(pid);
    return pids.length;
  }

  /** Ends everything; what does not end within `graceMs` is killed. */
  async stop(graceMs: number): Promise<void> {
    const { clock } = this.#options;
    await Promise.all([this.#kubelet.stop(graceMs), this.#server.stop(graceMs, clock)]);
    await this.client.close();
  }

  #processes(component: string): RunningComponent[] {
    return this.#kubelet
      .running()
      .filter(
        (each) =>
          each.namespace === SYSTEM_NAMESPACE &&
          each.labels['app.kubernetes.io/component'] === component,
      )
      .sort((a, b) => (a.pod < b.pod ? -1 : 1));
  }

  /** What a pod of a real cluster would find through DNS and its node. */
  async #componentEnvironment(component: string): Promise<Record<string, string>> {
    const { block, directory, name, networkSpec, environment } = this.#options;
    const routes = routesFile(join(directory, name), component);
    const identity = await this.client.get(services, IDENTITY_SERVICE, SYSTEM_NAMESPACE);
    const host = identity?.spec.clusterIP;
    if (!host) throw new IsthmusError('NOT_INSTALLED', 'Service isthmus-identity has no address');
    return {
      ...environment,
      KUBERNETES_SERVICE_HOST: apiServerHost(block),
      KUBERNETES_SERVICE_PORT: String(API_SERVER_PORT),
      ISTHMUS_IDENTITY_ADDRESS: formatAddress({ host, port: IDENTITY_PORT }),
      ...(networkSpec === undefined ? {} : { ISTHMUS_NETWORK: `routed:${routes}!${networkSpec}` }),
    };
  }
}
