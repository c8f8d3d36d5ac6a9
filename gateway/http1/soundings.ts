/**
 * Whether a pod that has fallen silent is still there: one connection to it tells for all requests that wait, and only
 * where none can be made the system is asked what became of each.
 *
 * A connection alone would accuse who is slow: where too many wait to be accepted the kernel leaves further ones without
 * an answer, and a pod that is leaving refuses them while it works at what it has. So who refuses is there, and who
 * acknowledges what was sent to it is there, too.
 */
import type { Clock } from '#core/clock.ts';
import type { Ports, TcpTable } from '../transport/unanswered.ts';

/** What was found out is good for so long; then the pod is asked again. */
export const FRESH_MS = 5_000;
/** So often in vain the system must have tried: some three seconds after the last sign of life, or more. */
export const UNANSWERED_MIN = 4;

/** What is asked of the machine; neither rejects. */
export interface Sounding {
  /** Whether a connection to the pod is made or refused within `CONNECT_MS`: false where nothing comes back. */
  reaches(): Promise<boolean>;
  readTable(nowMs: number): Promise<TcpTable>;
}

/** What is known of a silent connection: `silent`: the pod accepts none, but is not known to be gone. */
export type Finding = 'unknown' | 'there' | 'silent' | 'gone';

/** See the header of this file. */
export class Soundings {
  readonly #sounding: Sounding;
  readonly #clock: Clock;
  #asking = false;
  #atMs = Number.NEGATIVE_INFINITY;
  /** Where nothing came back. */
  #table: TcpTable | undefined;

  constructor(sounding: Sounding, clock: Clock) {
    this.#sounding = sounding;
    this.#clock = clock;
  }

  /** What is known of the connection between `ports` now; asks where that is too old, once whoever calls. */
  find(ports: Ports, nowMs: number): Finding {
    if (nowMs - this.#atMs >= FRESH_MS) {
      if (!this.#asking) void this.#ask();
      return 'unknown';
    }
    if (this.#table === undefined) return 'there';
    return this.#table.unanswered(ports) >= UNANSWERED_MIN ? 'gone' : 'silent';
  }

  async #ask(): Promise<void> {
    this.#asking = true;
    try {
      const reached = await this.#sounding.reaches();
      const nowMs = this.#clock.monotonicMs();
      this.#table = reached ? undefined : await this.#sounding.readTable(nowMs);
      this.#atMs = this.#clock.monotonicMs();
    } finally {
      this.#asking = false;
    }
  }
}
