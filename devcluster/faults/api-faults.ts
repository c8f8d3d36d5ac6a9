/**
 * The faults of one API server that are in force, and what they do to a request.
 *
 * Promises: what a fault does to whom depends on the seed alone, not on the machine; a fault ends when it is lifted or
 * its time is up, and leaves nothing behind; watchers that were kept in silence are then reset, for what
 * they missed will not be told again. Members of `system:masters` who ask for `/faults` are never met.
 */
import { sleep, type Timer } from '#core/clock.ts';
import type { Random } from '#core/random.ts';
import type { Lists } from '../api/read.ts';
import type { Watches } from '../api/watch.ts';
import type { Frozen, Store } from '../storage/store.ts';
import { ApiError } from '../values/status.ts';
import {
  type ApiFault,
  type ApiFaultWish,
  apiFault,
  type FaultMatch,
  type FaultSubject,
  isMet,
} from './api-fault.ts';
import type { SkewedClock } from './skewed-clock.ts';

/** Faults in force at one time. */
const FAULTS_MAX = 100;

/** What the faults need to reach. */
export interface FaultTargets {
  readonly store: Store;
  readonly lists: Lists;
  readonly watches: Watches;
  readonly clock: SkewedClock;
  readonly random: Random;
}

/** A fault in force. */
export interface InForce {
  readonly id: string;
  readonly fault: ApiFault;
  /** Ends it; harmless when it has ended. */
  lift(): void;
}

/** A connection or answer that can be ended without a word. */
export interface Resettable {
  destroy(): void;
  on(event: 'close', listener: () => void): unknown;
}

/** How a server stops listening and listens again; a server without sockets has none. */
export interface Listening {
  down(): void;
  up(): void;
}

type Of<T extends ApiFault['type']> = Extract<ApiFault, { type: T }>;

/** See the file header. */
export class ApiFaults {
  readonly #targets: FaultTargets;
  readonly #inForce = new Map<string, InForce>();
  readonly #views = new Map<string, Frozen>();
  /** Requests that hear nothing, and by whom they were sent. */
  readonly #held = new Map<Resettable, FaultSubject>();
  #count = 0;
  listening: Listening | undefined;

  constructor(targets: FaultTargets) {
    this.#targets = targets;
    targets.watches.isSilent = (subject) =>
      this.#inForce.size > 0 && this.#find('apiServerSilent', subject) !== undefined;
  }

  /** What holds now, oldest first. */
  list(): readonly InForce[] {
    return [...this.#inForce.values()];
  }

  /** Begins a fault; it ends after `seconds`, or when lifted. Throws a ZodError naming the field. */
  inject(wish: ApiFaultWish, seconds?: number): InForce {
    const fault = apiFault.parse(wish);
    if (this.#inForce.size >= FAULTS_MAX) {
      throw new ApiError(400, 'BadRequest', `no more than ${FAULTS_MAX} faults at one time`);
    }
    this.#count += 1;
    const id = `${fault.type}-${this.#count}`;
    const end = this.#begin(id, fault);
    let timer: Timer | undefined;
    const lift = () => {
      timer?.cancel();
      if (this.#inForce.delete(id)) end();
    };
    const inForce = { id, fault, lift };
    this.#inForce.set(id, inForce);
    if (seconds !== undefined) timer = this.#targets.clock.after(seconds * 1_000, lift);
    return inForce;
  }

  /** Ends every fault. */
  liftAll(): void {
    for (const each of this.list()) each.lift();
  }

  /**
   * Lets a request wait, or throws what it is refused with. Never resolves for one that is to hear
   * nothing; `answer` is reset when the silence ends.
   */
  async meet(subject: FaultSubject, answer: Resettable): Promise<void> {
    if (this.#inForce.size === 0) return;
    const { clock, random } = this.#targets;
    if (this.#find('apiServerSilent', subject)) {
      this.#held.set(answer, subject);
      answer.on('close', () => this.#held.delete(answer));
      await new Promise<never>(() => undefined);
    }
    const slow = this.#find('apiServerSlow', subject);
    if (slow && this.#isHit(slow.share)) {
      await sleep(clock, slow.delayMs + slow.jitterMs * random.next());
    }
    const errors = this.#find('apiServerErrors', subject);
    if (errors && this.#isHit(errors.share)) throw refusal(errors);
  }

  /** The state `subject` is to read from: an older one while reads are stale. */
  view(subject: FaultSubject): Frozen | undefined {
    for (const { id, fault } of this.#inForce.values()) {
      if (fault.type === 'staleReads' && isMet(fault.match, subject)) return this.#views.get(id);
    }
    return undefined;
  }

  #begin(id: string, fault: ApiFault): () => void {
    const { store, lists, watches, clock } = this.#targets;
    switch (fault.type) {
      case 'apiServerDown':
        this.listening?.down();
        watches.cut();
        return () => this.listening?.up();
      case 'clockSkew':
        clock.offsetMs += fault.offsetMs;
        return () => {
          clock.offsetMs -= fault.offsetMs;
        };
      case 'watchCut':
        return this.#repeat(fault.everyMs, () => watches.cut((who) => isMet(fault.match, who)));
      case 'expiredVersions':
        return this.#repeat(fault.everyMs, () => {
          store.compact();
          lists.expire();
        });
      case 'staleReads':
        this.#views.set(id, store.freeze());
        return () => this.#views.delete(id);
      case 'apiServerSilent':
        return () => {
          watches.cut((who) => isMet(fault.match, who));
          for (const [answer, who] of this.#held) if (isMet(fault.match, who)) answer.destroy();
        };
      default:
        return () => undefined;
    }
  }

  #repeat(everyMs: number | undefined, act: () => void): () => void {
    act();
    if (everyMs === undefined) return () => undefined;
    const timer = this.#targets.clock.every(everyMs, act);
    return () => timer.cancel();
  }

  #find<T extends ApiFault['type']>(type: T, subject: FaultSubject): Of<T> | undefined {
    for (const { fault } of this.#inForce.values()) {
      if (fault.type !== type) continue;
      const match = 'match' in fault ? (fault.match as FaultMatch | undefined) : undefined;
      if (isMet(match, subject)) return fault as Of<T>;
    }
    return undefined;
  }

  #isHit(share: number): boolean {
    return share >= 1 || this.#targets.random.next() < share;
  }
}

function refusal(fault: Of<'apiServerErrors'>): ApiError {
  const { status, retryAfterSeconds } = fault;
  const [reason, message] = WORDS[status];
  const seconds = retryAfterSeconds ?? (status === 429 ? 1 : undefined);
  return seconds === undefined
    ? new ApiError(status, reason, message)
    : new ApiError(
        status,
        reason,
        message,
        { retryAfterSeconds: seconds },
        { 'retry-after': String(seconds) },
      );
}

/** As the real server words them. */
const WORDS = {
  429: ['TooManyRequests', 'Too many requests, please try again later.'],
  500: ['InternalError', 'Internal error occurred: a fault was asked for'],
  503: [
    'ServiceUnavailable',
    'the server is currently unable to handle the request (a fault was asked for)',
  ],
  504: ['Timeout', 'Timeout: request did not complete within the allotted timeout'],
} as const;
