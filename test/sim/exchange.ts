/**
 * The client's side of one simulated request, and the far gateway's side of one that came by a tunnel.
 */
import type { ErrorCode } from '#core/errors.ts';
import { HEADER_ERROR } from '#core/names.ts';
import type { Exchange, ExchangeListener } from '#gateway/http/exchange.ts';
import {
  headerValue,
  LENGTH_UNKNOWN,
  NO_HEADERS,
  type RequestHead,
  type ResponseHead,
} from '#gateway/http/message.ts';

/** What a simulated request asks for. */
export const GET: RequestHead = {
  method: 'GET',
  path: '/',
  authority: 'backend',
  headers: NO_HEADERS,
  seen: 0,
  upgrade: '',
  length: 0,
  version: 'http1',
};

export const POST: RequestHead = { ...GET, method: 'POST' };

/** An opaque connection. */
export const CONNECTION: RequestHead = {
  ...GET,
  method: 'CONNECT',
  path: '',
  length: LENGTH_UNKNOWN,
};

/** Hears how an exchange ended: with a complete answer, or broken off (status 0); `code`: by a gateway itself. */
export type Ended = (status: number, code: ErrorCode | undefined) => void;

export class SimExchange implements Exchange {
  readonly head: RequestHead;
  readonly address = undefined;
  listener!: ExchangeListener;
  readonly #ended: Ended;
  #status = 0;
  #code: ErrorCode | undefined;
  #over = false;

  constructor(head: RequestHead, ended: Ended) {
    this.head = head;
    this.#ended = ended;
  }

  /** The client waits no longer. */
  leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.listener.onGone();
  }

  interim(): void {
    // No simulated server says anything in between.
  }

  answer(head: ResponseHead, end: boolean): void {
    this.#status = head.status;
    this.#code = headerValue(head.headers, HEADER_ERROR) as ErrorCode | undefined;
    if (end) this.end();
  }

  body(_bytes: Buffer, from: number, to: number, end: boolean): void {
    this.listener.onAnswerSent(to - from);
    if (end) this.end();
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    // Both ends of a connection end together.
    if (this.head.method === 'CONNECT') this.listener.onRequestEnd(NO_HEADERS);
    this.#ended(this.#status, this.#code);
  }

  abort(code: ErrorCode): void {
    if (this.#over) return;
    this.#over = true;
    this.#ended(0, code);
  }

  consumed(): void {
    // Simulated requests have no content.
  }

  discard(): void {
    // As above.
  }
}
