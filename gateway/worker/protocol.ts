/**
 * What the two kinds of processes of a gateway say to each other. Structured-clonable values only; both
 * are of one release, for one starts the other.
 */
import type { Probe } from '../balance/balancer.ts';
import type { Portion } from '../metrics/telling.ts';
import type { SnapshotDelta } from '../snapshot/delta.ts';

/** What can be asked of a worker. */
export type Question =
  | { readonly about: 'links' | 'services' | 'metrics' }
  /** Of one service, `namespace/name`, or of all. */
  | { readonly about: 'balancer'; readonly service: string | undefined };

/** From the process that watches to a worker. */
export type ToWorker =
  /** What changed; the first one is everything. */
  | { readonly kind: 'snapshot'; readonly delta: SnapshotDelta }
  /** Unready from now on, but still serving. */
  | { readonly kind: 'leave' }
  /** Accepts nothing more, ends what is under way within `graceMs`, exits. */
  | { readonly kind: 'stop'; readonly graceMs: number }
  /** What became of a probe that some worker asked for. */
  | { readonly kind: 'probed'; readonly probe: Probe; readonly alive: boolean }
  | { readonly kind: 'ask'; readonly id: number; readonly question: Question };

/** From a worker. */
export type FromWorker =
  /** Its event loop turns; said each `WORD_MS`. Where `isDebugged`, it may stop doing so without being ill. */
  | { readonly kind: 'alive'; readonly isDebugged: boolean }
  /** Ready for its first snapshot. */
  | { readonly kind: 'started' }
  /** What keeps it from being ready; empty when nothing does. */
  | { readonly kind: 'state'; readonly missing: readonly string[] }
  /** Was told to end by somebody else: it serves until its successor is ready. */
  | { readonly kind: 'leaving' }
  /** Wants to know whether an endpoint is well again; answered by `probed`. */
  | { readonly kind: 'probe'; readonly probe: Probe }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  /** A portion of what it has to tell, before the answer to question `id`; without: it was not asked. */
  | { readonly kind: 'told'; readonly id: number | undefined; readonly portion: Portion }
  /** A line of a peer's catalog, heard under a Link that trusts `trust`. */
  | {
      readonly kind: 'catalog';
      readonly cluster: string;
      readonly trust: string;
      readonly line: string;
    };

/** Environment: which worker this is, from 0. */
export const WORKER_INDEX = 'ISTHMUS_WORKER';
/** Environment: how many workers a gateway has. */
export const WORKERS = 'ISTHMUS_WORKERS';
export const WORKERS_MAX = 64;
