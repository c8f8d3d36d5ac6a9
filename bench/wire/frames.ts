/**
 * HTTP/2 frames for the bench's generator and backend: read from chunks, written in batches.
 *
 * Header blocks are written the plain way of small clients: what repeats on a connection is put in
 * the dynamic table by the first block and named by index later; what differs is a literal without
 * indexing and without Huffman coding. Reading uses the gateways' HPACK decoder, nothing else of theirs.
 */
import type { Socket } from 'node:net';

export const DATA = 0;
export const HEADERS = 1;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
/** Settings (RFC 9113, section 6.5.2). */
export const HEADER_TABLE_SIZE = 1;
export const MAX_CONCURRENT_STREAMS = 3;
export const INITIAL_WINDOW_SIZE = 4;
/** What a connection starts with: its window, and the dynamic tables of its header blocks. */
export const DEFAULT_WINDOW = 65_535;
export const DEFAULT_TABLE_SIZE = 4_096;
export const END_STREAM = 1;
export const ACK = 1;
export const END_HEADERS = 4;
const PADDED = 8;
const PRIORITY = 0x20;
const HEAD_BYTES = 9;

/** Called for a frame whose payload is `bytes[from, to)`, padding and priority taken off. */
export type OnFrame = (
  type: number,
  flags: number,
  stream: number,
  bytes: Buffer,
  from: number,
  to: number,
) => void;

/** Cuts what arrives into frames. */
export class FrameReader {
  readonly #onFrame: OnFrame;
  #rest: Buffer = Buffer.alloc(0);

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  take(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (at + HEAD_BYTES <= bytes.length) {
      const length = bytes.readUIntBE(at, 3);
      const end = at + HEAD_BYTES + length;
      if (end > bytes.length) break;
      const type = bytes[at + 3] as number;
      const flags = bytes[at + 4] as number;
      const stream = bytes.readUInt32BE(at + 5) & 0x7fff_ffff;
      let from = at + HEAD_BYTES;
      let to = end;
      const mayPad = type === DATA || type === HEADERS;
      if (mayPad && flags & PADDED) to -= bytes[from++] as number;
      if (type === HEADERS && flags & PRIORITY) from += 5;
      this.#onFrame(type, flags, stream, bytes, from, to);
      at = end;
    }
    // A copy: what a socket gives may be used again.
    this.#rest = at === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at));
  }
}

/** Collects frames and writes them to a socket at once. */
export class FrameWriter {
  readonly #socket: Socket;
  #buffer = Buffer.allocUnsafeSlow(65_536);
  #at = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  raw(bytes: Buffer): void {
    this.#reserve(bytes.length);
    this.#at += bytes.copy(this.#buffer, this.#at);
  }

  /** A frame whose payload is `parts`, one after the other. */
  frame(type: number, flags: number, stream: number, ...parts: readonly Buffer[]): void {
    let length = 0;
    for (const part of parts) length += part.length;
    this.#reserve(HEAD_BYTES + length);
    const buffer = this.#buffer;
    let at = this.#at;
    at = buffer.writeUIntBE(length, at, 3);
    at = buffer.writeUInt8(type, at);
    at = buffer.writeUInt8(flags, at);
    at = buffer.writeUInt32BE(stream, at);
    for (const part of parts) at += part.copy(buffer, at);
    this.#at = at;
  }

  flush(): void {
    if (this.#at === 0) return;
    // What is written belongs to the socket until it has left.
    this.#socket.write(Buffer.from(this.#buffer.subarray(0, this.#at)));
    this.#at = 0;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes > this.#buffer.length) this.flush();
    if (bytes > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(bytes * 2);
  }
}

/** SETTINGS from pairs of identifier and value. */
export function settings(...pairs: readonly (readonly [number, number])[]): Buffer {
  const payload = Buffer.alloc(pairs.length * 6);
  pairs.forEach(([name, value], index) => {
    payload.writeUInt16BE(name, index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  });
  return payload;
}

/** The value of setting `name` in the payload `bytes[from, to)`; undefined when it is not in it. */
export function settingOf(
  name: number,
  bytes: Buffer,
  from: number,
  to: number,
): number | undefined {
  let value: number | undefined;
  for (let at = from; at + 6 <= to; at += 6) {
    if (bytes.readUInt16BE(at) === name) value = bytes.readUInt32BE(at + 2);
  }
  return value;
}

/** A four-byte payload, as WINDOW_UPDATE has it. */
export function word(value: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(value);
  return payload;
}

/** A literal field that enters no table. */
export function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x00]), text(name), text(value)]);
}

/** A literal field that enters the dynamic table. */
export function indexed(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x40]), text(name), text(value)]);
}

/** References to the `count` entries that were put in the table first to last. */
export function references(count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, (_, at) => 0x80 | (61 + count - at)));
}

/** A string without Huffman coding, shorter than 127 + 128 bytes. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  const length = bytes.length < 127 ? [bytes.length] : [127, bytes.length - 127];
  return Buffer.concat([Buffer.from(length), bytes]);
}
