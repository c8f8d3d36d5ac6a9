/**
 * A connection to a pod over HTTP/1: one request after the other, each when the one before is complete.
 *
 * Promises: a connection goes back to its pool before the end of its answer is told, and only if
 * nothing but the answer came; a request of which no byte was sent when the pod closed a kept-alive
 * connection goes out on another, unseen.
 */
import type { Socket } from 'node:net';
import type { Timer } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import { AttemptError } from '../http/attempt-error.ts';
import type { Connection } from '../transport/connections.ts';
import { endInTurn } from '../transport/endings.ts';
import { Transport, type TransportOwner } from '../transport/transport.ts';
import { Http1Parser } from '../wire/http1/parser.ts';
import { Http1Refusal } from '../wire/http1/rules.ts';
import { Http1Writer } from '../wire/http1/writer.ts';
import { AnswerSink } from './answer.ts';
import type { AttemptConnection, Http1Attempt } from './attempt.ts';
import { CONNECT_MS, GATHERED_BYTES_MAX, POOL_IDLE_MS } from './bounds.ts';
import { type BrokenCode, brokenOff, notConnected } from './failures.ts';
import type { ConnectionHome } from './home.ts';
import { Silence } from './silence.ts';
import { vanishedMs } from './vanished.ts';

/** Connections are looked at once a second; none is to be older than {@link POOL_IDLE_MS} then. */
const IDLE_SWEEP_MS = POOL_IDLE_MS - 1_000;

/** See the header of this file. */
export class Http1ClientConnection implements TransportOwner, Connection, AttemptConnection {
  /** When it was given back. */
  idleSinceMs = 0;
  readonly #home: ConnectionHome;
  readonly #transport: Transport;
  readonly #sink = new AnswerSink();
  readonly #silence = new Silence();
  readonly #parser: Http1Parser;
  #writer = new Http1Writer('request');
  #attempt: Http1Attempt | undefined;
  #connecting: Timer | undefined;
  #timedOut = false;
  /** Whether it was idle before the present request: the pod may have given it up meanwhile. */
  #reused = false;
  /** Something of the present request was given to the system. */
  #flushed = false;
  #paused = false;
  #usable = true;
  /** Our half ends with the next flush: the other protocol is done. */
  #ending = false;
  #gatheredBytes = 0;

