/**
 * A connection of a client that speaks something else than HTTP, as an exchange: its bytes are the
 * content of a CONNECT. No byte of it is read before an endpoint has accepted, so a refused
 * connection is tried elsewhere whatever it carries.
 */
import type { Exchange, ExchangeListener } from '../http/exchange.ts';
import { LENGTH_UNKNOWN, NO_HEADERS, type RequestHead } from '../http/message.ts';
import type { Transport } from '../transport/transport.ts';
import { type RawListener, RawStream } from './raw.ts';

export class OpaqueExchange implements Exchange, RawListener {
  readonly head: RequestHead;
  readonly address: string | undefined;
  listener!: ExchangeListener;
  readonly #raw: RawStream;
  #first: Buffer | undefined;
  #clientEnded: boolean;
  #answered = false;

  /** `first`: what detection has read; `ended`: the client has ended its half already. */
  constructor(transport: Transport, authority: string, first: Buffer | undefined, ended: boolean) {
    this.address = transport.socket.remoteAddress;
    this.#first = first;
    this.#clientEnded = ended;
    this.#raw = new RawStream(transport, this);
    this.head = {
      method: 'CONNECT',
      path: '',
      authority,
      headers: NO_HEADERS,
      seen: 0,
      upgrade: '',
      length: LENGTH_UNKNOWN,
      version: 'http1',
      neverIndexed: undefined,
    };
  }

  interim(): void {
    // Nothing of HTTP is visible to the client.
  }

  answer(): void {
    const first = this.#first;
    this.#answered = true;
    this.#first = undefined;
    this.#raw.start();
    if (first !== undefined) this.#raw.onBytes(first, 0, first.length);
    if (this.#clientEnded) this.listener.onRequestEnd(NO_HEADERS);
  }

  body(bytes: Buffer, from: number, to: number, end: boolean): void {
    this.#raw.write(bytes, from, to);
    if (end) this.#raw.end();
  }

  end(): void {
    this.#raw.end();
  }

  abort(): void {
    this.#raw.reset();
  }

  consumed(bytes: number): void {
    this.#raw.consumed(bytes);
  }

  discard(): void {
    this.#raw.reset();
  }

  onRead(bytes: Buffer, from: number, to: number): void {
    this.listener.onRequestBody(bytes, from, to, false);
  }

  onReadEnd(): void {
    // A socket tells its end even while it is paused; what detection has read goes before it.
    if (this.#answered) this.listener.onRequestEnd(NO_HEADERS);
    else this.#clientEnded = true;
  }

  onWritten(bytes: number): void {
    this.listener.onAnswerSent(bytes);
  }

  onClosed(): void {
    this.listener.onGone();
  }
}
