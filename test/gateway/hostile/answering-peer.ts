/**
 * A linked cluster that answers, and answers as it likes: the HTTP/2 server of a tunnel it dialled, frame by frame.
 */
import type { Socket } from 'node:net';
import { FLAG, FRAME, FRAME_HEADER_BYTES, PREFACE } from '#gateway/wire/http2/frames.ts';
import { FrameWriter } from '#gateway/wire/http2/writer.ts';

const FRAME_BYTES = 16_384;
const EMPTY = Buffer.alloc(0);

/** What is answered to one request: its stream, and the peer to answer by. */
export type Answering = (id: number, peer: AnsweringPeer) => void;

export class AnsweringPeer {
  readonly socket: Socket;
  readonly #answering: Answering;
  readonly #hello: Buffer;
  readonly #writer = new FrameWriter(FRAME_BYTES);
  #rest: Buffer = EMPTY;
  #prefaceLeft = PREFACE.length;
  #greeted = false;
  /** Requests heard, the hello not counted. */
  requests = 0;

  /** Greets as `hello` says, then answers every request by `answering`. */
  constructor(socket: Socket, hello: object, answering: Answering) {
    this.socket = socket;
    this.#hello = Buffer.from(JSON.stringify(hello));
    this.#answering = answering;
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    socket.on('error', () => undefined);
    this.frame(FRAME.SETTINGS, 0, 0, EMPTY);
  }

  /** Any list of fields on any stream. */
  headers(id: number, fields: readonly string[], end: boolean): void {
    this.#writer.headers(id, fields, end, undefined);
    this.#send();
  }

  data(id: number, content: Buffer | string, end: boolean): void {
    const bytes = Buffer.from(content);
    for (let from = 0; from < bytes.length || from === 0; from += FRAME_BYTES) {
      const to = Math.min(bytes.length, from + FRAME_BYTES);
      this.frame(
        FRAME.DATA,
        end && to === bytes.length ? FLAG.END_STREAM : 0,
        id,
        bytes.subarray(from, to),
      );
    }
  }

  reset(id: number, code: number): void {
    this.#writer.reset(id, code);
    this.#send();
  }

  /** Any frame at all. */
  frame(type: number, flags: number, id: number, payload: Buffer): void {
    const header = Buffer.alloc(FRAME_HEADER_BYTES);
    header.writeUIntBE(payload.length, 0, 3);
    header.writeUInt8(type, 3);
    header.writeUInt8(flags, 4);
    header.writeUInt32BE(id, 5);
    this.raw(Buffer.concat([header, payload]));
  }

  /** Bytes that need be no frame. */
  raw(bytes: Buffer): void {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  #send(): void {
    this.raw(Buffer.concat(this.#writer.output.take()));
  }

  #read(bytes: Buffer): void {
    let rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const skipped = Math.min(this.#prefaceLeft, rest.length);
    this.#prefaceLeft -= skipped;
    rest = rest.subarray(skipped);
    while (rest.length >= FRAME_HEADER_BYTES) {
      const end = FRAME_HEADER_BYTES + rest.readUIntBE(0, 3);
      if (rest.length < end) break;
      const [type = 0, flags = 0] = rest.subarray(3, 5);
      this.#frame(type, flags, rest.readUInt32BE(5), rest.subarray(FRAME_HEADER_BYTES, end));
      rest = rest.subarray(end);
    }
    this.#rest = rest;
  }

  #frame(type: number, flags: number, id: number, payload: Buffer): void {
    const acknowledges = (flags & FLAG.ACK) !== 0;
    if (type === FRAME.SETTINGS && !acknowledges) this.frame(FRAME.SETTINGS, FLAG.ACK, 0, EMPTY);
    else if (type === FRAME.PING && !acknowledges) this.frame(FRAME.PING, FLAG.ACK, 0, payload);
    else if (type === FRAME.HEADERS && !this.#greeted) {
      this.#greeted = true;
      this.headers(id, [':status', '200'], false);
      this.data(id, this.#hello, true);
    } else if (type === FRAME.HEADERS) {
      this.requests += 1;
      this.#answering(id, this);
    }
  }
}
