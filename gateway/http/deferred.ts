/**
 * An attempt that cannot begin yet: what it waits for comes soon, or fails it.
 */
import { describeError } from '#core/errors.ts';
import { AttemptError } from './attempt-error.ts';
import type { Attempt, UpstreamRequest } from './exchange.ts';
import type { NeverIndexed, RawHeaders } from './message.ts';
import { addPiece, type Piece } from './piece.ts';

/** Begins the attempt that was waited for; throws an {@link AttemptError} when it cannot. */
export type Starter = () => Attempt;

export class DeferredAttempt implements Attempt {
  readonly #request: UpstreamRequest;
  #inner: Attempt | undefined;
  #over = false;
  /** What came meanwhile; no more than the client has credit for. */
  #pieces: Piece[] = [];
  /** It ends with the last of them. */
  #ends = false;
  #trailers: RawHeaders | undefined;
  #neverIndexed: NeverIndexed;

  /** Without `ready`, whoever made it calls {@link begin} or {@link fail}. */
  constructor(request: UpstreamRequest, ready?: Promise<Starter>) {
    this.#request = request;
    ready?.then(
      (start) => this.begin(start),
      (error: unknown) => this.fail(error),
    );
  }

  /** Whether nobody waits any more. */
  get over(): boolean {
    return this.#over;
  }

  body(bytes: Buffer, from: number, to: number, end: boolean): void {
    if (this.#inner !== undefined) this.#inner.body(bytes, from, to, end);
    else if (!this.#over) {
      addPiece(this.#pieces, bytes, from, to);
      this.#ends ||= end;
    }
  }

  end(trailers: RawHeaders, neverIndexed?: NeverIndexed): void {
    if (this.#inner !== undefined) {
      this.#inner.end(trailers, neverIndexed);
      return;
    }
    this.#trailers = trailers;
    this.#neverIndexed = neverIndexed;
  }

  consumed(bytes: number): void {
    this.#inner?.consumed(bytes);
  }

  cancel(): void {
    this.#over = true;
    this.#pieces = [];
    this.#inner?.cancel();
  }

  /** What was waited for is there. */
  begin(start: Starter): void {
    if (this.#over) return;
    let inner: Attempt;
    try {
      inner = start();
    } catch (error) {
      this.fail(error);
      return;
    }
    this.#inner = inner;
    const pieces = this.#pieces;
    this.#pieces = [];
    for (const piece of pieces) {
      const end = this.#ends && piece === pieces.at(-1);
      inner.body(piece.bytes, piece.from, piece.to, end);
    }
    if (this.#trailers !== undefined) inner.end(this.#trailers, this.#neverIndexed);
  }

  /** What was waited for does not come. */
  fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#pieces = [];
    this.#request.listener.onFailed(
      error instanceof AttemptError
        ? error
        : new AttemptError('INTERNAL', describeError(error), { neverSent: true, cause: error }),
    );
  }
}
