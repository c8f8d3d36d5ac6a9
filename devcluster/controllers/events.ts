/**
 * Events about objects, as `kubectl describe` lists them. Bounded: the oldest go first.
 */
import { below, type Random } from '#core/random.ts';
import type { ApiContext } from '../api/context.ts';
import { asNumber, asObject, at, type KubeObject, namespaceOf } from '../values/json.ts';
import { ApiError } from '../values/status.ts';

/** Events kept by the server's own controllers. */
const EVENTS_MAX = 2_000;
const recent = new WeakMap<ApiContext, KubeObject[]>();

/** Writes events in the name of one component. */
export class EventRecorder {
  readonly #context: ApiContext;
  readonly #random: Random;
  readonly #component: string;

  constructor(context: ApiContext, random: Random, component: string) {
    this.#context = context;
    this.#random = random;
    this.#component = component;
  }

  /** Records one; the same reason and message about the same object raises its count instead. */
  record(about: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const { registry, objects, store } = this.#context;
    const def = registry.find('', 'v1', 'events');
    if (!def) return;
    const kept = recent.get(this.#context) ?? [];
    recent.set(this.#context, kept);
    const now = objects.now();
    const same = kept.find(
      (event) =>
        at(event, 'involvedObject', 'uid') === about.metadata.uid &&
        event.reason === reason &&
        event.message === message,
    );
    const live = same && store.get('events', namespaceOf(same), same.metadata.name);
    if (same && live) {
      const count = asNumber(live.count, 1) + 1;
      objects.commit(def, { ...live, count, lastTimestamp: now } as KubeObject);
      return;
    }
    const namespace = namespaceOf(about) || 'default';
    const suffix = Math.floor(this.#context.clock.wallMs() * 1e3 + below(this.#random, 1_000));
    try {
      const event = objects.create(
        def,
        namespace,
        {
          metadata: { name: `${about.metadata.name}.${suffix.toString(16)}` },
          involvedObject: {
            kind: about.kind,
            namespace: namespaceOf(about),
            name: about.metadata.name,
            uid: about.metadata.uid,
            apiVersion: about.apiVersion,
            resourceVersion: about.metadata.resourceVersion,
          },
          reason,
          message,
          type,
          source: { component: this.#component },
          reportingComponent: this.#component,
          reportingInstance: '',
          firstTimestamp: now,
          lastTimestamp: now,
          count: 1,
        },
        { manager: this.#component },
      );
      kept.push(event);
    } catch (error) {
      // Events about a namespace that is going are lost, as they are in Kubernetes.
      if (!(error instanceof ApiError)) throw error;
    }
    if (kept.length > EVENTS_MAX) {
      const oldest = kept.shift();
      if (oldest && asObject(oldest.metadata)) objects.remove(def, oldest);
    }
  }
}
