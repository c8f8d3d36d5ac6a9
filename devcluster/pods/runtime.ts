/**
 * Runs the pods of the Node `<cluster>-pods` inside this process, as a kubelet runs containers.
 *
 * Promises: a pod is ready only while its ports are bound; on deletion its endpoint turns terminating first and
 * it keeps serving for {@link LINGER_MS}, so that proxies see the EndpointSlice before connections are
 * refused; what is under way is finished within the grace period.
 */
import { describeError } from '#core/errors.ts';
import type { Network } from '#core/network.ts';
import type { Kit, Running } from '../controllers/kit.ts';
import { keyOf, splitKey } from '../controllers/queue.ts';
import { PODS } from '../controllers/replica-sets.ts';
import {
  asNumber,
  asString,
  at,
  isDeleting,
  type KubeObject,
  namespaceOf,
} from '../values/json.ts';
import {
  initialDelaySeconds,
  runningStatus,
  tcpPorts,
  variableOf,
  waitingStatus,
} from './pod-status.ts';
import { SampleServer } from './sample-server.ts';

/** How long a deleted pod still accepts connections. */
export const LINGER_MS = 1_000;
/** From start to ready, where no probe asks for more. */
const START_MS = 20;
/** A port that cannot be bound is tried again after this. */
const RETRY_MS = 1_000;

/** One pod as this Node knows it. */
interface Local {
  readonly uid: string;
  readonly server: SampleServer;
  readonly startedAt: string;
  state: 'starting' | 'unready' | 'ready' | 'leaving' | 'destroyed';
}

/** See the file header. */
export class PodRuntime implements Running {
  readonly #kit: Kit;
  readonly #cluster: string;
  readonly #nodeName: string;
  readonly #network: Network;
  readonly #pods = new Map<string, Local>();
  readonly #queue;
  readonly #stop: () => void;
  /** Whether a pod must stay unready, for faults. */
  isHeld: (pod: KubeObject) => boolean = () => false;

  constructor(kit: Kit, cluster: string, network: Network) {
    this.#kit = kit;
    this.#cluster = cluster;
    this.#nodeName = `${cluster}-pods`;
    this.#network = network;
    this.#queue = kit.queue('pods', (key) => this.#reconcile(key));
    this.#stop = kit.store.listen(PODS, ({ object }) => {
      if (at(object, 'spec', 'nodeName') === this.#nodeName) this.#queue.add(keyOf(object));
    });
  }

  close(): void {
    this.#stop();
    this.#queue.close();
    for (const local of this.#pods.values()) local.server.destroy();
    this.#pods.clear();
  }

  /** Ends `pod` at once, connections reset, and leaves its object as it is. False when it does not run here. */
  crash(pod: KubeObject): boolean {
    const local = this.#pods.get(keyOf(pod));
    if (!local || local.uid !== pod.metadata.uid || local.state === 'destroyed') return false;
    local.server.destroy();
    local.state = 'destroyed';
    return true;
  }

  /** Looks at every pod again, after a hold has ended. */
  recheck(): void {
    for (const key of this.#pods.keys()) this.#queue.add(key);
  }

  #reconcile(key: string): void {
    const [namespace, name] = splitKey(key);
    const pod = this.#kit.store.get(PODS, namespace, name);
    const local = this.#pods.get(key);
    if (local && local.uid !== pod?.metadata.uid) {
      local.server.destroy();
      this.#pods.delete(key);
    }
    if (!pod) return;
    const current = this.#pods.get(key);
    if (isDeleting(pod)) {
      if (!current) this.#remove(pod);
      else if (current.state !== 'leaving') this.#leave(key, current, pod);
    } else if (!current) {
      if (at(pod, 'status', 'podIP') !== undefined) this.#start(key, pod);
    } else if (current.state === 'unready') this.#becomeReady(key, current, pod);
  }

  #start(key: string, pod: KubeObject): void {
    const latency = Number(variableOf(pod, 'ISTHMUS_SAMPLE_LATENCY_MS') ?? 0);
    const server = new SampleServer({
      cluster: this.#cluster,
      pod: pod.metadata.name,
      address: asString(at(pod, 'status', 'podIP')),
      ports: tcpPorts(pod),
      latencyMs: Number.isFinite(latency) ? latency : 0,
      network: this.#network,
      clock: this.#kit.clock,
    });
    const startedAt = this.#kit.context.objects.now();
    const local: Local = { uid: pod.metadata.uid, server, startedAt, state: 'starting' };
    this.#pods.set(key, local);
    server.listen().then(
      () => {
        if (local.state !== 'starting') return;
        this.#report(pod, local, false);
        const delayMs = Math.max(START_MS, initialDelaySeconds(pod) * 1_000);
        this.#kit.clock.after(delayMs, () => {
          if (local.state === 'starting') local.state = 'unready';
          this.#queue.add(key);
        });
      },
      (error: unknown) => this.#failed(key, pod, local, error),
    );
  }

  #failed(key: string, pod: KubeObject, local: Local, error: unknown): void {
    local.server.destroy();
    if (this.#pods.get(key) !== local) return;
    this.#pods.delete(key);
    const message = `cannot bind the pod's ports: ${describeError(error)}`;
    this.#kit.setStatus(PODS, pod, waitingStatus(pod, message));
    this.#kit.events.record(pod, 'Warning', 'Failed', message);
    this.#queue.addAfter(key, RETRY_MS);
  }

  #becomeReady(key: string, local: Local, pod: KubeObject): void {
    if (this.isHeld(pod)) return;
    local.state = 'ready';
    this.#report(pod, local, true);
    this.#kit.events.record(pod, 'Normal', 'Started', `Started pod ${key} in this process`);
  }

  #report(pod: KubeObject, local: Local, ready: boolean): void {
    const live = this.#kit.store.get(PODS, namespaceOf(pod), pod.metadata.name);
    if (live?.metadata.uid !== local.uid) return;
    const facts = { ready, now: this.#kit.context.objects.now(), startedAt: local.startedAt };
    this.#kit.setStatus(PODS, live, runningStatus(live, facts));
  }

  #leave(key: string, local: Local, pod: KubeObject): void {
    const graceMs = asNumber(pod.metadata.deletionGracePeriodSeconds) * 1_000;
    const wasDestroyed = local.state === 'destroyed';
    local.state = 'leaving';
    const lingerMs = wasDestroyed ? 0 : Math.min(LINGER_MS, graceMs / 2);
    const done = () => {
      if (this.#pods.get(key) !== local) return;
      local.server.destroy();
      this.#pods.delete(key);
      const live = this.#kit.store.get(PODS, namespaceOf(pod), pod.metadata.name);
      if (live?.metadata.uid === local.uid) this.#remove(live);
    };
    const deadline = this.#kit.clock.after(graceMs, done);
    this.#kit.clock.after(lingerMs, () => {
      local.server.drain().then(
        () => {
          deadline.cancel();
          done();
        },
        (error: unknown) => {
          this.#kit.log.warn('a pod did not drain', { pod: key, error: describeError(error) });
        },
      );
    });
  }

  #remove(pod: KubeObject): void {
    this.#kit.delete(PODS, pod, { gracePeriodSeconds: 0 });
  }
}
