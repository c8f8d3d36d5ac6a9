/**
 * The kubelet of an embedded cluster: Pods of its node become processes of this machine.
 *
 * It runs in the supervisor, so that components are never children of the API server, which may be
 * killed while traffic goes on. Reading nothing while the API server is away, it leaves every process
 * as it is.
 */
import { describeError } from '#core/errors.ts';
import { objectKey } from '#kube/parse.ts';
import { Reflector } from '#kube/reflector.ts';
import { configMaps } from '#kube/resources/builtin.ts';
import type { ConfigMap } from '#kube/types.ts';
import { PROCESS_FAULT } from '../faults/process-faults.ts';
import { type NodePod, nodePods, requiredConfigMaps } from './pod.ts';
import { type NodeContext, PodProcess } from './process.ts';

export interface KubeletOptions extends Omit<NodeContext, 'configMaps'> {
  /** Pods bound to this node are ours. */
  readonly nodeName: string;
}

/** One process of the node, as seen now. */
export interface RunningComponent {
  readonly namespace: string;
  readonly pod: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ip: string;
  readonly pid: number;
  readonly ready: boolean;
  /** Its Pod is deleted and it is finishing what is under way. */
  readonly ending: boolean;
}

/** A node's own API server is next door: it is worth asking often. */
const RETRY = { firstMs: 50, maxMs: 1_000 };

/** Runs the pods of one node. */
export class Kubelet {
  readonly #options: KubeletOptions;
  readonly #node: NodeContext;
  readonly #ended = new AbortController();
  readonly #processes = new Map<string, PodProcess>();
  /** Pods whose processes are being ended, by uid. */
  readonly #ending = new Set<string>();
  readonly #pods: Reflector<NodePod>;
  readonly #configMaps: Reflector<ConfigMap>;

  constructor(options: KubeletOptions) {
    this.#options = options;
    const { client, clock, random, log, nodeName } = options;
    const shared = { client, clock, random, log, backoff: RETRY };
    const selection = { fieldSelector: `spec.nodeName=${nodeName}` };
    this.#pods = new Reflector({ ...shared, resource: nodePods, selection });
    this.#configMaps = new Reflector({ ...shared, resource: configMaps });
    this.#node = {
      ...options,
      extraEnvironment: (pod) => options.extraEnvironment(pod),
      programPath: (program) => options.programPath(program),
      onChange: () => options.onChange?.(),
      configMaps: (namespace, name) => this.#configMaps.cache.get(`${namespace}/${name}`),
    };
  }

  /** Begins to follow the API server. */
  start(): void {
    this.#pods.onChange(() => this.#reconcile());
    this.#configMaps.onChange(() => {
      for (const each of this.#processes.values()) each.refreshConfigMaps();
      this.#reconcile();
    });
    this.#pods.start(this.#ended.signal);
    this.#configMaps.start(this.#ended.signal);
  }

  /** Every process that was started and has not ended. */
  running(): RunningComponent[] {
    return [...this.#processes.values()].flatMap(({ pod, state }) =>
      state.is === 'running'
        ? {
            namespace: pod.metadata.namespace,
            pod: pod.metadata.name,
            labels: pod.metadata.labels,
            ip: pod.status.podIP ?? '',
            pid: state.pid,
            ready: state.ready,
            ending: this.#ending.has(pod.metadata.uid),
          }
        : [],
    );
  }

  /** Why each pod that is not ready is not, for people who wait. */
  unready(): string[] {
    return [...this.#pods.cache.values()].flatMap((pod) => {
      const state = this.#processes.get(pod.metadata.uid)?.state;
      if (!state) return `${pod.metadata.name} waits for an address or a ConfigMap`;
      if (state.is === 'waiting') return `${pod.metadata.name}: ${state.message || state.reason}`;
      if (state.is === 'ended') return `${pod.metadata.name} ended (code ${state.exitCode})`;
      return state.ready ? [] : `${pod.metadata.name} is not ready`;
    });
  }

  /** Ends every process; resolves when the last is gone. Pod objects stay as they are. */
  async stop(graceMs: number): Promise<void> {
    this.#ended.abort(new Error('The kubelet is ending'));
    await Promise.all([...this.#processes.values()].map((each) => each.stop(graceMs)));
  }

  /** Level-triggered: compares what should run with what does. */
  #reconcile(): void {
    if (this.#ended.signal.aborted) return;
    const wanted = new Set<string>();
    for (const pod of this.#pods.cache.values()) {
      const { uid, deletionTimestamp } = pod.metadata;
      wanted.add(uid);
      if (deletionTimestamp) this.#end(pod);
      else if (!this.#processes.has(uid) && this.#canStart(pod)) this.#begin(pod);
      else this.#processes.get(uid)?.obey(pod.metadata.annotations?.[PROCESS_FAULT]);
    }
    for (const [uid, { pod }] of this.#processes) if (!wanted.has(uid)) this.#end(pod);
  }

  #canStart(pod: NodePod): boolean {
    const { namespace } = pod.metadata;
    return (
      pod.status.podIP !== undefined &&
      requiredConfigMaps(pod).every((name) => this.#configMaps.cache.has(`${namespace}/${name}`))
    );
  }

  #begin(pod: NodePod): void {
    const started = new PodProcess(pod, this.#node);
    this.#processes.set(pod.metadata.uid, started);
    this.#options.log.debug('Starting a pod', { pod: objectKey(pod) });
    void started.start();
  }

  /** Ends the process of a pod that is deleted, then lets the Pod object go. */
  #end(pod: NodePod): void {
    const { uid, deletionGracePeriodSeconds } = pod.metadata;
    if (this.#ending.has(uid)) return;
    this.#ending.add(uid);
    const graceSeconds = deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds;
    const running = this.#processes.get(uid);
    Promise.resolve(running?.stop(graceSeconds * 1_000))
      .then(() => this.#remove(pod))
      .catch((error: unknown) => {
        const fields = { pod: objectKey(pod), reason: describeError(error) };
        this.#options.log.warn('Cannot remove a Pod that has ended', fields);
      })
      .finally(() => {
        this.#processes.delete(uid);
        // While the Pod is still there, the next change tries again.
        this.#ending.delete(uid);
      });
  }

  async #remove(pod: NodePod): Promise<void> {
    if (this.#ended.signal.aborted) return;
    const { name, namespace, uid } = pod.metadata;
    const options = { uid, gracePeriodSeconds: 0 };
    await this.#options.client.delete(nodePods, name, namespace, options);
  }
}
