/**
 * A request body that can be sent a second time, as long as it is small enough to remember.
 *
 * Promises: at most {@link REPLAY_BYTES_MAX} bytes are kept; what passes that is streamed and makes
 * the request impossible to repeat. A slow upstream slows the client down, never fills memory.
 */
import type { Readable, Writable } from 'node:stream';

/** Bytes of a request body kept for a retry. */
export const REPLAY_BYTES_MAX = 64 * 1024;

export class ReplayableBody {
  readonly #source: Readable | undefined;
  #kept: Buffer[] | undefined = [];
  #keptBytes = 0;
  #ended = false;
  #sink: Writable | undefined;

  /** `source` is `undefined` for a request without a body. */
  constructor(source: Readable | undefined) {
    this.#source = source;
    if (source === undefined) {
      this.#ended = true;
      return;
    }
    source.pause();
    source.on('data', (chunk: Buffer) => this.#onData(chunk));
    source.on('end', () => {
      this.#ended = true;
      this.#sink?.end();
    });
    // The exchange reports a client that leaves; here it only must not be an unhandled error.
    source.on('error', () => this.detach());
  }

  get empty(): boolean {
    return this.#source === undefined;
  }

  /** Whether every byte so far is still known, so that another attempt can send them again. */
  get replayable(): boolean {
    return this.#kept !== undefined;
  }

  /** Sends the body from its beginning into `sink`, and ends it. One sink at a time. */
  attach(sink: Writable): void {
    if (this.#kept === undefined) throw new Error('cannot send a body again that was not kept');
    this.#sink = sink;
    for (const chunk of this.#kept) sink.write(chunk);
    if (this.#ended) {
      sink.end();
      return;
    }
    this.#source?.resume();
  }

  /** The current sink failed or answered early; bytes stop flowing until the next one. */
  detach(): void {
    this.#sink = undefined;
    this.#source?.pause();
  }

  /** Nobody wants the rest: reads and drops it, so that the connection can be used again. */
  discard(): void {
    this.#sink = undefined;
    this.#kept = undefined;
    this.#source?.resume();
  }

  #onData(chunk: Buffer): void {
    this.#keptBytes += chunk.length;
    if (this.#keptBytes > REPLAY_BYTES_MAX) this.#kept = undefined;
    else this.#kept?.push(chunk);
    const sink = this.#sink;
    if (sink === undefined || sink.write(chunk)) return;
    this.#source?.pause();
    sink.once('drain', () => {
      if (this.#sink === sink) this.#source?.resume();
    });
  }
}
