/**
 * A connection of an HTTP/1 client: reads its requests one after the other, and keeps time.
 *
 * Promises: answers leave in the order of the requests; no request is read before the one before it is
 * complete, what came of it is kept unread meanwhile, and the socket is not read any further; nothing
 * is parsed after a malformed byte. Whoever is turned away can read why: we send our answer and FIN,
 * and read on for a moment.
 */
import type { Clock } from '#core/clock.ts';
import { codeOf, describeError, ERRORS, type ErrorCode } from '#core/errors.ts';
import type { Dates } from '../http/date.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Connection } from '../transport/connections.ts';
import type { Transport, TransportOwner } from '../transport/transport.ts';
import type { Head } from '../wire/http1/message.ts';
import { Http1Parser } from '../wire/http1/parser.ts';
import { Http1Refusal } from '../wire/http1/rules.ts';
import { Http1Writer } from '../wire/http1/writer.ts';
import { GATHERED_BYTES_MAX, type RefusalCode, STEPS_PER_TURN } from './bounds.ts';
import { Http1Exchange } from './exchange.ts';
import type { ExchangeConnection } from './exchange-connection.ts';
import { Patience, type Wait } from './patience.ts';
import { statusOf, writeRefusal } from './refuse.ts';
import { RequestSink } from './request-sink.ts';

export interface Http1ServerOptions {
  /** Whom clients connect to: the authority of requests that name none. */
  readonly authority: string;
  readonly clock: Clock;
  readonly dates: Dates;
  /** A request has come; sets its listener before it returns. */
  onExchange(exchange: Exchange): void;
  /** A client was turned away. */
  onRefused(code: RefusalCode, address: string | undefined): void;
  onClosed(connection: Http1ServerConnection): void;
}

export class Http1ServerConnection implements TransportOwner, Connection, ExchangeConnection {
  readonly writer = new Http1Writer('response');
  draining = false;
  readonly #transport: Transport;
  readonly #options: Http1ServerOptions;
  readonly #patience: Patience;
  readonly #sink: RequestSink;
  readonly #parser: Http1Parser;
  readonly #address: string | undefined;
  #exchange: Http1Exchange | undefined;
  /** No head was read yet. */
  #fresh = true;
  /** Bytes not read yet: those of `#rest` from `#restFrom` to `#restTo`. */
  #rest: Buffer | undefined;
  #restFrom = 0;
  #restTo = 0;
  #running = false;
  /** Enough was read in this turn. */
  #sated = false;
  /** Draining has lasted long enough: it ends as soon as nothing is under way. */
  #endsIdle = false;
  #paused = false;
  #clientEnded = false;
  /** The last answer is written: what still comes is dropped. */
  #closing = false;
  /** Our half ends with the next flush. */
  #ending = false;
  #gatheredBytes = 0;

  constructor(transport: Transport, options: Http1ServerOptions) {
    this.#transport = transport;
    this.#options = options;
    this.#patience = new Patience(options.clock.monotonicMs());
    this.#sink = new RequestSink(this, this.#patience);
    this.#parser = new Http1Parser('request', this.#sink);
    this.#address = transport.socket.remoteAddress;
    transport.owner = this;
  }

  get date(): Buffer {
    return this.#options.dates.line;
  }

