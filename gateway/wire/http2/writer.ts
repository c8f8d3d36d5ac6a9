/**
 * Frames into the output: each method appends one frame, or a header block with its CONTINUATIONs.
 */
import { encodedBound, HpackEncoder } from '../hpack/encoder.ts';
import { FLAG, FRAME, FRAME_HEADER_BYTES, writeFrameHeader, writeUint32 } from './frames.ts';
import { COPY_BYTES_MAX, Output } from './output.ts';

/** Payloads up to this length grow the frame before them. */
const GROWN_BYTES_MAX = 512;
/** The largest dynamic table we keep for a peer, however large it allows. */
const ENCODER_TABLE_BYTES_MAX = 4096;

export class FrameWriter {
  readonly output = new Output();
  /** SETTINGS_MAX_FRAME_SIZE of the peer. */
  maxFrameBytes: number;
  readonly #encoder = new HpackEncoder();
  /** The DATA frame written last, while it can grow: its stream, its slab, where it begins and ends. */
  #growing: Buffer | undefined;
  #growingId = 0;
  #growingFrom = 0;
  #growingTo = 0;

  constructor(maxFrameBytes: number) {
    this.maxFrameBytes = maxFrameBytes;
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  setTableBytes(bytes: number): void {
    this.#encoder.resize(Math.min(bytes, ENCODER_TABLE_BYTES_MAX));
  }

  /** Bytes as they are: the preface, SETTINGS. */
  raw(bytes: Buffer): void {
    const slab = this.output.reserve(bytes.length);
    bytes.copy(slab, this.output.at);
    this.output.wrote(this.output.at + bytes.length);
  }

  /** A block; those of `sensitive` are sent as never indexed. */
  headers(
    id: number,
    headers: readonly string[],
    endStream: boolean,
    sensitive: ReadonlySet<string> | undefined,
  ): void {
    const { output } = this;
    const slab = output.reserve(encodedBound(headers) + FRAME_HEADER_BYTES);
    const start = output.at;
    const from = start + FRAME_HEADER_BYTES;
    const to = this.#encoder.encode(headers, slab, from, sensitive);
    const flags = endStream ? FLAG.END_STREAM : 0;
    if (to - from <= this.maxFrameBytes) {
      writeFrameHeader(slab, start, to - from, FRAME.HEADERS, flags | FLAG.END_HEADERS, id);
      output.wrote(to);
      return;
    }
    this.#split(Buffer.from(slab.subarray(from, to)), flags, id);
  }

  /**
   * One frame of `bytes[from, to)`, which must fit into a frame. Large payloads are not copied. False: no frame was needed,
   * the one before has grown.
   */
  data(id: number, bytes: Buffer, from: number, to: number, endStream: boolean): boolean {
    const { output } = this;
    const length = to - from;
    if (length <= GROWN_BYTES_MAX && this.#grow(id, bytes, from, to, endStream)) return false;
    // A payload that will be copied lies behind its header in one piece.
    const room = length <= COPY_BYTES_MAX ? FRAME_HEADER_BYTES + length : FRAME_HEADER_BYTES;
    const slab = output.reserve(room);
    const flags = endStream ? FLAG.END_STREAM : 0;
    const start = output.at;
    output.wrote(writeFrameHeader(slab, start, length, FRAME.DATA, flags, id));
    output.payload(bytes, from, to);
    if (endStream || length > GROWN_BYTES_MAX) return true;
    this.#growing = slab;
    this.#growingId = id;
    this.#growingFrom = start;
    this.#growingTo = output.at;
    return true;
  }

  /** Puts a few bytes into the frame of their stream just written, which would else cost one each. */
  #grow(id: number, bytes: Buffer, from: number, to: number, endStream: boolean): boolean {
    const { output } = this;
    const slab = this.#growing;
    if (slab === undefined || id !== this.#growingId) return false;
    // Taken since, or followed by another frame.
    if (output.slab !== slab || output.at !== this.#growingTo) return false;
    const length = this.#growingTo - this.#growingFrom - FRAME_HEADER_BYTES + to - from;
    if (length > this.maxFrameBytes || length > COPY_BYTES_MAX) return false;
    if (slab.length - output.at < to - from) return false;
    writeFrameHeader(
      slab,
      this.#growingFrom,
      length,
      FRAME.DATA,
      endStream ? FLAG.END_STREAM : 0,
      id,
    );
    output.payload(bytes, from, to);
    this.#growingTo = output.at;
    if (endStream) this.#growing = undefined;
    return true;
  }

  reset(id: number, code: number): void {
    this.#words(FRAME.RST_STREAM, 0, id, code);
  }

  windowUpdate(id: number, bytes: number): void {
    this.#words(FRAME.WINDOW_UPDATE, 0, id, bytes);
  }

  settingsAck(): void {
    const slab = this.output.reserve(FRAME_HEADER_BYTES);
    this.output.wrote(writeFrameHeader(slab, this.output.at, 0, FRAME.SETTINGS, FLAG.ACK, 0));
  }

  ping(ack: boolean, high: number, low: number): void {
    this.#words(FRAME.PING, ack ? FLAG.ACK : 0, 0, high, low);
  }

  /** `debug` is a short ASCII word for the peer's operator. */
  goaway(lastId: number, code: number, debug: string): void {
    const { output } = this;
    const length = 8 + debug.length;
    const slab = output.reserve(FRAME_HEADER_BYTES + length);
    let at = writeFrameHeader(slab, output.at, length, FRAME.GOAWAY, 0, 0);
    at = writeUint32(slab, at, lastId);
    at = writeUint32(slab, at, code);
    slab.write(debug, at, 'latin1');
    output.wrote(at + debug.length);
  }

  #words(type: number, flags: number, id: number, first: number, second?: number): void {
    const length = second === undefined ? 4 : 8;
    const slab = this.output.reserve(FRAME_HEADER_BYTES + 8);
    let at = writeFrameHeader(slab, this.output.at, length, type, flags, id);
    at = writeUint32(slab, at, first);
    if (second !== undefined) at = writeUint32(slab, at, second);
    this.output.wrote(at);
  }

  /** HEADERS and CONTINUATIONs, for a block longer than a frame (RFC 9113, section 6.10). */
  #split(block: Buffer, flags: number, id: number): void {
    for (let from = 0; from < block.length; from += this.maxFrameBytes) {
      const to = Math.min(block.length, from + this.maxFrameBytes);
      const end = to === block.length ? FLAG.END_HEADERS : 0;
      const slab = this.output.reserve(FRAME_HEADER_BYTES + to - from);
      const type = from === 0 ? FRAME.HEADERS : FRAME.CONTINUATION;
      const own = from === 0 ? flags | end : end;
      const at = writeFrameHeader(slab, this.output.at, to - from, type, own, id);
      block.copy(slab, at, from, to);
      this.output.wrote(at + to - from);
    }
  }
}
