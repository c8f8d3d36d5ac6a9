/**
 * A node, played: scheduler, kubelet and the sample's pods for a control plane that has none of them.
 *
 * Pods of `isthmus-system` become processes (the kubelet of the embedded clusters runs them, for it needs
 * nothing but a client); every other pod becomes an HTTP server that says who it is. Each has an address
 * of its own, which must be bindable here. kube-proxy is played by whoever dials: see `addressOf`.
 */
import { systemClock } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import { silentLogger } from '#core/log.ts';
import { SYSTEM_NAMESPACE } from '#core/names.ts';
import type { Network } from '#core/network.ts';
import { systemRandom } from '#core/random.ts';
import { Kubelet } from '#devcluster/kubelet/kubelet.ts';
import { type NodePod, nodePods } from '#devcluster/kubelet/pod.ts';
import type { JsonObject } from '#devcluster/values/json.ts';
import type { HttpKubeClient } from '#kube/http-client.ts';
import { Reflector } from '#kube/reflector.ts';
import { programPath } from '#runtime/package.ts';
import type { Wire } from '../http.ts';
import { PATCH } from '../kit.ts';
import { readyStatus } from '../nodes.ts';
import { Samples } from './samples.ts';
import { withAuthority } from './trust.ts';

/** Two nodes: the kubelet takes every pod of its own. */
const PROCESSES = 'contract-processes';
const SAMPLES = 'contract-samples';
/** A node whose lease is older than forty seconds is given up by the controllers of a real cluster. */
const HEARTBEAT_MS = 10_000;
const RETRY_MS = 250;

export interface NodeOptions {
  readonly cluster: string;
  readonly client: HttpKubeClient;
  /** What the client has no words for, as administrator. */
  readonly wire: Wire;
  readonly network: Network;
  /** Where pods keep their files. */
  readonly directory: string;
  /** What pods trust the API server by, in place of the cluster's own authority. */
  readonly authority: string;
  /** The first two bytes of pod addresses, such as `10.200`. */
  readonly prefix: string;
  /** Variables of every component. */
  environment(): Promise<Readonly<Record<string, string>>>;
}

/** See the file header. */
export class PlayedNode {
  readonly kubelet: Kubelet;
  readonly #options: NodeOptions;
  readonly #ended = new AbortController();
  readonly #pods: Reflector<NodePod>;
  readonly #samples = new Samples();
  readonly #serving = new Set<string>();
  readonly #busy = new Set<string>();
  #addresses = 0;

  constructor(options: NodeOptions) {
    const { client, network, directory } = options;
    this.#options = options;
    const shared = { clock: systemClock, random: systemRandom, log: silentLogger };
    const backoff = { firstMs: 50, maxMs: 1_000 };
    this.#pods = new Reflector({ ...shared, client, resource: nodePods, backoff });
    this.kubelet = new Kubelet({
      ...shared,
      client: withAuthority(client, options.authority),
      nodeName: PROCESSES,
      directory,
      network,
      extraEnvironment: () => options.environment(),
      programPath,
      onChange: () => undefined,
    });
  }

