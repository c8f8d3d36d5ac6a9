/**
 * One request of an HTTP/1 client and its answer, written as it comes.
 *
 * The connection reads, an exchange writes; there is one at a time. It is complete when the answer is,
 * the request's content is read, and every byte of the answer has been told as sent.
 */
import { type ErrorCode, IsthmusError } from '#core/errors.ts';
import type { Exchange, ExchangeListener } from '../http/exchange.ts';
import {
  isBodiless,
  LENGTH_UNKNOWN,
  NO_HEADERS,
  type RawHeaders,
  type RequestHead,
  type ResponseHead,
} from '../http/message.ts';
import {
  FRAMING_CHUNKED,
  FRAMING_NONE,
  FRAMING_RAW,
  FRAMING_UNTIL_CLOSE,
  type Framing,
  framingOfLength,
  type Head,
} from '../wire/http1/message.ts';
import type { HeadOptions } from '../wire/http1/writer.ts';
import { DISCARD_BYTES_MAX, REQUEST_BYTES_MAX } from './bounds.ts';
import type { ExchangeConnection } from './exchange-connection.ts';
import { reasonOf } from './reason.ts';
import { requestedUpgrade } from './upgrade.ts';

const INTERIM: HeadOptions = {
  framing: FRAMING_NONE,
  keepAlive: true,
  upgrade: '',
  http10: false,
};

/** Hears nothing; stands in until somebody answers. */
const NOBODY: ExchangeListener = {
  onRequestBody: () => undefined,
  onRequestEnd: () => undefined,
  onAnswerSent: () => undefined,
  onGone: () => undefined,
};

/** See the header of this file. */
export class Http1Exchange implements Exchange {
  readonly head: RequestHead;
  readonly address: string | undefined;
  listener: ExchangeListener = NOBODY;

  /** Whether another request may follow on the connection. */
  keepAlive: boolean;
  answerBegun = false;
  answerDone = false;
  requestDone = false;
  /** Whether both directions are bytes of another protocol. */
  raw = false;
  /** 101 was written, and the parser has yet to hear of it. */
  switching = false;
  discarding = false;
  dropped = 0;
  /** Whether more content is outstanding than may be. */
  held = false;
  /** Nothing more is told or taken. */
  over = false;
  readonly #connection: ExchangeConnection;
  readonly #minor: number;
  /** Content still to come; -1 where nobody knows. */
  #remaining: number;
  #outstanding = 0;
  #unsent = 0;
  #waitsFor100: boolean;
  #bodiless = false;
  #trailers: RawHeaders = NO_HEADERS;

  constructor(
    connection: ExchangeConnection,
    head: Head,
    authority: string,
    address: string | undefined,
  ) {
    const { kind, length } = head.framing;
    this.#connection = connection;
    this.#minor = head.minor;
    this.#remaining = kind === 'chunked' ? LENGTH_UNKNOWN : length;
    this.#waitsFor100 = head.expectContinue;
    this.keepAlive = head.keepAlive;
    this.address = address;
    this.head = {
      method: head.method,
      path: head.path,
      authority,
      headers: head.headers,
      seen: head.seen,
      upgrade: this.#remaining === 0 ? requestedUpgrade(head.upgrade) : '',
      length: this.#remaining,
      version: 'http1',
      neverIndexed: undefined,
    };
  }

  get complete(): boolean {
    return this.answerDone && this.requestDone && this.#unsent === 0;
  }

