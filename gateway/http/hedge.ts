/**
 * A second attempt beside a slow first one: whoever answers first goes on, the other ends.
 *
 * It hears for itself until it is taken over; from then on everything passes straight to the request.
 */
import type { Endpoint } from '../balance/endpoint.ts';
import type { AttemptError } from './attempt-error.ts';
import type { Attempt, AttemptListener, UpstreamRequest } from './exchange.ts';
import type { AnswerHead, NeverIndexed, RawHeaders, RequestHead } from './message.ts';

/** The request a hedge belongs to. */
export interface HedgeOwner extends AttemptListener {
  /** `hedge` answered before the first attempt did. */
  onHedgeAnswer(hedge: Hedge, head: AnswerHead, end: boolean): void;
  /** `hedge` failed before it was taken over. */
  onHedgeFailed(hedge: Hedge, error: AttemptError): void;
}

export class Hedge implements AttemptListener, UpstreamRequest {
  readonly head: RequestHead;
  readonly endpoint: Endpoint;
  readonly startMs: number;
  /** The turn of the event loop it began in. */
  readonly turn: number;
  /** How many others were under way where it began. */
  load = 0;
  /** Set once the attempt is under way. */
  attempt: Attempt | undefined;
  readonly #owner: HedgeOwner;
  #taken = false;

  constructor(
    owner: HedgeOwner,
    head: RequestHead,
    endpoint: Endpoint,
    startMs: number,
    turn: number,
  ) {
    this.#owner = owner;
    this.head = head;
    this.endpoint = endpoint;
    this.startMs = startMs;
    this.turn = turn;
  }

  get listener(): AttemptListener {
    return this;
  }

  /** The request goes on with this attempt alone. */
  take(): void {
    this.#taken = true;
  }

  onInterim(head: AnswerHead): void {
    // Two attempts must not both say "processing": only the one that goes on is heard.
    if (this.#taken) this.#owner.onInterim(head);
  }

  onAnswer(head: AnswerHead, end: boolean): void {
    if (this.#taken) this.#owner.onAnswer(head, end);
    else this.#owner.onHedgeAnswer(this, head, end);
  }

  onAnswerBody(bytes: Buffer, from: number, to: number, end: boolean): void {
    this.#owner.onAnswerBody(bytes, from, to, end);
  }

  onAnswerEnd(trailers: RawHeaders, neverIndexed?: NeverIndexed): void {
    this.#owner.onAnswerEnd(trailers, neverIndexed);
  }

  onRequestSent(): void {
    // Only requests without content are hedged.
  }

  onFailed(error: AttemptError): void {
    if (this.#taken) this.#owner.onFailed(error);
    else this.#owner.onHedgeFailed(this, error);
  }
}