  async start(): Promise<void> {
    for (const name of [PROCESSES, SAMPLES]) {
      const labels = { 'kubernetes.io/hostname': name };
      await this.#send('POST', '/api/v1/nodes', {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name, labels },
      });
    }
    await this.#beat();
    systemClock.every(HEARTBEAT_MS, () => void this.#beat().catch(() => undefined));
    this.#pods.onChange(() => this.#reconcile());
    this.#pods.start(this.#ended.signal);
    this.kubelet.start();
  }

  async stop(): Promise<void> {
    this.#ended.abort(new Error('The node is ending'));
    await this.#samples.close();
    await this.kubelet.stop(1_000);
  }

  /** Both nodes are well: what the controllers of a real cluster want to hear now and then. */
  async #beat(): Promise<void> {
    if (this.#ended.signal.aborted) return;
    const now = new Date().toISOString();
    const heartbeat = now.replace(/\.\d+Z$/, 'Z');
    for (const name of [PROCESSES, SAMPLES]) {
      const condition = {
        type: 'Ready',
        status: 'True',
        reason: 'KubeletReady',
        message: 'played',
      };
      const times = { lastHeartbeatTime: heartbeat, lastTransitionTime: heartbeat };
      const status = { conditions: [{ ...condition, ...times }] };
      await this.#send('PATCH', `/api/v1/nodes/${name}/status`, { status }, PATCH.strategic);
      const lease = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
      const body = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name },
        spec: {
          holderIdentity: name,
          leaseDurationSeconds: 40,
          renewTime: now.replace('Z', '000Z'),
        },
      };
      const query = 'fieldManager=contract-node&force=true';
      await this.#send('PATCH', `${lease}/${name}?${query}`, body, PATCH.apply);
    }
  }

  /** Level-triggered: every pod is looked at, and each does one thing at a time. */
  #reconcile(): void {
    for (const pod of this.#pods.cache.values()) {
      const { uid } = pod.metadata;
      if (this.#busy.has(uid)) continue;
      const step = this.#next(pod);
      if (!step) continue;
      this.#busy.add(uid);
      step().then(
        () => this.#done(uid),
        (error: unknown) => {
          if (this.#ended.signal.aborted) return;
          this.failures.push(describeError(error));
          systemClock.after(RETRY_MS, () => this.#done(uid));
        },
      );
    }
  }

  /** What came meanwhile was passed over, so it is looked at now. */
  #done(uid: string): void {
    this.#busy.delete(uid);
    if (!this.#ended.signal.aborted) this.#reconcile();
  }

  /** What went wrong, for whoever asks why a pod is not ready. */
  readonly failures: string[] = [];

  #next(pod: NodePod): (() => Promise<void>) | undefined {
    const { uid, name, namespace, deletionTimestamp } = pod.metadata;
    const isOurs = namespace === SYSTEM_NAMESPACE;
    if (pod.spec.nodeName === undefined && !deletionTimestamp) {
      return () => this.#bind(pod, isOurs ? PROCESSES : SAMPLES);
    }
    if (isOurs) {
      return pod.status.podIP === undefined && !deletionTimestamp
        ? () => this.#address(pod)
        : undefined;
    }
    if (deletionTimestamp) {
      return async () => {
        if (this.#serving.delete(uid)) await this.#samples.drain(uid);
        const options = { uid, gracePeriodSeconds: 0 };
        await this.#options.client.delete(nodePods, name, namespace, options);
      };
    }
    return this.#serving.has(uid) ? undefined : () => this.#serve(pod);
  }

  async #bind(pod: NodePod, node: string): Promise<void> {
    const { name, namespace } = pod.metadata;
    await this.#send('POST', `/api/v1/namespaces/${namespace}/pods/${name}/binding`, {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name },
      target: { apiVersion: 'v1', kind: 'Node', name: node },
    });
  }

  async #address(pod: NodePod): Promise<void> {
    const podIP = this.#nextAddress();
    await this.#status(pod, { podIP, podIPs: [{ ip: podIP }] });
  }

  async #serve(pod: NodePod): Promise<void> {
    const { uid, name } = pod.metadata;
    const address = this.#nextAddress();
    this.#serving.add(uid);
    await this.#samples.listen(uid, {
      cluster: this.#options.cluster,
      pod: name,
      address,
      ports: pod.spec.containers.flatMap(({ ports }) => ports.map((port) => port.containerPort)),
    });
    await this.#status(pod, readyStatus(address));
  }

  /** As another manager than the kubelet, whose applied status says nothing of addresses. */
  async #status(pod: NodePod, status: JsonObject): Promise<void> {
    const { name, namespace } = pod.metadata;
    const path = `/api/v1/namespaces/${namespace}/pods/${name}/status?fieldManager=contract-node`;
    await this.#send('PATCH', path, { status }, PATCH.strategic);
  }

  #nextAddress(): string {
    this.#addresses += 1;
    return `${this.#options.prefix}.16.${this.#addresses}`;
  }

  async #send(method: string, path: string, body: JsonObject, type?: string): Promise<void> {
    const options = type === undefined ? {} : { type };
    const { status, text } = await this.#options.wire.call(method, path, body, options);
    if (status >= 400 && status !== 409) throw new Error(`${method} ${path}: ${text}`);
  }
}
