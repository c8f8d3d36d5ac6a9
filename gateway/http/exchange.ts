/**
 * The two ends of a request inside a gateway: the exchange it came in by, and an attempt at having it
 * answered. Every codec of the data path implements one of them; `relay.ts` stands between.
 *
 * Content moves by credit. Whoever is given bytes takes them all and tells later how many have left
 * (`onAnswerSent`, `onRequestSent`); only then are they given back to where they came from
 * (`consumed`), which reads no further than its bound. So the memory of a stream is bounded by its
 * source, a slow reader holds back its own stream alone, and nobody polls.
 *
 * Bytes handed over never change and may be kept. Calls may nest: a call into one end may call back
 * before it returns. After its end, failure or abort, an end says nothing more and ignores what it is told.
 */
import type { ErrorCode } from '#core/errors.ts';
import type { AttemptError } from './attempt-error.ts';
import type { AnswerHead, NeverIndexed, RawHeaders, RequestHead, ResponseHead } from './message.ts';

/** One request and the way to answer it. Where `head.length` is 0, no content and no end follow. */
export interface Exchange {
  readonly head: RequestHead;
  /** The client's address, where there is one. */
  readonly address: string | undefined;
  /** Whoever answers; set inside the call that hands the exchange over. */
  listener: ExchangeListener;
  /** An interim answer (1xx, not 101); any number of them before {@link answer}. */
  interim(head: ResponseHead): void;
  /** The head of the answer, once. `end`: nothing follows. */
  answer(head: ResponseHead, end: boolean): void;
  /** Content of the answer, `bytes[from, to)`; `end`: the last of it, and no trailers. */
  body(bytes: Buffer, from: number, to: number, end: boolean): void;
  /**
   * Whether more of the answer would only wait here behind that of others, now that not all of it has left at once. Then
   * `onAnswerSent` follows when it would not, if of no bytes.
   */
  crowded?(): boolean;
  /** The answer is complete. */
  end(trailers: RawHeaders, neverIndexed?: NeverIndexed): void;
  /** Breaks the answer off, so that the client can tell it is not whole. */
  abort(code: ErrorCode): void;
  /** `bytes` of the request's content have left: the client may send as many more. */
  consumed(bytes: number): void;
  /** Nobody wants the rest of the request's content; nothing of it is told any more. */
  discard(): void;
}

/** Hears of the client's side of an {@link Exchange}. */
export interface ExchangeListener {
  onRequestBody(bytes: Buffer, from: number, to: number, end: boolean): void;
  onRequestEnd(trailers: RawHeaders, neverIndexed?: NeverIndexed): void;
  /** `bytes` of the answer's content have left for the client; 0: more may come, see {@link Exchange.crowded}. */
  onAnswerSent(bytes: number): void;
  /** The client is gone, or broke off: nothing more is heard of it or can be said to it. */
  onGone(): void;
}

/** One try at getting a request answered, wherever it goes. */
export interface Attempt {
  /** Content of the request; `end`: the last of it, and no trailers. */
  body(bytes: Buffer, from: number, to: number, end: boolean): void;
  /** The request is complete. */
  end(trailers: RawHeaders, neverIndexed?: NeverIndexed): void;
  /** `bytes` of the answer's content have left: as many more may come. 0: nobody is {@link AttemptListener.crowded} now. */
  consumed(bytes: number): void;
  /** Nobody waits any more: ends the attempt at once, with what it holds. */
  cancel(): void;
}

/** Hears of what becomes of an {@link Attempt}. */
export interface AttemptListener {
  onInterim(head: AnswerHead): void;
  /** The head of the answer. `end`: nothing follows. */
  onAnswer(head: AnswerHead, end: boolean): void;
  onAnswerBody(bytes: Buffer, from: number, to: number, end: boolean): void;
  /** Whether more of the answer is better left where it comes from until {@link Attempt.consumed} is called. */
  crowded?(): boolean;
  /** The answer is complete. */
  onAnswerEnd(trailers: RawHeaders, neverIndexed?: NeverIndexed): void;
  /** `bytes` of the request's content have left. */
  onRequestSent(bytes: number): void;
  /** No answer, or no more of it. */
  onFailed(error: AttemptError): void;
}

/** What an attempt begins with. Where `head.length` is 0, no content and no end follow. */
export interface UpstreamRequest {
  readonly head: RequestHead;
  readonly listener: AttemptListener;
}
