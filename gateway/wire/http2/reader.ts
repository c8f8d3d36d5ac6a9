/**
 * Bytes into frames, however they are cut.
 *
 * DATA is passed on in pieces, as it comes and without a copy; other frames are passed whole, out of the
 * chunk where they lie in one piece. Padding of DATA is taken off here. At most one frame of the size
 * we allow is ever held.
 */
import { Http2Error } from './error.ts';
import { FLAG, FRAME, FRAME_HEADER_BYTES, PREFACE, readUint24, readUint32 } from './frames.ts';

/** What the frames are told to. Methods may throw {@link Http2Error}, which ends the connection. */
export interface FrameHandler {
  /** Wants no further frame now. */
  readonly sated: boolean;
  /** A complete frame other than DATA; its payload is `bytes[from, to)`. */
  frame(type: number, flags: number, id: number, bytes: Buffer, from: number, to: number): void;
  /** A frame header has come, before its payload. */
  begin(type: number, flags: number, id: number, length: number): void;
  /** DATA begins: `content` bytes of data and `overhead` bytes of padding. */
  dataBegin(flags: number, id: number, content: number, overhead: number): void;
  /** The next data; `last` with the final piece, which may be empty. */
  data(bytes: Buffer, from: number, to: number, last: boolean): void;
}

const HEADER = 0;
const PAYLOAD = 1;
const PAD_LENGTH = 2;
const DATA = 3;
const PADDING = 4;
const PREFACE_STATE = 5;

const NOTHING = Buffer.alloc(0);

export class FrameReader {
  readonly #handler: FrameHandler;
  readonly #maxFrameBytes: number;
  readonly #header = Buffer.alloc(FRAME_HEADER_BYTES);
  #state: number;
  /** Bytes of the header, payload or preface that have come. */
  #have = 0;
  /** Bytes of the present part still to come. */
  #left = 0;
  #padding = 0;
  #type = 0;
  #flags = 0;
  #id = 0;
  #payload: Buffer = NOTHING;
  /** Set to stop reading for good. */
  stopped = false;

  constructor(handler: FrameHandler, maxFrameBytes: number, expectPreface: boolean) {
    this.#handler = handler;
    this.#maxFrameBytes = maxFrameBytes;
    this.#state = expectPreface ? PREFACE_STATE : HEADER;
  }

  /** Reads `bytes[from, to)` until the handler has had enough; returns where it stopped. */
  feed(bytes: Buffer, from: number, to: number): number {
    let at = from;
    while (at < to && !this.stopped) {
      if (this.#state === HEADER && this.#handler.sated) break;
      switch (this.#state) {
        case HEADER:
          at = this.#readHeader(bytes, at, to);
          break;
        case PAYLOAD:
          at = this.#gather(bytes, at, to);
          break;
        case DATA:
          at = this.#readData(bytes, at, to);
          break;
        case PAD_LENGTH:
          this.#padding = bytes[at] as number;
          at += 1;
          if (this.#padding >= this.#left) throw new Http2Error('PADDING');
          this.#beginData(this.#left - 1 - this.#padding, this.#padding + 1, bytes, at);
          break;
        case PADDING:
          at = this.#skip(at, to);
          break;
        default:
          at = this.#readPreface(bytes, at, to);
      }
    }
    return at;
  }

  #readHeader(bytes: Buffer, from: number, to: number): number {
    let source = bytes;
    let at = from;
    let next = from + FRAME_HEADER_BYTES;
    if (this.#have > 0 || to - from < FRAME_HEADER_BYTES) {
      const take = Math.min(FRAME_HEADER_BYTES - this.#have, to - from);
      bytes.copy(this.#header, this.#have, from, from + take);
      this.#have += take;
      if (this.#have < FRAME_HEADER_BYTES) return from + take;
      this.#have = 0;
      source = this.#header;
      at = 0;
      next = from + take;
    }
    const length = readUint24(source, at);
    this.#type = source[at + 3] as number;
    this.#flags = source[at + 4] as number;
    this.#id = readUint32(source, at + 5) & 0x7fff_ffff;
    if (length > this.#maxFrameBytes) throw new Http2Error('FRAME_SIZE');
    this.#handler.begin(this.#type, this.#flags, this.#id, length);
    return this.#type === FRAME.DATA
      ? this.#startData(length, bytes, next)
      : this.#startPayload(length, bytes, next, to);
  }

  #startData(length: number, bytes: Buffer, at: number): number {
    if ((this.#flags & FLAG.PADDED) === 0) {
      this.#padding = 0;
      this.#beginData(length, 0, bytes, at);
    } else {
      if (length === 0) throw new Http2Error('FRAME_SIZE');
      this.#left = length;
      this.#state = PAD_LENGTH;
    }
    return at;
  }

  #beginData(content: number, overhead: number, bytes: Buffer, at: number): void {
    this.#left = content;
    this.#state = DATA;
    this.#handler.dataBegin(this.#flags, this.#id, content, overhead);
    if (content > 0) return;
    this.#endData();
    this.#handler.data(bytes, at, at, true);
  }

  #readData(bytes: Buffer, from: number, to: number): number {
    const end = Math.min(to, from + this.#left);
    this.#left -= end - from;
    const last = this.#left === 0;
    if (last) this.#endData();
    this.#handler.data(bytes, from, end, last);
    return end;
  }

  #endData(): void {
    this.#left = this.#padding;
    this.#state = this.#padding > 0 ? PADDING : HEADER;
  }

  #skip(from: number, to: number): number {
    const end = Math.min(to, from + this.#left);
    this.#left -= end - from;
    if (this.#left === 0) this.#state = HEADER;
    return end;
  }

  #startPayload(length: number, bytes: Buffer, at: number, to: number): number {
    if (to - at >= length) {
      this.#handler.frame(this.#type, this.#flags, this.#id, bytes, at, at + length);
      return at + length;
    }
    this.#payload = Buffer.allocUnsafe(length);
    this.#have = 0;
    this.#state = PAYLOAD;
    return at;
  }

  #gather(bytes: Buffer, from: number, to: number): number {
    const payload = this.#payload;
    const take = Math.min(payload.length - this.#have, to - from);
    bytes.copy(payload, this.#have, from, from + take);
    this.#have += take;
    if (this.#have === payload.length) {
      this.#payload = NOTHING;
      this.#have = 0;
      this.#state = HEADER;
      this.#handler.frame(this.#type, this.#flags, this.#id, payload, 0, payload.length);
    }
    return from + take;
  }

  #readPreface(bytes: Buffer, from: number, to: number): number {
    let at = from;
    while (at < to && this.#have < PREFACE.length) {
      if (bytes[at] !== PREFACE[this.#have]) throw new Http2Error('PREFACE');
      at += 1;
      this.#have += 1;
    }
    if (this.#have === PREFACE.length) {
      this.#have = 0;
      this.#state = HEADER;
    }
    return at;
  }
}
