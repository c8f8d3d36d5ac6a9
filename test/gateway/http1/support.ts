/**
 * Small parties for the HTTP/1 ends: a server that hands out exchanges, a relay, raw clients and pods.
 */
import net from 'node:net';
import { systemClock } from '#core/clock.ts';
import { identityNetwork } from '#core/network.ts';
import type { AttemptError } from '#gateway/http/attempt-error.ts';
import { Dates } from '#gateway/http/date.ts';
import type {
  Attempt,
  AttemptListener,
  Exchange,
  ExchangeListener,
} from '#gateway/http/exchange.ts';
import { HeldContent } from '#gateway/http/held.ts';
import type { RawHeaders, ResponseHead } from '#gateway/http/message.ts';
import { Http1Pool } from '#gateway/http1/pool.ts';
import { Http1ServerConnection } from '#gateway/http1/server.ts';
import { Transport, type TransportOwner } from '#gateway/transport/transport.ts';

const NOBODY: TransportOwner = {
  onBytes: () => undefined,
  onEnd: () => undefined,
  onRoom: () => undefined,
  onClosed: () => undefined,
  flush: () => undefined,
};

export interface Served {
  readonly port: number;
  readonly connections: Set<Http1ServerConnection>;
  readonly refused: string[];
  close(): Promise<void>;
}

/** Listens on loopback and hands out what comes. */
export async function serve(onExchange: (exchange: Exchange) => void): Promise<Served> {
  const connections = new Set<Http1ServerConnection>();
  const refused: string[] = [];
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    connections.add(
      new Http1ServerConnection(new Transport(socket, NOBODY), {
        authority: 'default.test',
        clock: systemClock,
        dates: new Dates(systemClock),
        onExchange,
        onRefused: (code) => refused.push(code),
        onClosed: (connection) => connections.delete(connection),
      }),
    );
  });
  const port = await listen(server);
  return {
    port,
    connections,
    refused,
    close: () => {
      for (const each of connections) each.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Starts `server` on a free loopback port. */
export async function listen(server: net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as net.AddressInfo).port;
}

/** A pod that speaks bytes; `onSocket` gets each of its connections. */
export async function pod(
  onSocket: (socket: net.Socket, count: number) => void,
): Promise<{ port: number; sockets: net.Socket[]; close(): void }> {
  const sockets: net.Socket[] = [];
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    onSocket(socket, sockets.length);
  });
  const port = await listen(server);
  return {
    port,
    sockets,
    close: () => {
      server.close();
      for (const each of sockets) each.destroy();
    },
  };
}

export function poolTo(port: number, held = new HeldContent(() => undefined)): Http1Pool {
  return new Http1Pool({
    clock: systemClock,
    network: identityNetwork,
    endpoint: `127.0.0.1:${port}`,
    held,
  });
}

/** Collects a request's content and answers when it is whole. */
export class Collector implements ExchangeListener {
  readonly exchange: Exchange;
  readonly chunks: Buffer[] = [];
  trailers: RawHeaders = [];
  gone = 0;
  sent = 0;
  readonly #onWhole: (self: Collector) => void;

  constructor(exchange: Exchange, onWhole: (self: Collector) => void) {
    this.exchange = exchange;
    this.#onWhole = onWhole;
    exchange.listener = this;
    if (exchange.head.length === 0) onWhole(this);
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }

  onRequestBody(bytes: Buffer, from: number, to: number, end: boolean): void {
    this.chunks.push(bytes.subarray(from, to));
    this.exchange.consumed(to - from);
    if (end) this.#onWhole(this);
  }

  onRequestEnd(trailers: RawHeaders): void {
    this.trailers = trailers;
    this.#onWhole(this);
  }

  onAnswerSent(bytes: number): void {
    this.sent += bytes;
  }

  onGone(): void {
    this.gone += 1;
  }
}

