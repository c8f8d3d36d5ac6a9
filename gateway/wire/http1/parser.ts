/**
 * HTTP/1.1 from bytes to messages (RFC 9112): one parser per direction of a connection. pure
 *
 * Bytes come as chunks cut anywhere; the same bytes tell the sink the same, however they were cut.
 * Content is never copied; a head is copied only when it comes in more than one chunk. What breaks a
 * rule of `rules.ts` throws, and the parser reads no further: after a malformed message nobody can
 * say where the next one begins.
 */
import { latin1 } from '../native.ts';
import { beginOrigin, endOrigin } from '../origin.ts';
import { ChunkLines } from './chunks.ts';
import {
  ASKED_CONNECT,
  ASKED_HEAD,
  ASKED_UPGRADE,
  readRequest,
  readResponse,
  readTrailers,
} from './head.ts';
import { HEAD_BYTES_MAX, PIPELINE_MAX, TRAILER_BYTES_MAX } from './limits.ts';
import type { Head, MessageSink } from './message.ts';
import { RepeatedHead } from './repeat.ts';
import { Http1Refusal, type Role, type RuleCode } from './rules.ts';
import { HeadScanner } from './scan.ts';

const HEAD = 0;
const LENGTH = 1;
const UNTIL_CLOSE = 2;
const CHUNK_LINE = 3;
const CHUNK_DATA = 4;
const TRAILERS = 5;
const CLOSED = 6;
const FAILED = 7;

/** Of a request, what it asks for is in its bytes; of a response, that none is awaited. */
const NOTHING_ASKED = -1;

const CARRY_BYTES_MIN = 1_024;
/** Never reached. */
const STEPS_MAX = 0x3fff_ffff;
const NO_CARRY = Buffer.alloc(0);

/** See the header of this file. */
export class Http1Parser {
  readonly #role: Role;
  readonly #sink: MessageSink;
  readonly #scanner: HeadScanner;
  readonly #repeated = new RepeatedHead();
  #chunks: ChunkLines | undefined;
  #state = HEAD;
  /** The last {@link execute} has stopped because its steps were spent. */
  sated = false;
  #paused = false;
  #keepAlive = true;
  #failure: Http1Refusal | undefined;
  /** Bytes of content, or of the chunk, still to come. */
  #remaining = 0;
  /** The first bytes of a head that came in more than one chunk. */
  #carry = NO_CARRY;
  #carried = 0;
  /** What the oldest outstanding request was (`ASKED_` flags), and those after it; for responses. */
  #asked = NOTHING_ASKED;
  #askedLater: number[] | undefined;

  constructor(role: Role, sink: MessageSink) {
    this.#role = role;
    this.#sink = sink;
    this.#scanner = new HeadScanner(role);
  }