  /** Whether the rest of the content is more than is worth reading. */
  get hopeless(): boolean {
    return this.dropped + Math.max(this.#remaining, 0) > DISCARD_BYTES_MAX;
  }

  interim(head: ResponseHead): void {
    // HTTP/1.0 knows no interim answers (RFC 9110 section 15.2).
    if (this.over || this.answerBegun || this.#minor === 0) return;
    try {
      this.#connection.writer.response(head.status, reasonOf(head.status), head.headers, INTERIM);
    } catch {
      // Nothing was written of it, and the client can do without.
      return;
    }
    if (head.status === 100) this.#waitsFor100 = false;
    this.#connection.gathered(0);
  }

  answer(head: ResponseHead, end: boolean): void {
    if (this.over || this.answerBegun) return;
    const { status } = head;
    const { writer } = this.#connection;
    const switches = status === 101;
    if (switches && (this.head.upgrade === '' || head.upgrade === '')) {
      this.#connection.unwritable(this, new IsthmusError('UPSTREAM_PROTOCOL', '101 unasked for'));
      return;
    }
    this.#bodiless = isBodiless(this.head.method, status);
    const framing = switches ? FRAMING_RAW : this.#framing(head, end);
    this.keepAlive = this.keepAlive && framing !== FRAMING_UNTIL_CLOSE && !this.#mustClose();
    try {
      writer.response(
        status,
        reasonOf(status),
        head.headers,
        {
          framing,
          keepAlive: this.keepAlive,
          upgrade: switches ? head.upgrade : '',
          http10: this.#minor === 0,
          date: switches || head.dated === true ? undefined : this.#connection.date,
        },
        this.head.method === 'HEAD',
      );
      this.answerBegun = true;
      if (end) writer.end();
    } catch (error) {
      this.#connection.unwritable(this, error);
      return;
    }
    if (switches) {
      this.raw = true;
      this.switching = true;
      this.keepAlive = false;
    }
    if (end) this.answerDone = true;
    this.#connection.gathered(0);
    if (end || switches) this.#connection.settle();
  }

  body(bytes: Buffer, from: number, to: number, end: boolean): void {
    if (this.over || !this.answerBegun || this.answerDone) return;
    try {
      if (!this.#bodiless) this.#connection.writer.body(bytes, from, to);
      if (end) this.#connection.writer.end();
    } catch (error) {
      this.#connection.unwritable(this, error);
      return;
    }
    if (end) this.answerDone = true;
    this.#connection.gathered(to - from);
    if (this.#connection.full) this.#unsent += to - from;
    else this.listener.onAnswerSent(to - from);
    if (end) this.#connection.settle();
  }

  end(trailers: RawHeaders): void {
    if (this.over || !this.answerBegun || this.answerDone) return;
    const { writer } = this.#connection;
    try {
      try {
        writer.end(trailers);
      } catch {
        // Trailers may always be dropped (RFC 9110 section 6.5.1); a missing byte fails here again.
        writer.end();
      }
    } catch (error) {
      this.#connection.unwritable(this, error);
      return;
    }
    this.answerDone = true;
    this.#connection.gathered(0);
    this.#connection.settle();
  }

  abort(_code: ErrorCode): void {
    if (this.over) return;
    this.over = true;
    this.#connection.cut(this.answerBegun);
  }

  consumed(bytes: number): void {
    this.#outstanding -= bytes;
    if (!this.held || this.discarding || this.#outstanding > REQUEST_BYTES_MAX / 2) return;
    this.held = false;
    if (!this.over) this.#connection.settle();
  }

  discard(): void {
    if (this.over || this.discarding) return;
    this.discarding = true;
    this.held = false;
    this.#connection.settle();
  }

  /** Content came. */
  content(bytes: Buffer, from: number, to: number): void {
    const size = to - from;
    if (this.#remaining > 0) this.#remaining -= size;
    if (this.discarding) {
      this.dropped += size;
      this.held = this.dropped > DISCARD_BYTES_MAX;
      return;
    }
    this.#outstanding += size;
    if (this.#outstanding > REQUEST_BYTES_MAX) this.held = true;
    if (!this.over)
      this.listener.onRequestBody(bytes, from, to, this.#remaining === 0 && !this.raw);
  }

  trailers(list: RawHeaders): void {
    this.#trailers = list;
  }

  /** The request is complete. */
  contentEnd(): void {
    this.requestDone = true;
    this.#waitsFor100 = false;
    // The end of a request answered by 101 is where the other protocol begins.
    if (this.over || this.discarding || this.switching) return;
    if (this.raw || this.#remaining === LENGTH_UNKNOWN) this.listener.onRequestEnd(this.#trailers);
  }

  /** The parser has switched: what the client sends is content again. */
  switched(): void {
    this.switching = false;
    this.requestDone = false;
  }

  /** The connection has room again. */
  room(): void {
    const sent = this.#unsent;
    this.#unsent = 0;
    if (sent > 0 && !this.over) this.listener.onAnswerSent(sent);
  }

  /** The client is gone. */
  gone(): void {
    if (this.over) return;
    this.over = true;
    this.listener.onGone();
  }

  #framing(head: ResponseHead, end: boolean): Framing {
    if (end || this.#bodiless) return FRAMING_NONE;
    if (head.length >= 0) return framingOfLength(head.length);
    return this.#minor === 0 ? FRAMING_UNTIL_CLOSE : FRAMING_CHUNKED;
  }

  /** Whether what is left of the request keeps another from following. */
  #mustClose(): boolean {
    if (this.#connection.draining) return true;
    if (this.requestDone) return false;
    // A client that waits for 100 may never send its content (RFC 9110 section 10.1.1).
    return this.#waitsFor100 || (this.discarding && this.hopeless);
  }
}
