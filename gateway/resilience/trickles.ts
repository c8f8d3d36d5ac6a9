/**
 * Content that a source sends in frames of next to nothing. pure
 *
 * Windows count bytes; but a frame of one byte costs as much as one of hundreds, here, in the far gateway and, as a write
 * and a read of its own, between that and the pod: thousands of streams of them take all of a machine's time. So each
 * frame counts for what it falls short of {@link FULL_FRAME_BYTES}, and a connection that brought more of that than its
 * source may is read on later. What it sends meanwhile comes in one piece, and is joined on its way.
 */
import type { Rate } from '#core/bucket.ts';

/** Content of one source that was not there, in bytes, while others send requests, too: some 16,000 frames of a byte a second. */
export const SHORT_BYTES: Rate = { burst: 1_048_576, perSecond: 4_194_304 };
/** Read at once, so little holds no connection back: it may be another client's than what there is too much of. */
const LITTLE_BYTES = 4 * 1_024;
/** Sources remembered; above, those that may send again are forgotten. */
const SOURCES_MAX = 4_096;

const BYTES_PER_MS = SHORT_BYTES.perSecond / 1_000;
const BURST_MS = SHORT_BYTES.burst / BYTES_PER_MS;

export class Trickles {
  /** Until when the time of each source is spent. */
  readonly #spentMs = new Map<string, number>();

  /** Frames of `source` fell short of `bytes`; for how long the connection they came by is to be read no further. */
  restMs(source: string, bytes: number, nowMs: number): number {
    const known = this.#spentMs.get(source);
    if (known === undefined) this.#makeRoom(nowMs);
    const fromMs = Math.max(known ?? Number.NEGATIVE_INFINITY, nowMs - BURST_MS);
    const spentMs = fromMs + bytes / BYTES_PER_MS;
    this.#spentMs.set(source, spentMs);
    return bytes <= LITTLE_BYTES ? 0 : Math.max(0, spentMs - nowMs);
  }

  #makeRoom(nowMs: number): void {
    if (this.#spentMs.size < SOURCES_MAX) return;
    for (const [each, spentMs] of this.#spentMs) if (spentMs <= nowMs) this.#spentMs.delete(each);
  }
}
