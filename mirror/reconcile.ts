/**
 * The loop of the mirror controller: read → plan → apply, level-triggered.
 *
 * Promises: every change leads to a plan within {@link COALESCE_MS}, or as long as the last plan took; an object that cannot be written
 * holds up no other; a change of the gateways is written at once, further ones at most once a second, in one
 * wave of bounded width; nothing is written before everything has been read, nor without leadership.
 */
import type { Catalog } from '#core/catalog.ts';
import type { Clock } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import {
  GATEWAY_SERVICE,
  LABEL_SLICE_MANAGER,
  SLICE_MANAGER,
  SYSTEM_NAMESPACE,
} from '#core/names.ts';
import type { Random } from '#core/random.ts';
import type { KubeClient, Resource, Selection } from '#kube/client.ts';
import type { EventRecorder } from '#kube/events.ts';
import type { Budget } from '#kube/lanes.ts';
import { Reflector } from '#kube/reflector.ts';
import {
  endpointSlices,
  links,
  namespaces,
  serviceExports,
  services,
  trafficPolicies,
} from '#kube/resources/builtin.ts';
import { trustHash } from '#kube/resources/link-hash.ts';
import type { EndpointSlice, KubeObject } from '#kube/types.ts';
import { WorkQueue } from '#kube/workqueue.ts';
import { readObject, runActions } from './apply.ts';
import { budgetOf } from './budgets.ts';
import type { Feed } from './feed.ts';
import { ForeignObjects } from './foreign.ts';
import type { Action, Applied, Finding, PlanInput, PortRange } from './input.ts';
import { assumedExports, linkRoles } from './peers.ts';
import { plan } from './plan.ts';
import { Refusals } from './refusals.ts';
import { readyAddresses } from './replicas.ts';
import { RestingPorts } from './resting-ports.ts';
import { WithdrawalGuard } from './withdrawals.ts';

/** Changes within this time make one plan. */
export const COALESCE_MS = 20;
/** A change of the gateways touches every mirror, so at most one a second is passed on. */
export const GATEWAY_WAVE_MS = 1_000;
/** Objects written at the same time. */
const WRITES_MAX = 16;
/** A plan is made at least this often, for what changes with time alone. */
const REPLAN_MS = 15_000;
const RETRY = { firstMs: 50, maxMs: 5_000 };

/** What a {@link Controller} works with. */
export interface ControllerOptions {
  readonly cluster: string;
  readonly client: KubeClient;
  readonly recorder: Pick<EventRecorder, 'record'>;
  readonly portRange: PortRange;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Told of every action that was carried out or failed. */
  readonly onAction?: (action: Action, failed: boolean) => void;
}

