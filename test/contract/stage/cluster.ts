/**
 * Isthmus in a control plane of either kind: installed by its own manifests, run on a played node,
 * each component under its own ServiceAccount and through a recorder.
 */

import { join } from 'node:path';
import { readFacts } from '#cli/linking.ts';
import { systemClock } from '#core/clock.ts';
import { silentLogger } from '#core/log.ts';
import { IDENTITY_PORT } from '#core/names.ts';
import type { Address, Network } from '#core/network.ts';
import { formatAddress, identityNetwork } from '#core/network.ts';
import { systemRandom } from '#core/random.ts';
import type { RunningComponent } from '#devcluster/kubelet/kubelet.ts';
import { installManifests, podsWanted } from '#devcluster/supervisor/install.ts';
import { at } from '#devcluster/values/json.ts';
import { applyManifests, type Manifest } from '#kube/apply-manifests.ts';
import type { HttpKubeClient } from '#kube/http-client.ts';
import { kubeconfigClient } from '#kube/kubeconfig.ts';
import { endpointSlices } from '#kube/resources/builtin.ts';
import { killNow } from '#runtime/child.ts';
import { Authority } from '../control-plane/certificates.ts';
import { Wire } from '../http.ts';
import { PATCH } from '../kit.ts';
import { makeScratch, removeScratch } from '../scratch.ts';
import type { Target } from '../target.ts';
import { PlayedNode } from './node.ts';
import { Recorder } from './recorder.ts';

const READY_MS = 60_000;
const POLL_MS = 50;
const RECORDER_PORT = 6_443;

export interface PlayedOptions {
  readonly target: Target;
  /** What the cluster is called. */
  readonly name: string;
  /** The first two bytes of its addresses, all of which must be bindable here. */
  readonly prefix: string;
  readonly network: Network;
  /** Variable ISTHMUS_NETWORK of the components. */
  readonly networkSpec?: string;
}

/** See the file header. */
export class PlayedCluster {
  readonly name: string;
  readonly target: Target;
  readonly client: HttpKubeClient;
  readonly wire: Wire;
  readonly recorder: Recorder;
  /** PEM by which the recorder is trusted. */
  readonly authority: string;
  readonly #options: PlayedOptions;
  readonly #node: PlayedNode;
  readonly #directory: string;

  private constructor(options: PlayedOptions, client: HttpKubeClient) {
    const { target, name, prefix, network } = options;
    this.name = name;
    this.target = target;
    this.client = client;
    this.#options = options;
    this.#directory = makeScratch(`isthmus-played-${name}-`);
    this.wire = new Wire(target.server, target.ca, target.admin);
    const authority = new Authority(Date.now());
    this.authority = authority.certificate;
    this.recorder = new Recorder(target.server, target.ca, authority.serving([this.#door]));
    this.#node = new PlayedNode({
      cluster: name,
      client,
      wire: this.wire,
      network,
      directory: this.#directory,
      authority: authority.certificate,
      prefix,
      environment: () => this.#environment(),
    });
  }

  /** Installs and runs everything; resolves when every component is ready. */
  static async start(options: PlayedOptions): Promise<PlayedCluster> {
    const { target, name } = options;
    const { client } = await kubeconfigClient({
      paths: [target.kubeconfig],
      network: identityNetwork,
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
    });
    const cluster = new PlayedCluster(options, client);
    try {
      await cluster.recorder.listen(cluster.#door, RECORDER_PORT);
      await cluster.#node.start();
      const manifests = installManifests(name);
      await cluster.apply(manifests);
      await cluster.ready(podsWanted(manifests));
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  apply(manifests: readonly Manifest[]): Promise<void> {
    return applyManifests(this.client, manifests, { clock: systemClock });
  }

  /** Waits until `count` components are ready. */
  async ready(count: number, withinMs = READY_MS): Promise<void> {
    const kubelet = this.#node.kubelet;
    const endMs = performance.now() + withinMs;
    while (kubelet.running().filter(({ ready, ending }) => ready && !ending).length < count) {
      if (performance.now() > endMs) {
        const reasons = [...kubelet.unready(), ...this.#node.failures, ...this.recorder.refusals()];
        throw new Error(`${this.name} is not ready: ${reasons.join('; ')}`);
      }
      await pause();
    }
  }

  /** Waits until every replica of a Deployment of the sample is ready. */
  async available(deployment: string, withinMs = READY_MS): Promise<void> {
    const endMs = performance.now() + withinMs;
    const path = `/apis/apps/v1/namespaces/shop/deployments/${deployment}`;
    for (;;) {
      const { body } = await this.wire.call('GET', path);
      if (at(body, 'status', 'readyReplicas') === at(body, 'spec', 'replicas')) return;
      if (performance.now() > endMs) throw new Error(`${this.name}: ${deployment} is not ready`);
      await pause();
    }
  }

  /** Live processes of a component. */
  processes(component: string): RunningComponent[] {
    return this.#node.kubelet.running().filter(({ labels, ending }) => {
      return labels['app.kubernetes.io/component'] === component && !ending;
    });
  }

  /** Kills every process of a component with SIGKILL; how many there were. */
  kill(component: string): number {
    const found = this.processes(component);
    for (const { pid } of found) killNow(pid);
    return found.length;
  }

  /** A merge patch as administrator. */
  async patch(path: string, body: object): Promise<void> {
    const text = JSON.stringify(body);
    const { status, text: said } = await this.wire.call('PATCH', path, text, { type: PATCH.merge });
    if (status !== 200) throw new Error(`PATCH ${path}: ${said}`);
  }

  /** What kube-proxy would do: a ready endpoint of a Service's first port. Throws while there is none. */
  async address(service: string, namespace = 'shop'): Promise<Address> {
    const labelSelector = `kubernetes.io/service-name=${service}`;
    const slices = await this.client.list(endpointSlices, { namespace, labelSelector });
    for (const { endpoints, ports } of slices) {
      const ready = endpoints.find(({ conditions }) => conditions?.ready !== false);
      const host = ready?.addresses[0];
      const port = ports?.[0]?.port;
      if (host !== undefined && port !== undefined) {
        return this.#options.network.locate({ host, port });
      }
    }
    throw new Error(`${this.name} has no endpoint of ${namespace}/${service}`);
  }

  /** URL of the recorder. */
  get door(): string {
    return `https://${formatAddress({ host: this.#door, port: RECORDER_PORT })}`;
  }

  facts() {
    return readFacts({ context: this.name, client: this.client });
  }

  async stop(): Promise<void> {
    await this.#node.stop();
    this.recorder.close();
    this.wire.close();
    await this.client.close();
    await this.target.stop();
    removeScratch(this.#directory);
  }

  get #door(): string {
    return `${this.#options.prefix}.0.1`;
  }

  async #environment(): Promise<Record<string, string>> {
    const { networkSpec } = this.#options;
    const [identity] = this.processes('identity');
    // It needs no address itself; everybody else waits for the bundle it publishes once it runs.
    const host = identity?.ip ?? '0.0.0.0';
    return {
      PATH: process.env['PATH'] ?? '',
      NODE_COMPILE_CACHE:
        process.env['NODE_COMPILE_CACHE'] ?? join(this.#directory, 'compile-cache'),
      KUBERNETES_SERVICE_HOST: this.#door,
      KUBERNETES_SERVICE_PORT: String(RECORDER_PORT),
      ISTHMUS_IDENTITY_ADDRESS: formatAddress({ host, port: IDENTITY_PORT }),
      ...(networkSpec === undefined ? {} : { ISTHMUS_NETWORK: networkSpec }),
    };
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, POLL_MS);
  });
}
