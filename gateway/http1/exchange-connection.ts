/**
 * What an exchange of HTTP/1 needs of the connection it came by.
 */
import type { Http1Writer } from '../wire/http1/writer.ts';
import type { Http1Exchange } from './exchange.ts';

/** See the header of this file. */
export interface ExchangeConnection {
  readonly writer: Http1Writer;
  /** Whether the client has yet to take what was written. */
  readonly full: boolean;
  /** Whether no request may follow. */
  readonly draining: boolean;
  /** What `Date` says now, as a line. */
  readonly date: Buffer;
  /** `bytes` of content, or a head, were given to the writer. */
  gathered(bytes: number): void;
  /** Something of the exchange has changed: looks what follows from it. */
  settle(): void;
  /** The answer cannot be written as it was given. */
  unwritable(exchange: Http1Exchange, error: unknown): void;
  /** Ends the connection; `reset`: so that the client can tell. */
  cut(reset: boolean): void;
}