  onBytes(bytes: Buffer, from: number, to: number): void {
    if (this.#closing) return;
    if (this.#rest === undefined) this.#keep(bytes, from, to);
    else {
      const rest = this.#rest.subarray(this.#restFrom, this.#restTo);
      const all = Buffer.concat([rest, bytes.subarray(from, to)]);
      this.#keep(all, 0, all.length);
    }
    this.settle();
  }

  onEnd(): void {
    this.#clientEnded = true;
    this.settle();
  }

  onRoom(): void {
    this.#exchange?.room();
    this.settle();
  }

  onClosed(): void {
    this.#closing = true;
    this.#exchange?.gone();
    this.#exchange = undefined;
    this.#options.onClosed(this);
  }

  flush(): void {
    this.#gatheredBytes = 0;
    const list = this.writer.drain();
    if (list.length > 0) this.#transport.write(list);
    if (this.#ending) this.#transport.end();
    if (!this.#sated) return;
    this.#sated = false;
    this.settle();
  }

  /** A request has come. */
  begin(head: Head): void {
    // The next one waits for its turn.
    this.#parser.pause();
    this.#fresh = false;
    this.#patience.turned = true;
    // HTTP/1.0 knows no Host (RFC 1945): such a client means whom it has connected to.
    const authority =
      head.authority === '' && head.minor === 0 ? this.#options.authority : head.authority;
    const exchange = new Http1Exchange(this, head, authority, this.#address);
    this.#exchange = exchange;
    this.#sink.exchange = exchange;
    if (head.method === 'CONNECT') {
      this.#turnAway('METHOD_REFUSED', 405, 'METHOD_REFUSED', 'CONNECT is not served');
    } else if (authority === '') {
      this.#turnAway('HOST_MISSING', 400, 'BAD_REQUEST', 'the request names no host');
    } else this.#options.onExchange(exchange);
  }

  get full(): boolean {
    return this.#transport.full;
  }

  gathered(bytes: number): void {
    this.#gatheredBytes += bytes;
    if (this.#gatheredBytes > GATHERED_BYTES_MAX) this.flush();
    else this.#transport.wantFlush();
  }

  cut(reset: boolean): void {
    this.#closing = true;
    if (reset) this.#transport.reset();
    else this.#transport.destroy();
  }

  unwritable(exchange: Http1Exchange, error: unknown): void {
    const begun = exchange.answerBegun;
    exchange.gone();
    if (begun) this.cut(true);
    else {
      const code = codeOf(error) === 'INTERNAL' ? 'INTERNAL' : 'UPSTREAM_PROTOCOL';
      this.#sayLast(exchange, ERRORS[code].http, code, describeError(error));
    }
  }

  sweep(nowMs: number): void {
    const wait = this.#waitsFor();
    if (wait === 'idle') this.#parser.rest();
    if (!this.#patience.isOver(wait, this.#transport.outputMark, nowMs)) return;
    switch (wait) {
      case 'head':
        // Who has only connected, as browsers and pools do ahead of time, would take 408 for the answer to its first request.
        if (this.#parser.idle) this.#finish();
        else
          this.#turnAway('SLOW_HEAD', 408, 'BAD_REQUEST', 'the head of the request was too slow');
        return;
      case 'body':
        this.#turnAway('SLOW_BODY', 408, 'BAD_REQUEST', 'the content of the request was too slow');
        return;
      case 'room':
        this.#options.onRefused('SLOW_READER', this.#address);
        this.cut(true);
        return;
      case 'answer':
      case 'linger':
        this.destroy();
        return;
      default:
        this.#finish();
    }
  }

  drain(): void {
    this.draining = true;
  }

  endIdle(): void {
    if (!this.draining || this.#closing) return;
    this.#endsIdle = true;
    if (this.#exchange === undefined && this.#rest === undefined && this.#parser.idle) {
      this.#finish();
    }
  }

  destroy(): void {
    this.#transport.destroy();
  }

  settle(): void {
    if (this.#running || this.#closing) return;
    this.#running = true;
    try {
      while (this.#step());
      if (this.#clientEnded && this.#rest === undefined && !this.#closing) this.#afterEnd();
    } catch (error) {
      if (!(error instanceof Http1Refusal)) throw error;
      this.#turnAway(error.rule, statusOf(error), error.code, error.message);
    } finally {
      this.#running = false;
    }
    this.#heed();
  }

  /** Ends what is complete and reads what may be read; false: nothing more to do now. */
  #step(): boolean {
    if (this.#closing) return false;
    const exchange = this.#exchange;
    if (exchange !== undefined) {
      if (exchange.switching) {
        exchange.switched();
        this.#parser.switchToRaw();
      }
      if (exchange.answerDone && exchange.raw) this.#endHalf();
      if (!exchange.complete) {
        if (!exchange.discarding || !exchange.answerDone) return this.#read(exchange);
        if (exchange.keepAlive && !exchange.hopeless) return this.#read(exchange);
        this.#finish();
        return false;
      }
      exchange.over = true;
      this.#exchange = undefined;
      this.#sink.exchange = undefined;
      this.#patience.turned = true;
      this.#parser.resume();
      // Draining alone is no reason: an answer begun before has told the client that it may go on.
      if (!exchange.keepAlive || (this.#endsIdle && this.#rest === undefined)) {
        this.#finish();
        return false;
      }
    }
    return this.#read(undefined);
  }

  #read(exchange: Http1Exchange | undefined): boolean {
    const bytes = this.#rest;
    if (bytes === undefined || this.#sated) return false;
    // Who does not read answers gets no further ones.
    if (exchange === undefined ? this.full : exchange.requestDone) return false;
    const from = this.#restFrom;
    const to = this.#restTo;
    this.#rest = undefined;
    const used = this.#parser.execute(bytes, from, to, STEPS_PER_TURN);
    if (used < to - from && !this.#closing) this.#keep(bytes, from + used, to);
    if (!this.#parser.sated) return true;
    // Chunks of a byte each would keep the others waiting: they have their turn first.
    this.#sated = true;
    this.#transport.wantFlush();
    return false;
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    this.#rest = bytes;
    this.#restFrom = from;
    this.#restTo = to;
  }

  /** The client has ended its half, and all it sent is read. */
  #afterEnd(): void {
    const exchange = this.#exchange;
    if (exchange === undefined) {
      this.#parser.finish();
      this.#finish();
      return;
    }
    if (exchange.requestDone) {
      // It still waits for its answer.
      exchange.keepAlive = false;
      return;
    }
    this.#parser.finish();
    while (this.#step());
  }

  /** Reads the socket, or not. */
  #heed(): void {
    const pauses = !this.#closing && (this.#rest !== undefined || this.#exchange?.held === true);
    if (pauses === this.#paused) return;
    this.#paused = pauses;
    if (pauses) this.#transport.pause();
    else this.#transport.resume();
  }

  #turnAway(rule: RefusalCode, status: number, code: ErrorCode, message: string): void {
    const exchange = this.#exchange;
    this.#options.onRefused(rule, this.#address);
    if (exchange?.answerBegun === true) {
      if (!exchange.answerDone || !exchange.discarding) exchange.gone();
      // A whole answer is worth reading, whatever the client did after it.
      if (exchange.answerDone) this.#finish();
      else this.cut(true);
      return;
    }
    exchange?.gone();
    this.#sayLast(exchange, status, code, message);
  }

  #sayLast(
    exchange: Http1Exchange | undefined,
    status: number,
    code: ErrorCode,
    message: string,
  ): void {
    const bodiless = exchange?.head.method === 'HEAD';
    writeRefusal(this.writer, status, code, message, this.date, bodiless);
    this.#finish();
  }

  /** Nothing more is said: FIN after what was written, and a moment for the client to read it. */
  #finish(): void {
    if (this.#exchange !== undefined) this.#exchange.over = true;
    this.#exchange = undefined;
    this.#sink.exchange = undefined;
    this.#rest = undefined;
    this.#closing = true;
    this.#patience.turned = true;
    this.#endHalf();
    this.#heed();
  }

  #endHalf(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#transport.wantFlush();
  }

  #waitsFor(): Wait {
    const exchange = this.#exchange;
    if (this.#closing) return this.#transport.waitingBytes > 0 ? 'room' : 'linger';
    if (this.full) return 'room';
    if (exchange === undefined) {
      if (this.#rest !== undefined) return 'nothing';
      return this.#fresh || !this.#parser.idle ? 'head' : 'idle';
    }
    // Whoever has closed its socket, not its half alone, is never heard of before it is written to.
    const isLeft = this.#clientEnded && exchange.requestDone && !exchange.answerBegun;
    if (isLeft && !exchange.raw) return 'answer';
    if (exchange.requestDone || exchange.raw) return 'nothing';
    if (exchange.discarding) return exchange.answerDone ? 'discard' : 'nothing';
    return exchange.answerBegun || exchange.held ? 'nothing' : 'body';
  }
}
