/** Frames of HTTP/2 as attackers make them: well formed, in orders and numbers nobody else would send. */
import {
  FLAG,
  FRAME,
  FRAME_HEADER_BYTES,
  PREFACE,
  SETTING,
  writeFrameHeader,
  writeUint32,
} from '#gateway/wire/http2/frames.ts';
import { FrameWriter } from '#gateway/wire/http2/writer.ts';

const FRAME_BYTES = 16_384;

export class Frames {
  /** Fields of every request but its path. */
  readonly #fields: readonly string[];
  readonly #writer = new FrameWriter(FRAME_BYTES);
  #nextId = 1;

  constructor(fields: readonly string[]) {
    this.#fields = fields;
  }

  /** What a client says first. */
  preface(windowBytes = 65_535): this {
    this.#writer.raw(PREFACE);
    const entry = Buffer.alloc(6);
    entry[1] = SETTING.INITIAL_WINDOW_SIZE;
    writeUint32(entry, 2, windowBytes);
    return this.frame(FRAME.SETTINGS, 0, 0, entry);
  }

  /** A request; the id of its stream. */
  request(method: string, path: string, end: boolean, more: readonly string[] = []): number {
    const id = this.#nextId;
    this.#nextId += 2;
    const pseudo = [':method', method, ':scheme', 'http', ':authority', 'soak', ':path', path];
    this.#writer.headers(id, [...pseudo, ...this.#fields, ...more], end, undefined);
    return id;
  }

  /** A frame of its own, however small: the gateways' writer would put it into the one before. */
  data(id: number, bytes: Buffer, end: boolean): this {
    return this.frame(FRAME.DATA, end ? FLAG.END_STREAM : 0, id, bytes);
  }

  reset(id: number, code: number): this {
    this.#writer.reset(id, code);
    return this;
  }

  /** Any frame at all. */
  frame(type: number, flags: number, id: number, payload: Buffer): this {
    const header = Buffer.alloc(FRAME_HEADER_BYTES);
    writeFrameHeader(header, 0, payload.length, type, flags, id);
    this.#writer.raw(header);
    if (payload.length > 0) this.#writer.raw(payload);
    return this;
  }

  settingsAck(): this {
    return this.frame(FRAME.SETTINGS, FLAG.ACK, 0, Buffer.alloc(0));
  }

  windowUpdate(id: number, bytes: number): this {
    this.#writer.windowUpdate(id, bytes);
    return this;
  }

  /** A stream id nobody has used. */
  skipId(): number {
    const id = this.#nextId;
    this.#nextId += 2;
    return id;
  }

  /** Calls `make` so many times and takes what came of it. */
  times(count: number, make: (frames: this) => unknown): Buffer {
    for (let at = 0; at < count; at += 1) make(this);
    return this.take();
  }

  take(): Buffer {
    return Buffer.concat(this.#writer.output.take());
  }
}