  /** Whether it stands between two messages. */
  get idle(): boolean {
    return (this.#state === HEAD && this.#scanner.idle) || this.#state === CLOSED;
  }

  /** A request was sent whose response is now awaited; `upgrade`: it asked for another protocol. */
  expectResponseTo(method: string, upgrade = false): void {
    const later = this.#askedLater;
    if (later !== undefined && later.length >= PIPELINE_MAX - 1) {
      throw new RangeError('too many outstanding requests');
    }
    const kind = method === 'HEAD' ? ASKED_HEAD : method === 'CONNECT' ? ASKED_CONNECT : 0;
    const asked = upgrade ? kind | ASKED_UPGRADE : kind;
    if (this.#asked === NOTHING_ASKED) this.#asked = asked;
    else if (later === undefined) this.#askedLater = [asked];
    else later.push(asked);
  }

  /** Stops at the end of the message under way, or before the next; may be called from the sink. */
  pause(): void {
    this.#paused = true;
  }

  /** Ends {@link pause}; the bytes not used then must be given again. */
  resume(): void {
    this.#paused = false;
  }

  /** From now on all bytes are content of another protocol: after 101 was sent for a request. */
  switchToRaw(): void {
    this.#state = UNTIL_CLOSE;
    this.#paused = false;
  }

  /** Nothing has come for a while: lets go of what is only kept to be quick. */
  rest(): void {
    this.#repeated.forget();
  }

  /**
   * Reads `chunk[from, to)`; returns how many bytes it used: all, unless it was paused or has told of
   * `steps` parts (a head, a chunk's size, a piece of content), see {@link sated}. Throws {@link Http1Refusal}.
   */
  execute(chunk: Buffer, from = 0, to: number = chunk.length, steps = STEPS_MAX): number {
    let pos = from;
    let left = steps;
    this.sated = false;
    try {
      while (pos < to) {
        if (this.#paused && this.idle) break;
        if (left === 0) {
          this.sated = true;
          break;
        }
        left -= 1;
        pos = this.#step(chunk, pos, to);
      }
    } catch (error) {
      if (error instanceof Http1Refusal) {
        this.#state = FAILED;
        this.#failure = error;
      }
      throw error;
    }
    return pos - from;
  }

  /** The connection ended. Throws {@link Http1Refusal} when that was inside a message. */
  finish(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#state === UNTIL_CLOSE) {
      this.#state = CLOSED;
      this.#sink.onEnd();
    } else if (!this.idle) {
      this.#failure = new Http1Refusal('EARLY_END', this.#role);
      this.#state = FAILED;
      throw this.#failure;
    }
  }

  #step(chunk: Buffer, from: number, to: number): number {
    switch (this.#state) {
      case HEAD:
      case TRAILERS:
        return this.#section(chunk, from, to);
      case LENGTH:
      case CHUNK_DATA:
        return this.#content(chunk, from, to);
      case UNTIL_CLOSE:
        this.#sink.onBody(chunk, from, to);
        return to;
      case CHUNK_LINE:
        return this.#chunkLine(chunk, from, to);
      case CLOSED:
        return this.#refuse('DATA_AFTER_CLOSE');
      default:
        throw this.#failure ?? new Http1Refusal('EARLY_END', this.#role);
    }
  }

  /** A head or a trailer section. */
  #section(chunk: Buffer, from: number, to: number): number {
    const most = this.#state === HEAD ? HEAD_BYTES_MAX : TRAILER_BYTES_MAX;
    const carried = this.#carried;
    if (carried === 0) {
      const asked = this.#asked;
      const whole = this.#state === HEAD && this.#scanner.idle;
      const known = whole ? this.#repeated.take(chunk, from, to, asked) : undefined;
      if (known !== undefined) {
        this.#scanner.begin('head');
        this.#headRead(known);
        return from + this.#repeated.length;
      }
      const pos = this.#scanner.scan(chunk, from, Math.min(to, from + most), from);
      if (this.#scanner.done) {
        if (this.#state === HEAD) beginOrigin(chunk, from);
        const head = this.#sectionEnd(latin1(chunk, from, pos));
        if (whole && head !== undefined) this.#repeated.put(chunk, from, pos, asked, head);
        if (head !== undefined) this.#headRead(head);
        return pos;
      }
      if (pos - from === most) this.#refuseLarge();
      this.#keep(chunk, from, pos);
      return pos;
    }
    const taken = Math.min(to - from, most - carried);
    this.#keep(chunk, from, from + taken);
    const end = this.#scanner.scan(this.#carry, carried, carried + taken, 0);
    if (!this.#scanner.done) {
      if (end === most) this.#refuseLarge();
      return from + taken;
    }
    const carry = this.#carry;
    this.#carry = NO_CARRY;
    this.#carried = 0;
    if (this.#state === HEAD) beginOrigin(carry, 0);
    const head = this.#sectionEnd(latin1(carry, 0, end));
    if (head !== undefined) this.#headRead(head);
    return from + end - carried;
  }

  #keep(chunk: Buffer, from: number, to: number): void {
    const needed = this.#carried + to - from;
    if (needed > this.#carry.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(CARRY_BYTES_MIN, 2 * needed));
      this.#carry.copy(larger, 0, 0, this.#carried);
      this.#carry = larger;
    }
    chunk.copy(this.#carry, this.#carried, from, to);
    this.#carried = needed;
  }

  /** The head that is whole; undefined after trailers. */
  #sectionEnd(text: string): Head | undefined {
    if (this.#state === HEAD) {
      if (this.#role === 'request') return readRequest(this.#scanner, text);
      const asked = this.#asked;
      if (asked === NOTHING_ASKED) this.#refuse('RESPONSE_UNEXPECTED');
      return readResponse(this.#scanner, text, asked);
    }
    const trailers = readTrailers(this.#scanner, text, this.#role);
    if (trailers.length > 0) this.#sink.onTrailers(trailers);
    this.#messageEnd();
    return undefined;
  }

  #headRead(head: Head): void {
    if (head.status >= 200 || head.status === 101) {
      this.#asked = this.#askedLater?.shift() ?? NOTHING_ASKED;
    }
    const { kind, length } = head.framing;
    // Also of an interim response: one that says "close" lets no other follow, as llhttp reads it.
    this.#keepAlive = head.keepAlive;
    this.#sink.onHead(head);
    endOrigin();
    if (kind === 'none' || (kind === 'length' && length === 0)) this.#messageEnd();
    else if (kind === 'length') {
      this.#remaining = length;
      this.#state = LENGTH;
    } else if (kind === 'chunked') {
      this.#chunks ??= new ChunkLines(this.#role);
      this.#chunks.begin();
      this.#state = CHUNK_LINE;
    } else this.#state = UNTIL_CLOSE;
  }

  #content(chunk: Buffer, from: number, to: number): number {
    const end = to - from < this.#remaining ? to : from + this.#remaining;
    this.#remaining -= end - from;
    this.#sink.onBody(chunk, from, end);
    if (this.#remaining > 0) return end;
    if (this.#state === LENGTH) this.#messageEnd();
    else {
      this.#chunks?.afterData();
      this.#state = CHUNK_LINE;
    }
    return end;
  }

  #chunkLine(chunk: Buffer, from: number, to: number): number {
    const lines = this.#chunks as ChunkLines;
    const pos = lines.scan(chunk, from, to);
    if (!lines.done) return pos;
    if (lines.size > 0) {
      this.#remaining = lines.size;
      this.#state = CHUNK_DATA;
    } else {
      this.#scanner.begin('trailers');
      this.#state = TRAILERS;
    }
    return pos;
  }

  #messageEnd(): void {
    this.#scanner.begin('head');
    this.#state = this.#keepAlive ? HEAD : CLOSED;
    this.#sink.onEnd();
  }

  #refuseLarge(): never {
    return this.#refuse(this.#state === HEAD ? 'HEAD_TOO_LARGE' : 'TRAILER_TOO_LARGE');
  }

  #refuse(rule: RuleCode): never {
    throw new Http1Refusal(rule, this.#role);
  }
}
