/**
 * The catalogs of peers, as the own gateway tells them.
 *
 * The mirror controller never speaks to another cluster; it asks a ready replica of its own gateway, over
 * mTLS. What was heard stays in force while nobody answers, and a stream that falls silent, breaks or makes
 * no sense is asked for again, of another replica where there is one.
 */
import { type BackoffLimits, backoffMs } from '#core/backoff.ts';
import {
  applyCatalogMessage,
  CATALOG_LIMITS,
  type Catalog,
  parseCatalogMessage,
} from '#core/catalog.ts';
import { type Clock, pause } from '#core/clock.ts';
import { describeError, IsthmusError } from '#core/errors.ts';
import { LineSplitter } from '#core/lines.ts';
import type { Logger } from '#core/log.ts';
import type { Random } from '#core/random.ts';
import type { LinkState } from './input.ts';
import { LinkStates } from './link-states.ts';
import type { GatewayReplica } from './replicas.ts';

/** Heartbeats come every second. */
const SILENCE_MS = 5_000;
const RETRY: BackoffLimits = { firstMs: 50, maxMs: 1_000 };

/** The catalog of one peer, and when the snapshot it is built on came (monotonic). */
export interface HeardCatalog {
  readonly catalog: Catalog;
  readonly snapshotAtMs: number;
  /** Whom the Link trusted under which it was heard, see `trustHash`. */
  readonly trust: string;
}

export interface FeedOptions {
  /** The replicas that are ready now. */
  readonly replicas: () => readonly GatewayReplica[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Something is known that was not known before. */
  readonly onChange: () => void;
}

interface Following {
  readonly trust: string;
  readonly stop: AbortController;
  /** Ends the present stream alone. */
  restart: AbortController;
  /** Who tells it now. */
  replica: string | undefined;
  restartedAtMs: number;
}

export class Feed {
  readonly #options: FeedOptions;
  readonly #catalogs = new Map<string, HeardCatalog>();
  readonly #following = new Map<string, Following>();
  readonly #links: LinkStates;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#links = new LinkStates({
      ...options,
      wanted: () => this.#following.keys(),
      onPolled: () => this.#leaveDeaf(),
    });
  }

  /** By cluster; only those that were heard. */
  get catalogs(): ReadonlyMap<string, HeardCatalog> {
    return this.#catalogs;
  }

  /** By cluster; `undefined` while no replica answers. */
  get linkStates(): ReadonlyMap<string, LinkState> | undefined {
    return this.#links.states;
  }

  /**
   * Follows exactly `clusters` from now on, each as the Link that trusts its value says, until `signal` aborts. Where
   * that changes, what was heard before stays known, as what it is.
   */
  follow(clusters: ReadonlyMap<string, string>, signal: AbortSignal): void {
    for (const [cluster, { trust, stop }] of this.#following) {
      if (clusters.get(cluster) === trust) continue;
      stop.abort();
      this.#following.delete(cluster);
      if (!clusters.has(cluster)) this.#catalogs.delete(cluster);
    }
    for (const [cluster, trust] of clusters) {
      if (this.#following.has(cluster) || signal.aborted) continue;
      const following = {
        trust,
        stop: new AbortController(),
        restart: new AbortController(),
        replica: undefined,
        restartedAtMs: Number.NEGATIVE_INFINITY,
      };
      this.#following.set(cluster, following);
      void this.#run(cluster, following, AbortSignal.any([signal, following.stop.signal]));
      // What is new to us is news of the links, too.
      this.#links.nudge();
    }
  }

  /** Asks for a fresh snapshot of `cluster`, unless that was done a moment ago. */
  refetch(cluster: string): void {
    const following = this.#following.get(cluster);
    const nowMs = this.#options.clock.monotonicMs();
    if (following === undefined || nowMs - following.restartedAtMs < SILENCE_MS) return;
    following.restartedAtMs = nowMs;
    following.restart.abort(new Error('a fresh snapshot is wanted'));
  }

  /** Asks the replicas about the links, and so who of them hears whom, until `signal` aborts. */
  poll(signal: AbortSignal): Promise<void> {
    return this.#links.poll(signal);
  }

  /** Whoever has lost a peer tells what it last heard; where another replica hears it now, that one is asked. */
  #leaveDeaf(): void {
    for (const [cluster, { replica, restart }] of this.#following) {
      if (replica === undefined || this.#links.hears(replica, cluster)) continue;
      if (this.#links.isHeard(cluster)) restart.abort(new Error('another replica hears it'));
    }
  }

  /** Who is asked for the catalog of `cluster`: somebody who hears it, where there is one. */
  #replicaFor(cluster: string, attempt: number): GatewayReplica | undefined {
    const ready = this.#options.replicas();
    const hearing = ready.filter(({ name }) => this.#links.hears(name, cluster));
    const asked = hearing.length > 0 ? hearing : ready;
    return asked[attempt % Math.max(1, asked.length)];
  }

  async #run(cluster: string, following: Following, signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    let failures = 0;
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      following.restart = new AbortController();
      const until = AbortSignal.any([signal, following.restart.signal]);
      const replica = this.#replicaFor(cluster, attempt);
      following.replica = replica?.name;
      try {
        if (replica !== undefined) {
          await this.#read(cluster, following.trust, replica, until, () => {
            failures = 0;
          });
        }
      } catch (error) {
        if (!until.aborted) {
          log.debug('the catalog stream ended', { cluster, error: describeError(error) });
        }
      }
      following.replica = undefined;
      failures += 1;
      await pause(clock, backoffMs(RETRY, failures, random), signal);
    }
  }

  async #read(
    cluster: string,
    trust: string,
    replica: GatewayReplica,
    signal: AbortSignal,
    onMessage: () => void,
  ): Promise<void> {
    const lines = new LineSplitter(CATALOG_LIMITS.lineBytesMax);
    let known: Catalog | undefined;
    let snapshotAtMs = 0;
    const path = `/catalogs/${cluster}?trust=${trust}`;
    for await (const chunk of replica.stream(path, SILENCE_MS, signal)) {
      if (signal.aborted) return;
      for (const line of lines.push(chunk)) {
        const message = parseCatalogMessage(line);
        if (message === undefined) continue;
        const next = applyCatalogMessage(known, message);
        if (next === undefined) {
          throw new IsthmusError(
            'TUNNEL_LOST',
            'the catalog does not continue what was said before',
          );
        }
        onMessage();
        if (message.kind === 'snapshot') snapshotAtMs = this.#options.clock.monotonicMs();
        if (next === known) continue;
        known = next;
        if (next.incomplete) continue;
        this.#catalogs.set(cluster, { catalog: next, snapshotAtMs, trust });
        this.#options.onChange();
      }
    }
  }
}
