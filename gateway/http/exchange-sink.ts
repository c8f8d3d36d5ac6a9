/**
 * The content of an answer as a Node stream: for what gateways say to each other, not for traffic.
 */
import { Writable } from 'node:stream';
import type { Exchange, ExchangeListener } from './exchange.ts';
import { NO_HEADERS } from './message.ts';

/** Answers 200 with `headers` and takes what is written as the content. Closes with the exchange. */
export class ExchangeSink extends Writable implements ExchangeListener {
  readonly #exchange: Exchange;
  #written: (() => void) | undefined;
  #leftBytes = 0;

  constructor(exchange: Exchange, headers: readonly string[]) {
    super();
    this.#exchange = exchange;
    exchange.listener = this;
    exchange.answer({ status: 200, headers, upgrade: '', length: -1 }, false);
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#written = done;
    this.#leftBytes += chunk.length;
    this.#exchange.body(chunk, 0, chunk.length, false);
  }

  override _final(done: () => void): void {
    this.#exchange.end(NO_HEADERS);
    done();
  }

  onAnswerSent(bytes: number): void {
    this.#leftBytes -= bytes;
    const done = this.#written;
    if (this.#leftBytes > 0 || done === undefined) return;
    this.#written = undefined;
    done();
  }

  onRequestBody(_bytes: Buffer, from: number, to: number): void {
    this.#exchange.consumed(to - from);
  }

  onRequestEnd(): void {
    // The answer is a stream of its own; the end of the question says nothing about it.
  }

  onGone(): void {
    this.destroy();
  }
}
