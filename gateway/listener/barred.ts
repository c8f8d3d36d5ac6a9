/**
 * Sources that flooded: a connection that was ended for it is soon replaced by the next, which has
 * every allowance again. So whoever did it a few times may connect only now and then. pure
 */
import { Bucket, type Rate } from '#core/bucket.ts';

/** Connections that may end for a flood before their source is kept out. */
export const FLOODS: Rate = { burst: 4, perSecond: 0.25 };
/** Sources remembered; the one that offended first goes first. */
const SOURCES_MAX = 4_096;

/** Whether a connection that broke `rule` was a flood: nobody does that by mistake. */
export function isFlood(rule: string): boolean {
  return rule.startsWith('FLOOD_') || rule === 'OUTPUT_QUEUE';
}

export class Barred {
  readonly #offences = new Map<string, Bucket>();

  /** A connection of `source` was ended for a flood. */
  offend(source: string, nowMs: number): void {
    let bucket = this.#offences.get(source);
    if (bucket === undefined) {
      bucket = new Bucket(FLOODS);
      if (this.#offences.size >= SOURCES_MAX) {
        const oldest = this.#offences.keys().next().value;
        if (oldest !== undefined) this.#offences.delete(oldest);
      }
      this.#offences.set(source, bucket);
    }
    bucket.take(nowMs);
  }

  /** Whether `source` is kept out now. */
  has(source: string, nowMs: number): boolean {
    const bucket = this.#offences.get(source);
    if (bucket === undefined) return false;
    if (!bucket.take(nowMs)) return true;
    bucket.give(1);
    return false;
  }
}