/** Answers with `text`, of known length. */
export function answerText(exchange: Exchange, text: string, status = 200): void {
  const bytes = Buffer.from(text);
  exchange.answer({ status, headers: [], upgrade: '', length: bytes.length }, bytes.length === 0);
  if (bytes.length > 0) exchange.body(bytes, 0, bytes.length, true);
}

/** Hands a request to a pool and its answer back, as plainly as can be. */
export class Relay implements ExchangeListener, AttemptListener {
  readonly exchange: Exchange;
  readonly attempt: Attempt;
  failure: AttemptError | undefined;
  gone = 0;
  #requestDone: boolean;
  #answered = false;

  constructor(exchange: Exchange, pool: Http1Pool) {
    this.exchange = exchange;
    exchange.listener = this;
    this.#requestDone = exchange.head.length === 0 && exchange.head.upgrade === '';
    const drop = new Set(['connection', 'transfer-encoding', 'upgrade']);
    const headers = exchange.head.headers.filter(
      (_, at, all) => !drop.has(all[at - (at % 2)] ?? ''),
    );
    this.attempt = pool.start({ head: { ...exchange.head, headers }, listener: this });
  }

  onRequestBody(bytes: Buffer, from: number, to: number, end: boolean): void {
    this.#requestDone ||= end;
    this.attempt.body(bytes, from, to, end);
  }

  onRequestEnd(trailers: RawHeaders): void {
    this.#requestDone = true;
    this.attempt.end(trailers);
  }

  onAnswerSent(bytes: number): void {
    this.attempt.consumed(bytes);
  }

  onGone(): void {
    this.gone += 1;
    this.attempt.cancel();
  }

  onInterim(head: ResponseHead): void {
    this.exchange.interim(head);
  }

  onAnswer(head: ResponseHead, end: boolean): void {
    this.#answered = true;
    this.exchange.answer(head, end);
    if (end) this.#complete();
  }

  onAnswerBody(bytes: Buffer, from: number, to: number, end: boolean): void {
    this.exchange.body(bytes, from, to, end);
    if (end) this.#complete();
  }

  onAnswerEnd(trailers: RawHeaders): void {
    this.exchange.end(trailers);
    if (this.exchange.head.upgrade === '') this.#complete();
  }

  onRequestSent(bytes: number): void {
    this.exchange.consumed(bytes);
  }

  onFailed(error: AttemptError): void {
    this.failure = error;
    if (this.#answered) this.exchange.abort(error.code);
    else {
      this.exchange.discard();
      answerText(this.exchange, `${error.code}\n`, 502);
    }
  }

  #complete(): void {
    if (this.#requestDone) return;
    this.exchange.discard();
    this.attempt.cancel();
  }
}

/** A client that speaks bytes. */
export class RawClient {
  readonly socket: net.Socket;
  text = '';
  bytes = 0;
  ended = false;
  error: string | undefined;
  #wake: () => void = () => undefined;

  constructor(port: number) {
    this.socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    this.socket.on('data', (bytes) => {
      this.bytes += bytes.length;
      if (this.bytes < 1_000_000) this.text += bytes.toString('latin1');
      this.#wake();
    });
    this.socket.on('end', () => {
      this.ended = true;
      this.#wake();
    });
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error.code ?? 'error';
    });
    this.socket.on('close', () => {
      this.ended = true;
      this.#wake();
    });
  }

  send(text: string | Buffer): this {
    this.socket.write(text);
    return this;
  }

  /** Waits until `good` holds. */
  async until(good: (self: RawClient) => boolean): Promise<string> {
    const late = Date.now() + 8_000;
    while (!good(this)) {
      if (Date.now() > late) throw new Error(`never came; have: ${this.text.slice(0, 500)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 50);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.text;
  }

  has(part: string): Promise<string> {
    return this.until((self) => self.text.includes(part));
  }

  end(): Promise<string> {
    return this.until((self) => self.ended);
  }
}

/** Waits until `good` holds. */
export async function until(good: () => boolean, what = 'it'): Promise<void> {
  const late = Date.now() + 8_000;
  while (!good()) {
    if (Date.now() > late) throw new Error(`${what} never came`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
