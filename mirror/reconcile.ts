/**
 * The loop of the mirror controller: read → plan → write, level-triggered.
 *
 * Promises: every change leads to a plan within {@link COALESCE_MS}, or as long as the last plan took; no plan is made
 * before everything has been read; findings are told once.
 */
import type { Clock } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import type { Random } from '#core/random.ts';
import type { KubeClient } from '#kube/client.ts';
import type { EventRecorder } from '#kube/events.ts';
import type { Budget } from '#kube/lanes.ts';
import { trustHash } from '#kube/resources/link-hash.ts';
import { assumedExports } from './assumed.ts';
import { budgetOf } from './budgets.ts';
import type { Feed } from './feed.ts';
import type { Action, Finding, PlanInput, PortRange } from './input.ts';
import { linkRoles } from './peers.ts';
import { plan } from './plan.ts';
import { WatchedCluster } from './watched-cluster.ts';
import { Withdrawals } from './withdrawals.ts';
import { Writer } from './writer.ts';

/** Changes within this time make one plan. */
const COALESCE_MS = 20;
/** A plan is made at least this often, for what changes with time alone. */
const REPLAN_MS = 15_000;

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
  readonly #watched: WatchedCluster;
  readonly #writer: Writer;
  readonly #withdrawals = new Withdrawals();
  /** Withdrawals of these clusters are held back, by how many exports. */
  #withheld: ReadonlyMap<string, number> = new Map();
  #planPending = false;
  /** How long the last plan took. */
  #planMs = 0;
  /** Findings of the last plan, which are not told again. */
  #told: ReadonlySet<string> = new Set();
  #feed: Feed | undefined;
  #signal: AbortSignal | undefined;

  constructor(options: ControllerOptions) {
    this.#options = options;
    const { client, clock, random, log, onAction } = options;
    const machine = { client, clock, random, log };
    this.#watched = new WatchedCluster({ ...machine, onChange: () => this.changed() });
    this.#writer = new Writer({
      ...machine,
      onAction,
      known: this.#watched.known,
      onForeign: this.#watched.onForeign,
      budgetOf: (actions) => this.#budgetOf(actions),
      onRefusal: () => this.changed(),
    });
  }

  /** Begins to watch; `feed` is where catalogs come from. Until `signal` aborts. */
  start(feed: Feed, signal: AbortSignal): void {
    this.#feed = feed;
    this.#signal = signal;
    this.#watched.start(signal);
    const replan = this.#options.clock.every(REPLAN_MS, this.changed);
    signal.addEventListener('abort', () => replan.cancel(), { once: true });
  }

  /** Writes as long as `leading` lasts. */
  async lead(leading: AbortSignal): Promise<void> {
    this.#told = new Set();
    const term = this.#writer.lead(leading);
    this.changed();
    await term;
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
    return this.#watched.readyGateways();
  }

  /** Why nothing can be decided yet, or `undefined`. */
  unready(): string | undefined {
    return this.#watched.unready();
  }

  /** Milliseconds since each watch last heard anything, by name. */
  watchAges(): ReadonlyMap<string, number> {
    return this.#watched.watchAges();
  }

  /** Keys waiting to be written, and keys that failed last time. */
  backlog(): { readonly depth: number; readonly failing: number } {
    return this.#writer.backlog;
  }

  #reconcile(): void {
    const feed = this.#feed;
    const signal = this.#signal;
    if (feed === undefined || signal === undefined || this.unready() !== undefined) return;
    const roles = linkRoles(this.#watched.links, this.#options.cluster);
    const clusters = roles.flatMap((each) =>
      each.role === 'active' ? [[each.spec.clusterName, trustHash(each.spec)] as const] : [],
    );
    feed.follow(new Map(clusters), signal);
    if (!this.#writer.isLeading) return;
    const { actions, findings } = plan(this.#input(feed));
    this.#tell(findings);
    this.#writer.want(actions);
  }

  #input(feed: Feed): PlanInput {
    const { cluster, clock, portRange } = this.#options;
    return {
      cluster,
      ...this.#watched.input(),
      ...this.#judgeCatalogs(feed),
      heardUnder: new Map([...feed.catalogs].map(([name, heard]) => [name, heard.trust])),
      linkStates: feed.linkStates,
      refused: this.#writer.refused,
      portRange,
      now: `${new Date(clock.wallMs()).toISOString().slice(0, 19)}Z`,
    };
  }

  #judgeCatalogs(feed: Feed): Pick<PlanInput, 'catalogs' | 'withheld'> {
    const { clock, log } = this.#options;
    const nowMs = clock.monotonicMs();
    const judged = this.#withdrawals.judge(
      feed.catalogs,
      (cluster) => assumedExports(this.#watched.services.values(), cluster),
      nowMs,
    );
    const withheld = new Map<string, number>();
    for (const [cluster, { withheld: services, refetchAtMs }] of judged) {
      if (refetchAtMs === undefined) continue;
      withheld.set(cluster, services);
      if (!this.#withheld.has(cluster)) {
        log.warn('a mass withdrawal is held back', { cluster, services });
        clock.after(refetchAtMs - nowMs + COALESCE_MS, this.changed);
      }
      if (refetchAtMs <= nowMs) feed.refetch(cluster);
    }
    this.#withheld = withheld;
    return {
      catalogs: new Map([...judged].map(([name, { catalog }]) => [name, catalog])),
      withheld,
    };
  }

  #budgetOf(actions: readonly Action[]): Budget | undefined {
    const { links, services } = this.#watched;
    const catalogs = [...(this.#feed?.catalogs ?? [])];
    return budgetOf(actions, {
      services,
      linked: new Set(links.flatMap((each) => each.clusterName ?? [])),
      catalogs: new Map(catalogs.map(([cluster, { catalog }]) => [cluster, catalog.exports])),
    });
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
      if (this.#told.has(key)) continue;
      const { link, by, ...news } = finding;
      this.#options.recorder.record(news, link ?? by);
    }
    this.#told = told;
  }
}
