/**
 * How many requests leave the cluster though a local endpoint is available: bounded if the settings
 * say so, and told to peers, who must not spill onto who spills. pure
 */
import { TUNING } from './tuning.ts';

export class Spill {
  /** Share of first attempts that lately went elsewhere, of those that could stay. */
  share = 0;
  #stayed = 0;
  #left = 0;
  #tokens: number = TUNING.remoteBurst;

  /** A request could stay or leave; `shareMax` may leave. */
  earn(shareMax: number): void {
    this.#tokens += shareMax;
    if (this.#tokens > TUNING.remoteBurst) this.#tokens = TUNING.remoteBurst;
  }

  /** Whether one more may leave. */
  get allowed(): boolean {
    return this.#tokens >= 1;
  }

  /** It left; only a `first` attempt says anything about load. */
  leave(first: boolean): void {
    // Where all may leave nobody looks at these, and nothing is owed once a TrafficPolicy says otherwise.
    if (this.#tokens >= 1) this.#tokens -= 1;
    if (first) this.#left += 1;
  }

  stay(): void {
    this.#stayed += 1;
  }

  tick(elapsedMs: number): void {
    const all = this.#stayed + this.#left;
    const recent = all === 0 ? 0 : this.#left / all;
    this.share += (1 - Math.exp(-elapsedMs / TUNING.spillingTauMs)) * (recent - this.share);
    this.#stayed = 0;
    this.#left = 0;
  }
}
