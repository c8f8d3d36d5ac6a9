/**
 * The kubelet of an embedded cluster: Pods of its node become processes of this machine.
 *
 * It runs in the supervisor, so that components are never children of the API server, which may be
 * killed while traffic goes on. Reading nothing while the API server is away, it leaves every process
 * as it is.
 */
import { describeError } from '#core/errors.ts';
import { follow, objectKey } from './follow.ts';
import {
  configMaps as configMapResource,
  type NodePod,
  nodePods,
  requiredConfigMaps,
} from './pod.ts';
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
}

/** Runs the pods of one node. */
export class Kubelet {
  readonly #options: KubeletOptions;
  readonly #node: NodeContext;
  readonly #ended = new AbortController();
  readonly #processes = new Map<string, PodProcess>();
  /** Pods whose processes are being ended, by uid. */
  readonly #ending = new Set<string>();
  /** Pods that wait for a ConfigMap. */
  #pods: ReadonlyMap<string, NodePod> = new Map();
  #configMaps: Parameters<Parameters<typeof follow>[0]['onChange']>[0] = new Map();
  #following: Promise<unknown> = Promise.resolve();

  constructor(options: KubeletOptions) {
    this.#options = options;
    this.#node = {
      ...options,
      extraEnvironment: () => options.extraEnvironment(),
      programPath: (program) => options.programPath(program),
      configMaps: (namespace, name) => {
        const found = this.#configMaps.get(`${namespace}/${name}`);
        return found && configMapResource.parse(found);
      },
    };
  }

  /** Begins to follow the API server. */
  start(): void {
    const { client, clock, random, log, nodeName } = this.#options;
    const shared = { client, clock, random, log };
    const signal = this.#ended.signal;
    const maps = follow(
      {
        ...shared,
        resource: configMapResource,
        selection: {},
        onChange: (objects) => {
          this.#configMaps = objects;
          for (const each of this.#processes.values()) each.refreshConfigMaps();
          this.#reconcile();
        },
      },
      signal,
    );
    const pods = follow(
      {
        ...shared,
        resource: nodePods,
        selection: { fieldSelector: `spec.nodeName=${nodeName}` },
        onChange: (objects) => {
          this.#pods = objects;
          this.#reconcile();
        },
      },
      signal,
    );
    this.#following = Promise.all([maps, pods]);
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
          }
        : [],
    );
  }

  /** Why each pod that is not ready is not, for people who wait. */
  unready(): string[] {
    return [...this.#pods.values()].flatMap((pod) => {
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
    await this.#following;
  }

  /** Level-triggered: compares what should run with what does. */
  #reconcile(): void {
    if (this.#ended.signal.aborted) return;
    const wanted = new Set<string>();
    for (const pod of this.#pods.values()) {
      const { uid, deletionTimestamp } = pod.metadata;
      wanted.add(uid);
      if (deletionTimestamp) this.#end(pod);
      else if (!this.#processes.has(uid) && this.#canStart(pod)) this.#begin(pod);
    }
    for (const [uid, { pod }] of this.#processes) if (!wanted.has(uid)) this.#end(pod);
  }

  #canStart(pod: NodePod): boolean {
    const { namespace } = pod.metadata;
    return (
      pod.status.podIP !== undefined &&
      requiredConfigMaps(pod).every((name) => this.#configMaps.has(`${namespace}/${name}`))
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
    const process = this.#processes.get(uid);
    Promise.resolve(process?.stop(graceSeconds * 1_000))
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
