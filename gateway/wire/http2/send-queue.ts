/**
 * Streams that have more to send than windows or output took, and whose turn it is. pure
 *
 * Large answers share a connection frame by frame. Were a small one to stand behind them, it would wait for a frame of
 * each: hundreds of answers that nobody reads would cost everybody else a tenth of a second. So who has sent next to
 * nothing lately goes first, with a little, and only then stands in line like the others.
 */
import type { Http2Stream } from './stream.ts';

/** What a stream may send ahead of those that send much, in {@link QUICK_MS}. */
export const QUICK_BYTES = 4 * 1_024;
const QUICK_MS = 1_000;
/**
 * So many stand in line before the content of others is better left where it comes from: read by then, it would only
 * wait here, the longer the more there are, and outlive the collections that are meant for what does not.
 */
export const LINE_STREAMS = 16;

export class SendQueue<T> {
  /** Those that have sent little lately, longest waiting first. */
  readonly #quick = new Set<Http2Stream<T>>();
  /** The others, in the same order. */
  readonly #blocked = new Set<Http2Stream<T>>();
  /** Those that wait for their own window, and cost the others nothing meanwhile. */
  readonly #starved = new Set<Http2Stream<T>>();
  /** Those that will bring more once the line is short enough, longest waiting first. */
  readonly #behind = new Set<Http2Stream<T>>();

  /** Whether streams wait for room that any of them could use. */
  get contended(): boolean {
    return this.#quick.size + this.#blocked.size > 0;
  }

  /** Everybody who waits. */
  all(): Http2Stream<T>[] {
    if (!this.contended && this.#starved.size === 0) return [];
    return [...this.#starved, ...this.#quick, ...this.#blocked];
  }

  /** What `stream` may send at once while others wait; at most a frame. */
  turnBytes(stream: Http2Stream<T>, frameBytes: number): number {
    const quickBytes = QUICK_BYTES - (stream.sentBytes - stream.quickFromBytes);
    return this.#quick.size > 0 && quickBytes > 0 ? Math.min(quickBytes, frameBytes) : frameBytes;
  }

  /** `stream` has more to send. */
  add(stream: Http2Stream<T>, nowMs: number): void {
    stream.waiting = true;
    if (stream.sendWindow <= 0) {
      this.#starved.add(stream);
      return;
    }
    if (nowMs - stream.quickFromMs > QUICK_MS) {
      stream.quickFromMs = nowMs;
      stream.quickFromBytes = stream.sentBytes;
    }
    const quick = stream.sentBytes - stream.quickFromBytes < QUICK_BYTES;
    (quick ? this.#quick : this.#blocked).add(stream);
  }

  /** `stream` waits no more. */
  delete(stream: Http2Stream<T>): void {
    if (!stream.waiting) return;
    stream.waiting = false;
    if (!this.#quick.delete(stream) && !this.#blocked.delete(stream)) this.#starved.delete(stream);
  }

  /** `stream` has a window of its own again: from now on it waits with the others. */
  feed(stream: Http2Stream<T>, nowMs: number): void {
    if (this.#starved.delete(stream)) this.add(stream, nowMs);
  }

  /** Whether what `stream` could bring would only stand in line: then it is among {@link next} once it would not. */
  crowded(stream: Http2Stream<T>): boolean {
    if (stream.localClosed || this.#blocked.size + this.#behind.size < LINE_STREAMS) return false;
    this.#behind.add(stream);
    return true;
  }

  /** Whether {@link next} has somebody. */
  get hasNext(): boolean {
    return this.#behind.size > 0 && this.#blocked.size < LINE_STREAMS;
  }

  /** Those for whose content the line has room now. */
  next(): Http2Stream<T>[] {
    if (!this.hasNext) return [];
    const next = [...this.#behind.values().take(LINE_STREAMS - this.#blocked.size)];
    for (const each of next) this.#behind.delete(each);
    return next;
  }

  /** `stream` is over. */
  forget(stream: Http2Stream<T>): void {
    this.delete(stream);
    this.#behind.delete(stream);
  }

  /** Those who wait for a window of their own. */
  starved(): Http2Stream<T>[] {
    return this.#starved.size === 0 ? [] : [...this.#starved];
  }

  /** A turn of each: one of those that send much, so that they always get on, then the quick, then the rest. */
  turn(): Http2Stream<T>[] {
    const [first, ...rest] = this.#blocked;
    return first === undefined ? [...this.#quick] : [first, ...this.#quick, ...rest];
  }
}
