/**
 * Sources that flooded: a connection that was ended for it is soon replaced by the next, which has
 * every allowance again. So whoever did it a few times may connect only now and then; and so may whoever
 * sends what has to be refused again and again. pure
 */
import { Bucket, type Rate } from '#core/bucket.ts';

/** Connections that may end for a flood before their source is kept out. */
export const FLOODS: Rate = { burst: 2, perSecond: 0.1 };
/** What may be refused of a source, floods and what honest clients do aside, before it is kept out. */
export const REFUSALS: Rate = { burst: 128, perSecond: 8 };
/** One in so many tokens left is close to being kept out. */
const CLOSE = 4;
/** Sources remembered; the one that offended first goes first. */
const SOURCES_MAX = 4_096;

/** Whether a connection that broke `rule` was a flood: nobody does that by mistake. */
export function isFlood(rule: string): boolean {
  return rule.startsWith('FLOOD_') || rule === 'OUTPUT_QUEUE';
}

export class Barred {
  readonly #floods = new Offenders(FLOODS);
  readonly #refusals = new Offenders(REFUSALS);

  /** `source` broke `rule`. */
  offend(source: string, rule: string, nowMs: number): void {
    if (isFlood(rule)) this.#floods.offend(source, nowMs);
    else this.#refusals.offend(source, nowMs);
  }

  /** Whether `source`, which wants to connect, is kept out now. */
  has(source: string, nowMs: number): boolean {
    return this.#floods.has(source, nowMs) || this.#refusals.has(source, nowMs);
  }
}

/** Who offended in one way, and how often that may be. */
class Offenders {
  readonly #rate: Rate;
  readonly #offences = new Map<string, Bucket>();

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  offend(source: string, nowMs: number): void {
    let bucket = this.#offences.get(source);
    if (bucket === undefined) {
      bucket = new Bucket(this.#rate);
      if (this.#offences.size >= SOURCES_MAX) {
        const oldest = this.#offences.keys().next().value;
        if (oldest !== undefined) this.#offences.delete(oldest);
      }
      this.#offences.set(source, bucket);
    }
    bucket.take(nowMs);
  }

  has(source: string, nowMs: number): boolean {
    const bucket = this.#offences.get(source);
    if (bucket === undefined) return false;
    if (!bucket.take(nowMs)) return true;
    // Whoever has come close pays when it connects: many connections at once would all find the last token.
    if (bucket.has(this.#rate.burst / CLOSE, nowMs)) bucket.give(1);
    return false;
  }
}
