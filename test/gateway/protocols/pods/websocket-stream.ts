/**
 * WebSocket frames over any byte stream, by the parts of `ws`: what extended CONNECT carries.
 */
import type { Duplex, Writable } from 'node:stream';
import * as ws from 'ws';

interface FrameOptions {
  readonly fin: boolean;
  readonly opcode: number;
  readonly mask: boolean;
  readonly readOnly: boolean;
}

interface Parts {
  readonly Receiver: new (options: { isServer: boolean }) => Writable;
  readonly Sender: { frame(data: Buffer, options: FrameOptions): Buffer[] };
}

/** Exported by `ws`, unknown to its type declarations. */
const { Receiver, Sender } = ws as unknown as Parts;

export const OPCODE = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** One side of a WebSocket over `stream`. */
export class FrameStream {
  readonly #stream: Duplex;
  readonly #isServer: boolean;
  readonly receiver: Writable;

  constructor(stream: Duplex, isServer: boolean) {
    this.#stream = stream;
    this.#isServer = isServer;
    this.receiver = new Receiver({ isServer });
    stream.pipe(this.receiver);
  }

  send(opcode: number, data: Buffer): void {
    const options = { fin: true, opcode, mask: !this.#isServer, readOnly: true };
    for (const part of Sender.frame(data, options)) this.#stream.write(part);
  }

  /** The next event of the receiver: `message`, `ping`, `pong` or `conclude`. */
  next(event: string): Promise<unknown[]> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown[]>();
    this.receiver.once(event, (...values) => resolve(values));
    this.receiver.once('error', reject);
    this.#stream.once('error', reject);
    this.#stream.once('close', () => reject(new Error(`closed before ${event}`)));
    return promise;
  }

  end(): void {
    this.#stream.end();
  }
}

/** A code and a reason as a close frame has them. */
export function closePayload(code: number, reason: string): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return Buffer.concat([head, Buffer.from(reason)]);
}

/** Echoes messages, answers pings, and closes with the code it is closed with. */
export function echoOver(stream: Duplex): void {
  const frames = new FrameStream(stream, true);
  const { receiver } = frames;
  receiver.on('message', (data: Buffer, binary: boolean) =>
    frames.send(binary ? OPCODE.binary : OPCODE.text, data),
  );
  receiver.on('ping', (data: Buffer) => frames.send(OPCODE.pong, data));
  receiver.on('conclude', (code: number, reason: Buffer) => {
    frames.send(OPCODE.close, closePayload(code, reason.toString()));
    frames.end();
  });
  receiver.on('error', () => stream.destroy());
}
