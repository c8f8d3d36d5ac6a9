/**
 * What the own gateways know: the catalogs of peers, and whether each link is up.
 *
 * The mirror controller never speaks to another cluster; it asks a ready replica of its own gateway, over
 * mTLS. What was heard stays in force while nobody answers, and a stream that falls silent, breaks or makes
 * no sense is asked for again, of another replica where there is one.
 */
import { z } from 'zod';
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

const POLL_MS = 1_000;
/** While some link is not up: somebody is probably waiting for it. */
const POLL_DOWN_MS = 250;
/** Heartbeats come every second. */
const SILENCE_MS = 5_000;
const RETRY: BackoffLimits = { firstMs: 50, maxMs: 1_000 };
/** After so many polls without any answer nothing is claimed about the links any more. */
const POLLS_MISSED_MAX = 8;
/** Replicas asked about links; more would only say the same. */
const REPLICAS_ASKED_MAX = 4;

const linksAnswer = z.object({
  links: z
    .array(
      z.object({
        clusterName: z.string().max(63),
        connected: z.boolean(),
        peerVersion: z.string().max(64).nullish(),
        error: z.object({ code: z.string().max(64), message: z.string().max(4_096) }).nullish(),
      }),
    )
    .max(1_024),
});

/** One replica of the own gateway. */
export interface GatewayReplica {
  /** Its address; the same replica has the same one. */
  readonly name: string;
  /** JSON of `path`. */
  json(path: string, signal: AbortSignal): Promise<unknown>;
  /** Bytes of `path`, ending with an error after `idleMs` of silence. */
  stream(path: string, idleMs: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

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
  #linkStates: ReadonlyMap<string, LinkState> | undefined;
  /** By replica, the clusters it is connected to. */
  #connectedAt: ReadonlyMap<string, ReadonlySet<string>> = new Map();
  #told = '';
  #missed = 0;
  #nudge: AbortController | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** By cluster; only those that were heard. */
  get catalogs(): ReadonlyMap<string, HeardCatalog> {
    return this.#catalogs;
  }

  /** By cluster; `undefined` while no replica answers. */
  get linkStates(): ReadonlyMap<string, LinkState> | undefined {
    return this.#linkStates;
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
      this.#nudge?.abort();
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

  /** Asks about the links every second, or more often while one is down, until `signal` aborts. */
  async poll(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#askLinks(signal);
      this.#nudge = new AbortController();
      const waitMs = this.#allUp() ? POLL_MS : POLL_DOWN_MS;
      await pause(this.#options.clock, waitMs, AbortSignal.any([signal, this.#nudge.signal]));
    }
  }

  #allUp(): boolean {
    for (const cluster of this.#following.keys()) {
      if (this.#linkStates?.get(cluster)?.connected !== true) return false;
    }
    return true;
  }

  async #askLinks(signal: AbortSignal): Promise<void> {
    const replicas = this.#options.replicas().slice(0, REPLICAS_ASKED_MAX);
    const answers = await Promise.allSettled(
      replicas.map(async (each) => linksAnswer.parse(await each.json('/links', signal))),
    );
    if (signal.aborted) return;
    const heard = answers.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    this.#connectedAt = new Map(
      answers.flatMap((each, at) => {
        if (each.status !== 'fulfilled') return [];
        const up = each.value.links.filter(({ connected }) => connected);
        return [[replicas[at]?.name ?? '', new Set(up.map(({ clusterName }) => clusterName))]];
      }),
    );
    this.#leaveDeaf();
    if (heard.length === 0) {
      this.#missed += 1;
      if (this.#missed >= POLLS_MISSED_MAX) this.#setLinkStates(undefined);
      return;
    }
    this.#missed = 0;
    this.#setLinkStates(mergeStates(heard));
  }

  /** Whoever has lost a peer tells what it last heard; where another replica hears it now, that one is asked. */
  #leaveDeaf(): void {
    const hears = (replica: string | undefined, cluster: string) =>
      replica !== undefined && this.#connectedAt.get(replica)?.has(cluster) === true;
    for (const [cluster, { replica, restart }] of this.#following) {
      if (replica === undefined || hears(replica, cluster)) continue;
      const others = [...this.#connectedAt.keys()];
      if (others.some((each) => hears(each, cluster)))
        restart.abort(new Error('another replica hears it'));
    }
  }

  /** Who is asked for the catalog of `cluster`: somebody who hears it, where there is one. */
  #replicaFor(cluster: string, attempt: number): GatewayReplica | undefined {
    const ready = this.#options.replicas();
    const hearing = ready.filter(({ name }) => this.#connectedAt.get(name)?.has(cluster));
    const asked = hearing.length > 0 ? hearing : ready;
    return asked[attempt % Math.max(1, asked.length)];
  }

  #setLinkStates(states: ReadonlyMap<string, LinkState> | undefined): void {
    const told = JSON.stringify(states && [...states]) ?? '';
    if (told === this.#told) return;
    this.#told = told;
    this.#linkStates = states;
    this.#options.onChange();
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

/** A link is up when one replica says so; where none does, the first error counts. */
function mergeStates(
  answers: readonly z.infer<typeof linksAnswer>[],
): ReadonlyMap<string, LinkState> {
  const states = new Map<string, LinkState>();
  for (const { links } of answers) {
    for (const { clusterName, connected, peerVersion, error } of links) {
      if (states.get(clusterName)?.connected) continue;
      const known = states.get(clusterName);
      states.set(clusterName, {
        connected,
        peerVersion: peerVersion ?? known?.peerVersion,
        error: connected ? undefined : (known?.error ?? error ?? undefined),
      });
    }
  }
  return new Map([...states].sort(([a], [b]) => (a < b ? -1 : 1)));
}
