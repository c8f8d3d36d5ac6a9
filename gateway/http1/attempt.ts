/**
 * One request to a pod, written as it comes, and what its answer has cost so far.
 */
import type { Attempt, AttemptListener, UpstreamRequest } from '../http/exchange.ts';
import { LENGTH_UNKNOWN, type RawHeaders, type RequestHead } from '../http/message.ts';
import { addPiece, type Piece } from '../http/piece.ts';
import {
  FRAMING_CHUNKED,
  FRAMING_NONE,
  FRAMING_RAW,
  type Framing,
  framingOfLength,
} from '../wire/http1/message.ts';
import type { HeadOptions, Http1Writer } from '../wire/http1/writer.ts';
import { SEEN } from '../wire/seen.ts';
import { ANSWER_BYTES_MAX, ANSWER_BYTES_PRESSED_MAX } from './bounds.ts';

/** What an attempt needs of the connection it goes by. */
export interface AttemptConnection {
  readonly writer: Http1Writer;
  /** Whether the pod has yet to take what was written. */
  readonly full: boolean;
  /** Whether so much is held of all answers that this one is not to be read far ahead. */
  readonly pressed: boolean;
  /** `bytes` of content were given to the writer. */
  gathered(bytes: number): void;
  /** Something of the attempt has changed: looks what follows from it. */
  settle(): void;
  /** The request cannot be written as it was given. */
  unwritable(error: unknown): void;
  /** Nobody waits for the answer of `attempt` any more. */
  abandon(attempt: Http1Attempt): void;
}

/** See the header of this file. */
export class Http1Attempt implements Attempt {
  readonly head: RequestHead;
  readonly listener: AttemptListener;
  /** Changes only while nothing of the request has been sent. */
  connection: AttemptConnection;
  requestDone: boolean;
  answerDone = false;
  /** Whether both directions are bytes of another protocol. */
  raw = false;
  /** Whether more of the answer is outstanding than may be. */
  held = false;
  /** Nothing more is told or taken. */
  over = false;
  #outstanding = 0;
  #unsent = 0;
  /** Bytes for the other protocol that came before the switch. */
  #early: Piece[] | undefined;
  #earlyEnd = false;

  constructor(request: UpstreamRequest, connection: AttemptConnection) {
    this.head = request.head;
    this.listener = request.listener;
    this.connection = connection;
    this.requestDone = request.head.upgrade !== '' || request.head.length === 0;
  }

  /** Writes the head. Throws `Http1Refusal` where it holds what may not be written. */
  begin(): void {
    const { head } = this;
    const { writer } = this.connection;
    const options = optionsOf(head);
    writer.request(head.method, head.path, head.authority, withoutTe(head), options);
    this.connection.gathered(0);
  }

  body(bytes: Buffer, from: number, to: number, end: boolean): void {
    if (this.over) return;
    if (this.head.upgrade !== '' && !this.raw) {
      this.#early ??= [];
      addPiece(this.#early, bytes, from, to);
      this.#earlyEnd ||= end;
      return;
    }
    if (this.requestDone) return;
    try {
      this.connection.writer.body(bytes, from, to);
      if (end) this.connection.writer.end();
    } catch (error) {
      this.connection.unwritable(error);
      return;
    }
    if (end) this.requestDone = true;
    this.connection.gathered(to - from);
    this.#sent(to - from);
    if (end) this.connection.settle();
  }

  end(trailers: RawHeaders): void {
    if (this.over) return;
    if (this.head.upgrade !== '' && !this.raw) {
      this.#earlyEnd = true;
      return;
    }
    if (this.requestDone) return;
    const { writer } = this.connection;
    try {
      try {
        writer.end(trailers);
      } catch {
        // Trailers may always be dropped (RFC 9110 section 6.5.1); a missing byte fails here again.
        writer.end();
      }
    } catch (error) {
      this.connection.unwritable(error);
      return;
    }
    this.requestDone = true;
    this.connection.gathered(0);
    this.connection.settle();
  }

  consumed(bytes: number): void {
    this.#outstanding -= bytes;
    if (!this.held || this.#outstanding > ANSWER_BYTES_MAX / 2) return;
    if (this.#outstanding > ANSWER_BYTES_PRESSED_MAX / 2 && this.connection.pressed) return;
    if (bytes > 0 && this.listener.crowded?.() === true) return;
    this.held = false;
    if (!this.over) this.connection.settle();
  }

  cancel(): void {
    if (this.over) return;
    this.over = true;
    this.connection.abandon(this);
  }

  /** Content of the answer came. */
  content(bytes: Buffer, from: number, to: number, end: boolean): void {
    this.#outstanding += to - from;
    this.listener.onAnswerBody(bytes, from, to, end);
    // What has left at once is not outstanding any more.
    const outstanding = this.#outstanding;
    if (outstanding === 0 || end) return;
    if (outstanding > ANSWER_BYTES_MAX) this.held = true;
    else if (outstanding > ANSWER_BYTES_PRESSED_MAX && this.connection.pressed) this.held = true;
    else if (this.listener.crowded?.() === true) this.held = true;
  }

  /** The pod has switched: the request goes on with bytes of another protocol. */
  switched(): void {
    this.raw = true;
    this.requestDone = false;
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const { bytes, from, to } of early) this.body(bytes, from, to, false);
    if (this.#earlyEnd) this.end([]);
  }

  /** The pod goes on with HTTP/1: a request to switch has no content. */
  stayed(): void {
    if (this.head.upgrade !== '') this.connection.writer.end();
  }

  /** The connection has room again. */
  room(): void {
    const sent = this.#unsent;
    this.#unsent = 0;
    if (sent > 0 && !this.over) this.listener.onRequestSent(sent);
  }

  #sent(bytes: number): void {
    if (this.connection.full) this.#unsent += bytes;
    else this.listener.onRequestSent(bytes);
  }
}

/** How the head of a request without content is written, as most are. */
const BARE: HeadOptions = { framing: FRAMING_NONE, keepAlive: true, upgrade: '', http10: false };

function optionsOf(head: RequestHead): HeadOptions {
  const framing = requestFraming(head);
  if (framing === FRAMING_NONE) return BARE;
  return { framing, keepAlive: true, upgrade: head.upgrade, http10: false };
}

function requestFraming(head: RequestHead): Framing {
  // What follows the switch is counted by nobody; before it, nothing follows.
  if (head.upgrade !== '') return FRAMING_RAW;
  if (head.length === LENGTH_UNKNOWN) return FRAMING_CHUNKED;
  // Servers ask for the length where a method usually has content (RFC 9110 section 8.6).
  if (head.length > 0 || announces(head)) return framingOfLength(head.length);
  return FRAMING_NONE;
}

function announces(head: RequestHead): boolean {
  const { method } = head;
  return (
    method === 'POST' || method === 'PUT' || method === 'PATCH' || (head.seen & SEEN.LENGTH) !== 0
  );
}

/** The writer leaves out the other fields of the hop; `te` means nothing to it. */
function withoutTe({ headers, seen }: RequestHead): RawHeaders {
  if ((seen & SEEN.TE) === 0) return headers;
  return headers.filter((_, each) => headers[each - (each % 2)] !== 'te');
}
