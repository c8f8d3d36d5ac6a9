/**
 * HTTP/1 by hand over a bare socket: what no library would send, read without any library.
 */
import net from 'node:net';
import type { Target } from '../case.ts';
import { lowerNames } from './http-client.ts';

/** A connection that ends with its case. */
export function dial(target: Target): net.Socket {
  const socket = net.connect({ host: target.host, port: target.port, allowHalfOpen: true });
  socket.setNoDelay(true);
  socket.on('error', () => undefined);
  target.defer(() => socket.destroy());
  return socket;
}

export interface RawReply {
  readonly version: string;
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: Buffer;
  readonly trailers: readonly string[];
}

/** Reads answers off a socket, one at a time. */
export class RawReader {
  #buffered = Buffer.alloc(0);
  #ended = false;
  #failure: Error | undefined;
  #wake: () => void = () => undefined;

  constructor(socket: net.Socket) {
    socket.on('data', (chunk) => {
      this.#buffered = Buffer.concat([this.#buffered, chunk as Buffer]);
      this.#wake();
    });
    socket.on('end', () => {
      this.#ended = true;
      this.#wake();
    });
    socket.on('error', (error) => {
      this.#failure = error;
      this.#wake();
    });
    socket.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** The next answer; `empty` for one to HEAD. Interim answers are answers of their own. */
  async reply(empty = false): Promise<RawReply> {
    const { first, fields: headers } = await this.#section();
    const [, version = '', code = ''] = /^(HTTP\/1\.\d) (\d{3})/.exec(first) ?? [];
    const status = Number(code);
    const base = { version, status, headers };
    if (empty || status < 200 || status === 204 || status === 304) {
      return { ...base, body: Buffer.alloc(0), trailers: [] };
    }
    const value = (name: string) => headers[headers.indexOf(name) + 1];
    if (headers.includes('transfer-encoding')) return { ...base, ...(await this.#chunks()) };
    if (headers.includes('content-length')) {
      return { ...base, body: await this.bytes(Number(value('content-length'))), trailers: [] };
    }
    return { ...base, body: await this.rest(), trailers: [] };
  }

  /** A line without its end. */
  async line(): Promise<string> {
    let at = this.#buffered.indexOf('\n');
    while (at < 0) {
      await this.#more();
      at = this.#buffered.indexOf('\n');
    }
    return (await this.bytes(at + 1)).toString('latin1').trimEnd();
  }

  async bytes(count: number): Promise<Buffer> {
    while (this.#buffered.length < count) await this.#more();
    const taken = this.#buffered.subarray(0, count);
    this.#buffered = this.#buffered.subarray(count);
    return taken;
  }

  /** Everything until the far side ends; rejects when it resets. */
  async rest(): Promise<Buffer> {
    while (!this.#ended && !this.#failure) await this.#more();
    if (this.#failure) throw this.#failure;
    return this.bytes(this.#buffered.length);
  }

  async #section(): Promise<{ first: string; fields: string[] }> {
    const first = await this.line();
    const fields: string[] = [];
    for (let line = await this.line(); line !== ''; line = await this.line()) {
      const colon = line.indexOf(':');
      fields.push(line.slice(0, colon), line.slice(colon + 1).trim());
    }
    return { first, fields: lowerNames(fields) };
  }

  async #chunks(): Promise<{ body: Buffer; trailers: string[] }> {
    const parts: Buffer[] = [];
    for (;;) {
      const size = Number.parseInt(await this.line(), 16);
      if (size === 0) break;
      parts.push(await this.bytes(size));
      await this.line();
    }
    const trailers: string[] = [];
    for (let line = await this.line(); line !== ''; line = await this.line()) {
      const colon = line.indexOf(':');
      trailers.push(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    return { body: Buffer.concat(parts), trailers };
  }

  #more(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#ended) return Promise.reject(new Error('the connection ended'));
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