  constructor(home: ConnectionHome, socket: Socket) {
    this.#home = home;
    this.#transport = new Transport(socket, this);
    this.#transport.readLast();
    this.#parser = new Http1Parser('response', this.#sink);
    this.#sink.parser = this.#parser;
    this.#connecting = home.clock.after(CONNECT_MS, () => {
      this.#timedOut = true;
      this.destroy();
    });
    socket.once('connect', () => this.#onConnect());
  }

  get writer(): Http1Writer {
    return this.#writer;
  }

  /** For how long the pod keeps it when it is idle, as far as it says. */
  get keepsMs(): number {
    return this.#sink.keepsMs;
  }

  get full(): boolean {
    return this.#connecting !== undefined || this.#transport.full;
  }

  get pressed(): boolean {
    return this.#home.pressed;
  }

  get destroyed(): boolean {
    return this.#transport.destroyed;
  }

  /** Begins `attempt`. `writer`: what was written of it for another connection. */
  begin(attempt: Http1Attempt, writer?: Http1Writer): void {
    attempt.connection = this;
    if (writer === undefined) attempt.begin();
    else this.#writer = writer;
    this.#attempt = attempt;
    this.#flushed = false;
    this.#sink.begin(attempt);
    this.#parser.resume();
    this.#transport.wantFlush();
  }

  onBytes(bytes: Buffer, from: number, to: number): void {
    // Nobody asked: whatever it is, it must not become the next answer.
    if (this.#attempt === undefined || this.#attempt.answerDone) {
      this.destroy();
      return;
    }
    // Said before we asked, such as 408 to an idle connection.
    if (this.#handOver()) return;
    try {
      const used = this.#parser.execute(bytes, from, to);
      if (used < to - from) this.#usable = false;
    } catch (error) {
      this.#refuse(error);
      return;
    }
    this.#afterBytes();
  }

  onEnd(): void {
    this.#usable = false;
    const attempt = this.#attempt;
    if (attempt === undefined) {
      this.destroy();
      return;
    }
    if (attempt.answerDone) return;
    if (this.#handOver()) return;
    try {
      const awaited = this.#parser.idle;
      this.#parser.finish();
      if (awaited) this.#fail('UPSTREAM_RESET', 'broke off before it answered');
      else this.#afterBytes();
    } catch (error) {
      this.#refuse(error);
    }
  }

  onRoom(): void {
    if (this.#connecting === undefined) this.#attempt?.room();
  }

  onUnwritable(): void {
    this.#usable = false;
  }

  onClosed(error: NodeJS.ErrnoException | undefined): void {
    this.#usable = false;
    const connecting = this.#connecting !== undefined;
    this.#connecting?.cancel();
    this.#home.onGone(this);
    const attempt = this.#attempt;
    if (attempt === undefined || attempt.over) return;
    if (attempt.answerDone && !attempt.raw) {
      attempt.over = true;
      return;
    }
    if (connecting) {
      const failure = notConnected(this.#home.endpoint, this.#timedOut, error);
      this.#tellFailure(failure);
      this.#home.onRefused(failure);
    } else if (!this.#handOver()) {
      this.#fail('UPSTREAM_RESET', `broke off: ${error ? describeError(error) : 'closed'}`, error);
    }
  }

  flush(): void {
    // What is not sent yet can still be taken back.
    if (this.#connecting !== undefined) return;
    this.#gatheredBytes = 0;
    const list = this.#writer.drain();
    if (list.length > 0) {
      if (!this.#flushed) this.#expect();
      this.#transport.write(list);
    }
    if (this.#ending) this.#transport.end();
  }

  gathered(bytes: number): void {
    this.#gatheredBytes += bytes;
    if (this.#gatheredBytes > GATHERED_BYTES_MAX) this.flush();
    else this.#transport.wantFlush();
  }

  settle(): void {
    const attempt = this.#attempt;
    if (attempt?.raw === true && attempt.requestDone && !this.#ending) {
      this.#ending = true;
      this.#transport.wantFlush();
    }
    if (attempt?.answerDone === true && attempt.requestDone) {
      this.#attempt = undefined;
      attempt.over = true;
      // An answer that overtook its request: nobody knows what the pod makes of the rest.
      if (!attempt.raw) this.destroy();
    }
    this.#heed();
  }

  abandon(attempt: Http1Attempt): void {
    if (this.#attempt !== attempt) {
      this.destroy();
      return;
    }
    if (this.#flushed) {
      this.#attempt = undefined;
      this.#usable = false;
      // What has not left must not: it may be the end, and make a request that was given up look whole.
      this.#writer = new Http1Writer('request');
      this.#transport.pause();
      endInTurn(this);
      return;
    }
    // The pod knows nothing of it: the connection, or the one that is being made, serves another.
    this.#attempt = undefined;
    this.#writer = new Http1Writer('request');
    this.#gatheredBytes = 0;
    if (this.#connecting === undefined) this.#giveBack();
  }

  unwritable(error: unknown): void {
    this.#tellFailure(
      new AttemptError('INTERNAL', describeError(error), { neverSent: false, cause: error }),
    );
    this.destroy();
  }

  sweep(nowMs: number): void {
    if (this.#attempt === undefined && nowMs - this.idleSinceMs >= IDLE_SWEEP_MS) this.destroy();
    else if (this.#connecting === undefined) this.#missPod(nowMs);
  }

  drain(): void {
    this.#usable = false;
  }

  endIdle(): void {
    if (this.#attempt === undefined) this.destroy();
  }

  destroy(): void {
    this.#transport.destroy();
  }

  #onConnect(): void {
    this.#connecting?.cancel();
    this.#connecting = undefined;
    this.#home.onConnected(this);
    if (this.#attempt === undefined) {
      this.#giveBack();
      return;
    }
    this.flush();
    if (!this.full) this.#attempt?.room();
  }

  /** The request under way has begun to leave. */
  #expect(): void {
    const attempt = this.#attempt;
    this.#flushed = true;
    if (attempt === undefined) return;
    this.#parser.expectResponseTo(attempt.head.method, attempt.head.upgrade !== '');
  }

  #giveBack(): void {
    this.#reused = true;
    if (this.#usable) this.#home.onIdle(this);
    else this.destroy();
  }

  /** Gives the request up whose pod has vanished without a word. */
  #missPod(nowMs: number): void {
    const exchange = this.#paused ? undefined : this.#attempt;
    const goneMs = vanishedMs(
      this.#silence,
      exchange,
      this.#transport,
      this.#home.soundings,
      nowMs,
    );
    if (goneMs === undefined) return;
    const seconds = Math.round(goneMs / 1_000);
    this.#fail('UPSTREAM_RESET', `vanished: nothing was heard of it for ${seconds} s`);
  }

  /** Gives the connection back where it can be, then tells the end of the answer. */
  #afterBytes(): void {
    const attempt = this.#attempt;
    const sink = this.#sink;
    if (attempt === undefined || attempt.over) return;
    if (sink.wrong !== undefined) {
      this.#fail('UPSTREAM_PROTOCOL', sink.wrong);
      this.destroy();
      return;
    }
    if (!sink.ended) {
      this.#heed();
      return;
    }
    attempt.answerDone = true;
    if (attempt.requestDone) {
      this.#attempt = undefined;
      attempt.over = true;
      this.#heed();
      const whole = this.#usable && sink.keepAlive && this.#transport.waitingBytes === 0;
      this.#reused = true;
      if (whole && !attempt.raw) this.#home.onIdle(this);
      else if (!attempt.raw) this.destroy();
    }
    sink.tellEnd(attempt);
  }

  /** Reads the socket, or not. */
  #heed(): void {
    const pauses = this.#attempt?.held === true;
    if (pauses === this.#paused) return;
    this.#paused = pauses;
    // Hundreds of pods that are each read a little further would be megabytes that grow old here.
    if (pauses) this.#transport.halt();
    else this.#transport.resume();
  }

  /** Has an unsent request go out on another connection. */
  #handOver(): boolean {
    const attempt = this.#attempt;
    if (attempt === undefined || attempt.over || this.#flushed || !this.#reused) return false;
    const writer = this.#writer;
    this.#attempt = undefined;
    this.#writer = new Http1Writer('request');
    this.destroy();
    this.#home.onUnsent(attempt, writer);
    return true;
  }

  #refuse(error: unknown): void {
    if (!(error instanceof Http1Refusal)) throw error;
    const early = error.rule === 'EARLY_END';
    const what = early ? `broke off: ${error.message}` : error.message;
    this.#fail(early ? 'UPSTREAM_RESET' : 'UPSTREAM_PROTOCOL', what, error);
    this.destroy();
  }

  #fail(code: BrokenCode, what: string, cause?: unknown): void {
    this.#tellFailure(brokenOff(this.#home.endpoint, code, what, cause));
    this.destroy();
  }

  #tellFailure(error: AttemptError): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    if (attempt === undefined || attempt.over) return;
    attempt.over = true;
    attempt.listener.onFailed(error);
  }
}
