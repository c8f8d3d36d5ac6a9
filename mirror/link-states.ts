/**
 * Which links are up, as the replicas of the own gateway tell when they are asked.
 *
 * Promises: what was heard last stays until {@link POLLS_MISSED_MAX} polls brought no answer at all, then nothing is claimed;
 * a link is up when one replica says so, and which replica hears which peer is known apart.
 */
import { z } from 'zod';
import { type Clock, pause } from '#core/clock.ts';
import type { LinkState } from './input.ts';
import type { GatewayReplica } from './replicas.ts';

const POLL_MS = 1_000;
/** While some link is not up: somebody is probably waiting for it. */
const POLL_DOWN_MS = 250;
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
type LinksAnswer = z.infer<typeof linksAnswer>;

export interface LinkStatesOptions {
  /** The replicas that are ready now. */
  readonly replicas: () => readonly GatewayReplica[];
  readonly clock: Clock;
  /** The clusters somebody waits for. */
  readonly wanted: () => Iterable<string>;
  /** A poll has ended, and {@link LinkStates.hears} may say something else. */
  readonly onPolled: () => void;
  /** {@link LinkStates.states} say something else. */
  readonly onChange: () => void;
}

export class LinkStates {
  readonly #options: LinkStatesOptions;
  #states: ReadonlyMap<string, LinkState> | undefined;
  /** By replica, the clusters it is connected to; only of those that answered. */
  #connectedAt: ReadonlyMap<string, ReadonlySet<string>> = new Map();
  #told = '';
  #missed = 0;
  #nudged: AbortController | undefined;

  constructor(options: LinkStatesOptions) {
    this.#options = options;
  }

  /** By cluster; `undefined` while no replica answers. */
  get states(): ReadonlyMap<string, LinkState> | undefined {
    return this.#states;
  }

  /** Whether `replica` said last that it is connected to `cluster`. */
  hears(replica: string, cluster: string): boolean {
    return this.#connectedAt.get(replica)?.has(cluster) ?? false;
  }

  /** Whether any replica said last that it is connected to `cluster`. */
  isHeard(cluster: string): boolean {
    return [...this.#connectedAt.values()].some((clusters) => clusters.has(cluster));
  }

  /** Asks every second, or more often while a wanted cluster is not connected, until `signal` aborts. */
  async poll(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#ask(signal);
      this.#nudged = new AbortController();
      const waitMs = this.#areAllUp() ? POLL_MS : POLL_DOWN_MS;
      await pause(this.#options.clock, waitMs, AbortSignal.any([signal, this.#nudged.signal]));
    }
  }

  /** Has the next poll begin at once. */
  nudge(): void {
    this.#nudged?.abort();
  }

  #areAllUp(): boolean {
    for (const cluster of this.#options.wanted()) {
      if (this.#states?.get(cluster)?.connected !== true) return false;
    }
    return true;
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const replicas = this.#options.replicas().slice(0, REPLICAS_ASKED_MAX);
    const answers = await Promise.all(replicas.map((each) => linksOf(each, signal)));
    if (signal.aborted) return;
    const heard = answers.filter((each) => each !== undefined);
    this.#connectedAt = new Map(heard.map(({ replica, links }) => [replica, connectedOf(links)]));
    this.#options.onPolled();
    this.#missed = heard.length === 0 ? this.#missed + 1 : 0;
    if (heard.length > 0) this.#set(mergeStates(heard));
    else if (this.#missed >= POLLS_MISSED_MAX) this.#set(undefined);
  }

  #set(states: ReadonlyMap<string, LinkState> | undefined): void {
    const told = JSON.stringify(states && [...states]) ?? '';
    if (told === this.#told) return;
    this.#told = told;
    this.#states = states;
    this.#options.onChange();
  }
}

/** What one replica says, or `undefined` when it does not answer, or not with that. */
async function linksOf(replica: GatewayReplica, signal: AbortSignal) {
  try {
    const { links } = linksAnswer.parse(await replica.json('/links', signal));
    return { replica: replica.name, links };
  } catch {
    // Why does not matter: another replica may know, and who none of them knows is told as not connected.
    return undefined;
  }
}

function connectedOf(links: LinksAnswer['links']): ReadonlySet<string> {
  return new Set(links.flatMap((each) => (each.connected ? [each.clusterName] : [])));
}

/** A link is up when one replica says so; where none does, the first error counts. */
function mergeStates(answers: readonly LinksAnswer[]): ReadonlyMap<string, LinkState> {
  const states = new Map<string, LinkState>();
  for (const { links } of answers) {
    for (const { clusterName, connected, peerVersion, error } of links) {
      const known = states.get(clusterName);
      if (known?.connected) continue;
      states.set(clusterName, {
        connected,
        peerVersion: peerVersion ?? known?.peerVersion,
        error: connected ? undefined : (known?.error ?? error ?? undefined),
      });
    }
  }
  return new Map([...states].sort(([a], [b]) => (a < b ? -1 : 1)));
}
