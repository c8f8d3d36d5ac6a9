/**
 * What has come of a request's content, as long as it is little enough to be sent a second time. pure
 */
import type { Attempt } from './exchange.ts';
import { type NeverIndexed, NO_HEADERS, type RawHeaders } from './message.ts';
import { addPiece, type Piece } from './piece.ts';

/** Bytes of a request's content kept for a retry. */
export const REPLAY_BYTES_MAX = 64 * 1024;

/** Holds at most {@link REPLAY_BYTES_MAX}; what passes that makes the request impossible to repeat. */
export class ReplayBuffer {
  #pieces: Piece[] | undefined;
  #keptBytes = 0;
  #lost = false;
  #ended = false;
  #trailers: RawHeaders = NO_HEADERS;
  #neverIndexed: NeverIndexed;

  /** Whether every byte so far is still known. */
  get whole(): boolean {
    return !this.#lost;
  }

  body(bytes: Buffer, from: number, to: number, end: boolean): void {
    if (end) this.#ended = true;
    if (this.#lost) return;
    this.#keptBytes += to - from;
    if (this.#keptBytes > REPLAY_BYTES_MAX) {
      this.forget();
      return;
    }
    this.#pieces ??= [];
    addPiece(this.#pieces, bytes, from, to);
  }

  end(trailers: RawHeaders, neverIndexed?: NeverIndexed): void {
    this.#ended = true;
    this.#trailers = trailers;
    this.#neverIndexed = neverIndexed;
  }

  /** No attempt will follow: nothing is kept any more. */
  forget(): void {
    this.#lost = true;
    this.#pieces = undefined;
  }

  /** Sends what has come so far into `attempt`. */
  sendTo(attempt: Attempt): void {
    for (const { bytes, from, to } of this.#pieces ?? []) attempt.body(bytes, from, to, false);
    if (this.#ended) attempt.end(this.#trailers, this.#neverIndexed);
  }
}
