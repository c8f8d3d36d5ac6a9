/**
 * Faults on demand: pods that vanish with requests in flight. Devcluster only; no Kubernetes API.
 *
 * `POST /faults/inject` `{"fault": {"type": …}, "seconds"?}` breaks the API server itself as `faults/api-fault.ts` describes and answers
 * with an `id`; `POST /faults/lift` `{"id"?}` ends that fault, or all.
 * `POST /faults/partitions` `{"from", "to", "how", "delayMs"?, "seconds"?}` stops what one component dials of another
 * (`faults/component-partitions.ts`), `…/heal` `{"id"?}` ends that or all, `…/prepare` `{"from", "to"}` makes ready for it.
 * `POST /faults/processes/break` `{"namespace", "selector", "how": "kill" | "freeze"}` does that to components, `…/restore` undoes it.
 * `POST /faults/pods/destroy` `{"namespace", "selector", "endpointDelayMs"?, "hold"?}` resets every connection of
 * the matching in-process pods and closes their listeners at once; their objects, and so their
 * EndpointSlices, change only `endpointDelayMs` later. With `hold` no replacement becomes ready before
 * `POST /faults/pods/restore` with the same selector. `GET /faults` shows what holds. Only members of
 * `system:masters` may.
 */
import { z } from 'zod';
import { readObject } from '../api/body.ts';
import type { Call } from '../api/context.ts';
import { send } from '../api/respond.ts';
import type { Kit } from '../controllers/kit.ts';
import { PODS } from '../controllers/replica-sets.ts';
import { apiFault, FAULT_SECONDS_MAX } from '../faults/api-fault.ts';
import type { ComponentPartitions } from '../faults/component-partitions.ts';
import { type Pair, pairRequest, partitionRequest, problemOf } from '../faults/pair.ts';
import {
  breakProcesses,
  breakProcessesRequest,
  restoreProcesses,
  restoreProcessesRequest,
} from '../faults/process-faults.ts';
import { labelPredicate } from '../kinds/selectors.ts';
import { isDeleting, type JsonObject, type KubeObject, namespaceOf } from '../values/json.ts';
import { badRequest, forbidden, methodNotAllowed, noResource } from '../values/status.ts';
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

const injectRequest = z.strictObject({
  fault: apiFault,
  seconds: z.number().positive().max(FAULT_SECONDS_MAX).optional(),
});
const timedPartition = partitionRequest.extend({
  seconds: z.number().positive().max(FAULT_SECONDS_MAX).optional(),
});
const liftRequest = z.strictObject({ id: z.string().optional() });
/** A server asked to be down has this long to say that it heard. */
const DOWN_AFTER_MS = 20;

type Target = z.infer<typeof target>;

/** See the file header. */
export class Faults {
  readonly #kit: Kit;
  readonly #runtime: PodRuntime;
  readonly #partitions: ComponentPartitions;
  readonly #holds = new Map<string, Target>();
  #destroyed = 0;

  constructor(kit: Kit, runtime: PodRuntime, partitions: ComponentPartitions) {
    this.#kit = kit;
    this.#partitions = partitions;
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
      const inForce = this.#kit.context.faults
        .list()
        .map(({ id, fault }) => ({ id, fault: fault as unknown as JsonObject }));
      const holds = [...this.#holds.values()];
      const partitions = this.#partitions.list() as unknown as JsonObject[];
      await send(response, 200, { holds, destroyed: this.#destroyed, inForce, partitions });
      return true;
    }
    if (method !== 'POST') throw methodNotAllowed();
    const body = await readObject(request);
    if (path === '/faults/pods/destroy') {
      await send(response, 200, this.destroy(parse(destroyRequest, body)));
    } else if (path === '/faults/pods/restore') {
      await send(response, 200, this.restore(parse(target, body)));
    } else if (path === '/faults/processes/break') {
      await send(response, 200, breakProcesses(this.#kit, parse(breakProcessesRequest, body)));
    } else if (path === '/faults/processes/restore') {
      await send(response, 200, restoreProcesses(this.#kit, parse(restoreProcessesRequest, body)));
    } else if (path === '/faults/partitions') {
      await send(response, 200, this.#part(parse(timedPartition, body)));
    } else if (path === '/faults/partitions/prepare') {
      const pair = sensible(parse(pairRequest, body));
      await send(response, 200, { addresses: this.#partitions.prepare(pair) });
    } else if (path === '/faults/partitions/heal') {
      const healed = this.#partitions.heal(parse(liftRequest, body).id);
      await send(response, 200, { healed, atMs: this.#kit.clock.wallMs() });
    } else if (path === '/faults/inject') {
      await send(response, 200, this.#inject(parse(injectRequest, body)));
    } else if (path === '/faults/lift') {
      await send(response, 200, this.#lift(parse(liftRequest, body).id));
    } else throw noResource();
    return true;
  }

  #part({ seconds, ...asked }: z.infer<typeof timedPartition>): JsonObject {
    const { id } = this.#partitions.begin(sensible(asked));
    if (seconds !== undefined)
      this.#kit.clock.after(seconds * 1_000, () => void this.#partitions.heal(id));
    return { id, atMs: this.#kit.clock.wallMs() };
  }

  #inject({ fault, seconds }: z.infer<typeof injectRequest>): JsonObject {
    const { faults } = this.#kit.context;
    // The answer leaves before the fault, which may be that nothing leaves any more.
    const atMs = this.#kit.clock.wallMs();
    if (fault.type !== 'apiServerDown') return { id: faults.inject(fault, seconds).id, atMs };
    if (seconds === undefined) {
      throw badRequest(
        'seconds: is required, for a server that is down cannot be told to come back',
      );
    }
    this.#kit.clock.after(DOWN_AFTER_MS, () => void faults.inject(fault, seconds));
    return { id: fault.type, atMs };
  }

  #lift(id: string | undefined): JsonObject {
    const found = this.#kit.context.faults
      .list()
      .filter((each) => id === undefined || each.id === id);
    for (const each of found) each.lift();
    return { lifted: found.map((each) => each.id), atMs: this.#kit.clock.wallMs() };
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

function sensible<T extends Pair>(pair: T): T {
  const problem = problemOf(pair);
  if (problem !== undefined) throw badRequest(problem);
  return pair;
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
