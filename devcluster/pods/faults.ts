/**
 * Faults on demand: pods that vanish with requests in flight. Devcluster only; no Kubernetes API.
 *
 * `POST /faults/pods/destroy` `{"namespace", "selector", "endpointDelayMs"?, "hold"?}` resets every connection of
 * the matching in-process pods and closes their listeners at once; their objects, and so their
 * EndpointSlices, change only `endpointDelayMs` later. With `hold` no replacement becomes ready before
 * `POST /faults/pods/restore` with the same selector. `GET /faults` shows what holds. Only members of
 * `system:masters` may.
 */
import { z } from 'zod';
import { readObject } from '../api/body.ts';
import type { Call } from '../api/context.ts';
import { isDeleting, type KubeObject, namespaceOf } from '../api/json.ts';
import { send } from '../api/respond.ts';
import { labelPredicate } from '../api/selectors.ts';
import { badRequest, forbidden, methodNotAllowed, noResource } from '../api/status.ts';
import type { Kit } from '../controllers/kit.ts';
import { PODS } from '../controllers/replica-sets.ts';
import type { PodRuntime } from './runtime.ts';

/** Holds at one time. */
const HOLDS_MAX = 100;

const target = z.strictObject({
  namespace: z.string().min(1).max(63),
  selector: z.string().max(1_024).default(''),
});
const destroyRequest = target.extend({
  endpointDelayMs: z.number().min(0).max(600_000).default(1_000),
  hold: z.boolean().default(false),
});

type Target = z.infer<typeof target>;

/** See the file header. */
export class Faults {
  readonly #kit: Kit;
  readonly #runtime: PodRuntime;
  readonly #holds = new Map<string, Target>();
  #destroyed = 0;

  constructor(kit: Kit, runtime: PodRuntime) {
    this.#kit = kit;
    this.#runtime = runtime;
    runtime.isHeld = (pod) => [...this.#holds.values()].some((hold) => matches(hold, pod));
  }

  /** Serves `/faults…`; false when the path is another's. */
  async serve(call: Call): Promise<boolean> {
    const { path, method, request, response, user } = call;
    if (path !== '/faults' && !path.startsWith('/faults/')) return false;
    if (!user.groups.includes('system:masters')) {
      throw forbidden('', 'faults', '', 'only members of system:masters may cause faults');
    }
    if (path === '/faults' || path === '/faults/pods') {
      if (method !== 'GET') throw methodNotAllowed();
      await send(response, 200, { holds: [...this.#holds.values()], destroyed: this.#destroyed });
      return true;
    }
    if (method !== 'POST') throw methodNotAllowed();
    const body = await readObject(request);
    if (path === '/faults/pods/destroy') {
      await send(response, 200, this.destroy(parse(destroyRequest, body)));
    } else if (path === '/faults/pods/restore') {
      await send(response, 200, this.restore(parse(target, body)));
    } else throw noResource();
    return true;
  }

  /** Destroys the matching pods now; `atMs` is the wall clock of the moment. */
  destroy(asked: z.infer<typeof destroyRequest>): { destroyed: string[]; atMs: number } {
    const { namespace, selector, endpointDelayMs, hold } = asked;
    const key = holdKey(asked);
    if (hold) {
      if (this.#holds.size >= HOLDS_MAX && !this.#holds.has(key)) {
        throw badRequest(`no more than ${HOLDS_MAX} holds at one time`);
      }
      this.#holds.set(key, { namespace, selector });
    }
    const pods = this.#kit.store.list(PODS, namespace).filter((pod) => matches(asked, pod));
    const atMs = this.#kit.clock.wallMs();
    const gone = pods.filter((pod) => this.#runtime.crash(pod));
    this.#destroyed += gone.length;
    this.#kit.clock.after(endpointDelayMs, () => {
      for (const pod of gone) this.#bury(pod);
    });
    return { destroyed: gone.map((pod) => pod.metadata.name), atMs };
  }

  /** Lets replacements become ready again. */
  restore(asked: Target): { restored: boolean; atMs: number } {
    const restored = this.#holds.delete(holdKey(asked));
    this.#runtime.recheck();
    return { restored, atMs: this.#kit.clock.wallMs() };
  }

  #bury(pod: KubeObject): void {
    const live = this.#kit.store.get(PODS, namespaceOf(pod), pod.metadata.name);
    if (live?.metadata.uid !== pod.metadata.uid) return;
    if (!isDeleting(live)) {
      const message = 'destroyed by a fault';
      this.#kit.events.record(live, 'Warning', 'Destroyed', message);
    }
    this.#kit.delete(PODS, live, { gracePeriodSeconds: 0 });
  }
}

function matches(asked: Target, pod: KubeObject): boolean {
  if (namespaceOf(pod) !== asked.namespace) return false;
  return labelPredicate(asked.selector)?.(pod) ?? true;
}

function holdKey(asked: Target): string {
  return `${asked.namespace}/${asked.selector}`;
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw badRequest(`${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'is not valid'}`);
}
