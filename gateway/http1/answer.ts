/**
 * The answer to an attempt as the parser reads it: everything is told at once but its end, which waits
 * until the connection has gone back to the pool.
 */
import {
  type AnswerHead,
  headerValue,
  LENGTH_UNKNOWN,
  NO_HEADERS,
  type RawHeaders,
} from '../http/message.ts';
import type { Head, MessageSink } from '../wire/http1/message.ts';
import type { Http1Parser } from '../wire/http1/parser.ts';
import { SEEN } from '../wire/seen.ts';
import type { Http1Attempt } from './attempt.ts';
import { INTERIMS_MAX } from './bounds.ts';
import { sameProtocol } from './upgrade.ts';

export class AnswerSink implements MessageSink {
  parser: Http1Parser | undefined;
  /** Whether the pod lets another request follow. */
  keepAlive = false;
  /** For how long it says it keeps an idle connection, in ms; infinite where it does not say. */
  keepsMs = Number.POSITIVE_INFINITY;
  /** The answer is whole. */
  ended = false;
  /** What is wrong with the answer beyond its form. */
  wrong: string | undefined;
  #attempt: Http1Attempt | undefined;
  #interim = false;
  #interims = 0;
  #remaining = LENGTH_UNKNOWN;
  #trailers: RawHeaders = NO_HEADERS;
  /** What ends the answer: a head without content, or the last of the content, or neither. */
  #head: AnswerHead | undefined;
  #bytes: Buffer | undefined;
  #from = 0;
  #to = 0;

  begin(attempt: Http1Attempt): void {
    this.#attempt = attempt;
    this.ended = false;
    this.#interim = false;
    this.#interims = 0;
    this.#trailers = NO_HEADERS;
    this.#head = undefined;
    this.#bytes = undefined;
  }

  onHead(head: Head): void {
    const attempt = this.#attempt;
    if (attempt === undefined || attempt.over) return;
    const { status, headers, seen } = head;
    if (status < 200 && status !== 101) {
      this.#interim = true;
      this.#interims += 1;
      if (this.#interims > INTERIMS_MAX) {
        this.parser?.pause();
        this.wrong = `sent more than ${INTERIMS_MAX} interim answers`;
        return;
      }
      attempt.listener.onInterim({
        status,
        headers,
        seen,
        upgrade: '',
        length: 0,
        neverIndexed: undefined,
      });
      return;
    }
    // Nothing may follow the answer.
    this.parser?.pause();
    this.keepAlive = head.keepAlive;
    if ((seen & SEEN.HOP) !== 0) this.keepsMs = keepsMsOf(headers);
    if (status === 101) {
      if (!sameProtocol(head.upgrade, attempt.head.upgrade)) {
        this.wrong = `switched to ${head.upgrade} where ${attempt.head.upgrade} was asked for`;
        return;
      }
      this.#remaining = LENGTH_UNKNOWN;
      attempt.raw = true;
      attempt.listener.onAnswer(
        {
          status,
          headers,
          seen,
          upgrade: head.upgrade,
          length: LENGTH_UNKNOWN,
          neverIndexed: undefined,
        },
        false,
      );
      if (!attempt.over) attempt.switched();
      return;
    }
    attempt.stayed();
    const { kind, length } = head.framing;
    this.#remaining = kind === 'length' || kind === 'none' ? length : LENGTH_UNKNOWN;
    const answer = {
      status,
      headers,
      seen,
      upgrade: '',
      length: this.#remaining,
      neverIndexed: undefined,
    };
    if (this.#remaining === 0) this.#head = answer;
    else attempt.listener.onAnswer(answer, false);
  }

  onBody(chunk: Buffer, from: number, to: number): void {
    const attempt = this.#attempt;
    if (attempt === undefined || attempt.over || this.wrong !== undefined) return;
    if (this.#remaining > 0) {
      this.#remaining -= to - from;
      if (this.#remaining === 0) {
        this.#bytes = chunk;
        this.#from = from;
        this.#to = to;
        return;
      }
    }
    attempt.content(chunk, from, to, false);
  }

  onTrailers(trailers: string[]): void {
    this.#trailers = trailers;
  }

  onEnd(): void {
    if (this.#interim) this.#interim = false;
    else this.ended = true;
  }

  /** Tells what ends the answer of `attempt`; the connection may be in use again before it returns. */
  tellEnd(attempt: Http1Attempt): void {
    if (this.#head !== undefined) attempt.listener.onAnswer(this.#head, true);
    else if (this.#bytes !== undefined) attempt.content(this.#bytes, this.#from, this.#to, true);
    else attempt.listener.onAnswerEnd(this.#trailers);
  }
}

/** What `Keep-Alive: timeout=…` says (RFC 2068 section 19.7.1.1, which servers still send), with room for the way. */
function keepsMsOf(headers: RawHeaders): number {
  const [, seconds] =
    /(?:^|[,;\s])timeout=(\d{1,6})/i.exec(headerValue(headers, 'keep-alive') ?? '') ?? [];
  return seconds === undefined ? Number.POSITIVE_INFINITY : Number(seconds) * KEPT_SHARE * 1_000;
}

/** An idle connection is used for so much of the time the pod says it keeps it. */
const KEPT_SHARE = 0.9;