/** Keeps one cluster as its Links, exports and peers' catalogs want it. */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #watched;
  readonly #resting: RestingPorts;
  readonly #guards = new Map<string, WithdrawalGuard>();
  readonly #foreign: ForeignObjects;
  readonly #refusals = new Refusals();
  #withheld: ReadonlyMap<string, number> = new Map();
  #gatewaySlices: readonly EndpointSlice[] = [];
  #gatewaysAtMs = Number.NEGATIVE_INFINITY;
  #gatewaysPending = false;
  #planPending = false;
  /** How long the last plan took. */
  #planMs = 0;
  #todo = new Map<string, readonly Action[]>();
  #findings = new Set<string>();
  #feed: Feed | undefined;
  #queue: WorkQueue | undefined;
  #signal: AbortSignal | undefined;

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#foreign = new ForeignObjects(options.clock);
    this.#resting = new RestingPorts(options.clock);
    const system = { namespace: SYSTEM_NAMESPACE };
    const ours = `${LABEL_SLICE_MANAGER}=${SLICE_MANAGER}`;
    const gateways = `kubernetes.io/service-name=${GATEWAY_SERVICE}`;
    this.#watched = {
      services: this.#reflect(services),
      slices: this.#reflect(endpointSlices, { labelSelector: ours }),
      gateways: this.#reflect(endpointSlices, { ...system, labelSelector: gateways }),
      exports: this.#reflect(serviceExports),
      namespaces: this.#reflect(namespaces),
      links: this.#reflect(links, system),
      policies: this.#reflect(trafficPolicies),
    };
  }

  /** Begins to watch; `feed` is where catalogs come from. Until `signal` aborts. */
  start(feed: Feed, signal: AbortSignal): void {
    this.#feed = feed;
    this.#signal = signal;
    const { gateways, ...others } = this.#watched;
    this.#watched.services.onChange(this.#resting.observe);
    gateways.onChange(() => this.#gatewaysChanged());
    for (const each of Object.values(others)) each.onChange(() => this.changed());
    const { services, slices, exports, namespaces } = others;
    services.onChange((key) => this.#foreign.forget('Service', key));
    slices.onChange((key) => this.#foreign.forget('EndpointSlice', key));
    exports.onChange((key) => this.#foreign.forget('ServiceExport', key));
    namespaces.onChange((key) => this.#foreign.forget('Namespace', key));
    for (const each of Object.values(this.#watched)) {
      each.start(signal);
      each.synced(signal).then(
        () => this.changed(),
        () => undefined,
      );
    }
    const replan = this.#options.clock.every(REPLAN_MS, () => {
      this.changed();
      void this.#recheckForeign(signal);
    });
    signal.addEventListener('abort', () => replan.cancel(), { once: true });
  }

  /** Writes as long as `leading` lasts. */
  async lead(leading: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    this.#queue = new WorkQueue(
      {
        handle: (key, signal) => this.#work(key, signal),
        budgetOf: (key) => this.#budgetOf(key),
        concurrency: WRITES_MAX,
        clock,
        random,
        log,
        backoff: RETRY,
      },
      leading,
    );
    this.#findings = new Set();
    this.changed();
    if (!leading.aborted) {
      await new Promise((resolve) => leading.addEventListener('abort', resolve, { once: true }));
    }
    await this.#queue.idle();
    this.#queue = undefined;
    this.#todo.clear();
  }

  /** Something may have changed. */
  readonly changed = (): void => {
    if (this.#planPending) return;
    this.#planPending = true;
    const { clock } = this.#options;
    // Each write comes back as a change: were it planned at once, a large cluster would do little else.
    clock.after(Math.max(COALESCE_MS, this.#planMs), () => {
      this.#planPending = false;
      if (this.#signal?.aborted) return;
      const beganMs = clock.monotonicMs();
      try {
        this.#reconcile();
      } catch (error) {
        this.#options.log.error('no plan could be made', { error: describeError(error) });
      }
      this.#planMs = clock.monotonicMs() - beganMs;
    });
  };

  /** Addresses of the gateways that are ready. */
  readyGateways(): readonly string[] {
    return readyAddresses(this.#watched.gateways.cache.values());
  }

  /** Why nothing can be decided yet, or `undefined`. */
  unready(): string | undefined {
    const missing = Object.entries(this.#watched).filter(([, each]) => !each.hasSynced);
    if (missing.length === 0) return undefined;
    return `waiting for the API server: ${missing.map(([name]) => name).join(', ')}`;
  }

  /** Milliseconds since each watch last heard anything, by name. */
  watchAges(): ReadonlyMap<string, number> {
    const nowMs = this.#options.clock.monotonicMs();
    const ages = Object.entries(this.#watched).map(
      ([name, each]) => [name, nowMs - each.lastEventAtMs] as const,
    );
    return new Map(ages);
  }

  /** Keys waiting to be written, and keys that failed last time. */
  backlog(): { readonly depth: number; readonly failing: number } {
    return { depth: this.#queue?.depth ?? 0, failing: this.#queue?.failing ?? 0 };
  }

  #reconcile(): void {
    const feed = this.#feed;
    const signal = this.#signal;
    if (feed === undefined || signal === undefined || this.unready() !== undefined) return;
    const roles = linkRoles([...this.#watched.links.cache.values()], this.#options.cluster);
    const clusters = roles.flatMap((each) =>
      each.role === 'active' ? [[each.spec.clusterName, trustHash(each.spec)] as const] : [],
    );
    feed.follow(new Map(clusters), signal);
    if (this.#queue === undefined) return;
    const { actions, findings } = plan(this.#input(feed));
    this.#tell(findings);
    const todo = new Map<string, Action[]>();
    for (const action of actions) {
      const known = todo.get(action.key);
      if (known) known.push(action);
      else todo.set(action.key, [action]);
    }
    this.#todo = todo;
    this.#refusals.keep(todo);
    for (const [key, wanted] of todo) {
      if (this.#refusals.isChanged(key, wanted)) this.#queue.add(key);
      else this.#queue.offer(key);
    }
  }

  #input(feed: Feed): PlanInput {
    const { cluster, clock, portRange } = this.#options;
    const watched = this.#watched;
    const { catalogs, withheld } = this.#judgeCatalogs(feed);
    const foreign = this.#foreign;
    return {
      cluster,
      links: [...watched.links.cache.values()],
      catalogs,
      heardUnder: new Map([...feed.catalogs].map(([name, heard]) => [name, heard.trust])),
      withheld,
      linkStates: feed.linkStates,
      services: foreign.over('Service', watched.services.cache),
      slices: foreign.over('EndpointSlice', watched.slices.cache),
      gatewaySlices: this.#gatewaySlices,
      exports: foreign.over('ServiceExport', watched.exports.cache),
      namespaces: foreign.over('Namespace', watched.namespaces.cache),
      policies: watched.policies.cache,
      refused: this.#refusals.said,
      portRange,
      restingPorts: this.#resting.owners(),
      now: `${new Date(clock.wallMs()).toISOString().slice(0, 19)}Z`,
    };
  }

  #judgeCatalogs(feed: Feed): Pick<PlanInput, 'catalogs' | 'withheld'> {
    const { clock, log } = this.#options;
    const nowMs = clock.monotonicMs();
    const catalogs = new Map<string, Catalog>();
    const withheld = new Map<string, number>();
    for (const cluster of this.#guards.keys()) {
      if (!feed.catalogs.has(cluster)) this.#guards.delete(cluster);
    }
    for (const [cluster, heard] of feed.catalogs) {
      let guard = this.#guards.get(cluster);
      if (guard === undefined) {
        guard = new WithdrawalGuard(assumedExports(this.#watched.services.cache.values(), cluster));
        this.#guards.set(cluster, guard);
      }
      const judged = guard.judge(heard.catalog, heard.snapshotAtMs, nowMs);
      catalogs.set(cluster, judged.catalog);
      if (judged.refetchAtMs === undefined) continue;
      withheld.set(cluster, judged.withheld);
      if (!this.#withheld.has(cluster)) {
        log.warn('a mass withdrawal is held back', { cluster, services: judged.withheld });
        clock.after(judged.refetchAtMs - nowMs + COALESCE_MS, this.changed);
      }
      if (judged.refetchAtMs <= nowMs) feed.refetch(cluster);
    }
    this.#withheld = withheld;
    return { catalogs, withheld };
  }

  async #work(key: string, signal: AbortSignal): Promise<void> {
    const actions = this.#todo.get(key);
    if (actions === undefined) return;
    const { client, onAction } = this.#options;
    const [known, onForeign] = [this.#known, this.#onForeign];
    try {
      await runActions({ client, signal, known, onForeign, onAction }, actions);
      if (this.#refusals.note(key, actions)) this.changed();
    } catch (error) {
      if (this.#refusals.note(key, actions, error)) this.changed();
      throw error;
    }
    // A later plan may have replaced them meanwhile; then there is more to do.
    if (this.#todo.get(key) === actions) this.#todo.delete(key);
  }

  #budgetOf(key: string): Budget | undefined {
    const { services, links } = this.#watched;
    const catalogs = [...(this.#feed?.catalogs ?? [])];
    return budgetOf(this.#todo.get(key) ?? [], {
      services: services.cache,
      linked: new Set([...links.cache.values()].flatMap((each) => each.clusterName ?? [])),
      catalogs: new Map(catalogs.map(([cluster, { catalog }]) => [cluster, catalog.exports])),
    });
  }

  readonly #known = (kind: Applied, key: string): KubeObject | undefined => {
    const { services, slices, exports, namespaces } = this.#watched;
    const of = { Service: services, EndpointSlice: slices, ServiceExport: exports };
    return { ...of, Namespace: namespaces }[kind].cache.get(key);
  };

  readonly #onForeign = (kind: Applied, found: KubeObject): void => {
    this.#foreign.note(kind, found);
    this.changed();
  };

  async #recheckForeign(signal: AbortSignal): Promise<void> {
    const { client, log } = this.#options;
    try {
      const gone = await this.#foreign.recheck((kind, each) =>
        readObject(client, kind, each, signal),
      );
      if (gone) this.changed();
    } catch (error) {
      log.debug('objects of others are read again later', { error: describeError(error) });
    }
  }

  #tell(findings: readonly Finding[]): void {
    const told = new Set<string>();
    for (const finding of findings) {
      const { about, reason, message } = finding;
      const key = JSON.stringify([
        about.uid,
        about.kind,
        about.namespace,
        about.name,
        reason,
        message,
      ]);
      told.add(key);
      if (this.#findings.has(key)) continue;
      const { link, by, ...news } = finding;
      this.#options.recorder.record(news, link ?? by);
    }
    this.#findings = told;
  }

  /** At once when the last change is a second ago, else when it will be. */
  #gatewaysChanged(): void {
    if (this.#gatewaysPending) return;
    this.#gatewaysPending = true;
    const { clock } = this.#options;
    const waitMs = this.#gatewaysAtMs + GATEWAY_WAVE_MS - clock.monotonicMs();
    clock.after(Math.max(0, waitMs), () => {
      this.#gatewaysPending = false;
      this.#gatewaysAtMs = clock.monotonicMs();
      this.#gatewaySlices = [...this.#watched.gateways.cache.values()];
      this.changed();
    });
  }

  #reflect<T extends KubeObject>(resource: Resource<T>, selection: Selection = {}): Reflector<T> {
    const { client, clock, random, log } = this.#options;
    return new Reflector({ client, resource, selection, clock, random, log });
  }
}
