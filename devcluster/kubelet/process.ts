/**
 * One pod as one process: volumes, environment, start, readiness, status, end.
 *
 * Promises: the process is started once; when it ends, however it ends, the pod is unready at once
 * and stays so; ending it is SIGTERM, a grace period, SIGKILL. It never outlives this process, for it
 * watches its standard input (`ISTHMUS_PARENT=stdin`).
 */
import { join } from 'node:path';
import { backoffMs } from '#core/backoff.ts';
import { type Clock, pause } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import type { Network } from '#core/network.ts';
import type { Random } from '#core/random.ts';
import type { KubeClient } from '#kube/client.ts';
import { Child } from '#runtime/child.ts';
import { environmentOf, programOf } from './environment.ts';
import { type ConfigMapLookup, type Container, type NodePod, nodePods } from './pod.ts';
import { probeReadiness } from './probe.ts';
import { type ProcessState, statusOf, statusPatch } from './status.ts';
import { Volumes } from './volumes.ts';

/** What every pod of a node shares. */
export interface NodeContext {
  readonly client: KubeClient;
  /** Where pods keep their files, and logs are written. */
  readonly directory: string;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly configMaps: ConfigMapLookup;
  /** Variables beside those of the spec; they win. */
  extraEnvironment(pod: NodePod): Promise<Readonly<Record<string, string>>>;
  /** The file to give to node for a program such as `gateway/main`. */
  programPath(program: string): string;
  /** Called when a process starts, ends, or changes its readiness. */
  onChange?(): void;
}

const RETRY = { firstMs: 50, maxMs: 2_000 };

/** A pod and its process. */
export class PodProcess {
  readonly pod: NodePod;
  readonly #node: NodeContext;
  readonly #container: Container;
  readonly #ended = new AbortController();
  readonly #transitions = new Map<string, { readonly status: string; readonly at: string }>();
  #state: ProcessState = { is: 'waiting', reason: 'ContainerCreating', message: '' };
  #child: Child | undefined;
  #fault: string | undefined;
  #volumes: Volumes | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(pod: NodePod, node: NodeContext) {
    const [container] = pod.spec.containers;
    if (!container) throw new Error('a pod has a container');
    this.pod = pod;
    this.#node = node;
    this.#container = container;
  }

  get state(): ProcessState {
    return this.#state;
  }

  /** Starts the process, again and again until what it needs is there. Never rejects. */
  async start(): Promise<void> {
    const { clock, random, log } = this.#node;
    const signal = this.#ended.signal;
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        await this.#launch(signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        const message = describeError(error);
        log.debug('Cannot start a pod yet', { pod: this.pod.metadata.name, reason: message });
        this.#set({ is: 'waiting', reason: 'CreateContainerConfigError', message });
        await pause(clock, backoffMs(RETRY, failures, random), signal);
      }
    }
  }

  /** Writes ConfigMaps that changed since. */
  refreshConfigMaps(): void {
    this.#volumes?.refreshConfigMaps().catch((error: unknown) => {
      const fields = { pod: this.pod.metadata.name, reason: describeError(error) };
      this.#node.log.warn('Cannot write a ConfigMap volume', fields);
    });
  }

  /** Does to the process what a fault asks for; once, however often it is asked. */
  obey(fault: string | undefined): void {
    if (fault === this.#fault || this.#state.is !== 'running') return;
    if (this.#fault === 'freeze') this.#child?.thaw();
    this.#fault = fault;
    if (fault === 'kill') this.#child?.kill();
    else if (fault === 'freeze') this.#child?.freeze();
  }

  /** Resolves when the process is gone: SIGTERM, `graceMs`, SIGKILL. */
  async stop(graceMs: number): Promise<void> {
    this.#ended.abort(new Error('The pod is ending'));
    await this.#child?.stop(graceMs, this.#node.clock);
  }

  async #launch(signal: AbortSignal): Promise<void> {
    const { pod } = this;
    const container = this.#container;
    const { client, directory, clock, random, log, configMaps } = this.#node;
    const root = join(directory, 'pods', pod.metadata.uid);
    const env = environmentOf(pod, container, configMaps);
    const { program, args } = programOf(container);
    this.#volumes = new Volumes({
      pod,
      container,
      root,
      client,
      configMaps,
      clock,
      random,
      log,
    });
    const [extra] = await Promise.all([
      this.#node.extraEnvironment(pod),
      this.#volumes.mount(signal),
    ]);
    signal.throwIfAborted();
    const child = new Child({
      file: this.#node.programPath(program),
      args,
      env: { ...env, ...extra, ISTHMUS_ROOT: root },
      logPath: join(directory, 'logs', `${pod.metadata.name}.log`),
    });
    this.#child = child;
    this.#watch(child, clock.wallMs());
  }

  #watch(child: Child, startedMs: number): void {
    const { clock, network, log } = this.#node;
    const { pid } = child;
    const probing = new AbortController();
    this.#set({ is: 'running', pid, startedMs, ready: false });
    void child.exited.then(({ exitCode, signal }) => {
      probing.abort();
      this.#set({ is: 'ended', pid, startedMs, endedMs: clock.wallMs(), exitCode, signal });
      const fields = { pod: this.pod.metadata.name, exitCode, signal };
      if (this.#ended.signal.aborted) log.debug('A component ended', fields);
      else log.warn('A component ended by itself', fields);
    });
    const options = {
      container: this.#container,
      podIp: this.pod.status.podIP ?? '',
      network,
      clock,
      onChange: (ready: boolean) => this.#set({ is: 'running', pid, startedMs, ready }),
    };
    // A pod that is ending is probed on: its own readiness says when it may be left.
    void probeReadiness(options, probing.signal);
  }

  /** Statuses are written one after the other, and only the newest of those that wait. */
  #set(state: ProcessState): void {
    this.#state = state;
    this.#node.onChange?.();
    this.#writing = this.#writing.then(async () => {
      if (this.#state === state) await this.#writeStatus(state);
    });
  }

  async #writeStatus(state: ProcessState): Promise<void> {
    const { client, clock, random, log } = this.#node;
    for (let failures = 1; this.#state === state; failures++) {
      const status = statusOf(this.#container, state, this.#transitions, clock.wallMs());
      try {
        await client.applyStatus(nodePods, statusPatch(this.pod, status));
        return;
      } catch (error) {
        // A pod that is going may be gone already; otherwise the API server is away.
        if (this.#ended.signal.aborted) return;
        const fields = { pod: this.pod.metadata.name, reason: describeError(error) };
        log.debug('Cannot write a pod status', fields);
        await pause(clock, backoffMs(RETRY, failures, random), this.#ended.signal);
      }
    }
  }
}
