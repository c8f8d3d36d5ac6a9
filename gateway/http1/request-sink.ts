/**
 * Takes what the parser of a client's connection tells to the connection and its exchange.
 */
import type { Head, MessageSink } from '../wire/http1/message.ts';
import type { Http1Exchange } from './exchange.ts';
import type { Patience } from './patience.ts';
import type { Http1ServerConnection } from './server.ts';

/** See the header of this file. */
export class RequestSink implements MessageSink {
  exchange: Http1Exchange | undefined;
  readonly #connection: Http1ServerConnection;
  readonly #patience: Patience;

  constructor(connection: Http1ServerConnection, patience: Patience) {
    this.#connection = connection;
    this.#patience = patience;
  }

  onHead(head: Head): void {
    this.#connection.begin(head);
  }

  onBody(chunk: Buffer, from: number, to: number): void {
    this.#patience.moved = true;
    this.exchange?.content(chunk, from, to);
  }

  onTrailers(trailers: string[]): void {
    this.exchange?.trailers(trailers);
  }

  onEnd(): void {
    this.exchange?.contentEnd();
  }
}
