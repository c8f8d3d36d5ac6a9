/**
 * HTTP/1.1 of the bench's own: one connection, one request at a time, every answer verified.
 */
import net, { type Socket } from 'node:net';
import { crc32 } from 'node:zlib';
import type { Address } from '#core/network.ts';
import { BULK_BYTES, bulkPath, itemBody, itemPath, requestFields } from '../traffic.ts';

/** The bodies of large answers are summed up once in so many. */
const SUMMED_EACH = 8;

/** What is asked for. */
export interface Asked {
  readonly number: number;
  readonly isBulk: boolean;
  /** Whether the connection ends with the answer. */
  readonly closes: boolean;
}

/** The bytes of a request. */
export function requestBytes({ number, isBulk, closes }: Asked): string {
  const { requestId, traceparent, cookie } = requestFields(number);
  return [
    `GET ${isBulk ? bulkPath(number) : itemPath(number)} HTTP/1.1`,
    'host: bench.shop',
    'user-agent: wire',
    'accept: */*',
    `x-request-id: ${requestId}`,
    `traceparent: ${traceparent}`,
    `cookie: ${cookie}`,
    ...(closes ? ['connection: close'] : []),
    '\r\n',
  ].join('\r\n');
}

/** Who uses a connection. */
export interface Http1User {
  received(bytes: number): void;
  /** The answer is whole and right. The connection may be used again unless the request closes it. */
  answered(connection: Http1Connection): void;
  /** Something was wrong, and the connection has ended. */
  failed(connection: Http1Connection, reason: string): void;
}

/** See the file header. */
export class Http1Connection {
  /** For its user: when the present request began, or was meant to. */
  startMs = 0;
  readonly #user: Http1User;
  readonly #socket: Socket;
  #asked: Asked | undefined;
  #head = '';
  #inBody = false;
  #length = 0;
  #got = 0;
  #sum = 0;
  #expectedSum: number | undefined;
  #ended = false;

  constructor(target: Address, user: Http1User) {
    this.#user = user;
    this.#socket = net.connect({ host: target.host, port: target.port, noDelay: true });
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#socket.on('error', (error) => this.#fail(error.message));
    this.#socket.on('close', () => {
      if (this.#asked) this.#fail('the connection ended before the answer');
      this.#ended = true;
    });
  }

  get isUsable(): boolean {
    return !this.#ended && this.#asked === undefined;
  }

  ask(asked: Asked): void {
    this.#asked = asked;
    this.#socket.write(requestBytes(asked), 'latin1');
  }

  /** Ends it without a word to its user. */
  abort(): void {
    this.#asked = undefined;
    this.#ended = true;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    if (!this.#asked) {
      if (!this.#ended) this.#fail('bytes nobody asked for');
      return;
    }
    if (this.#inBody) {
      this.#body(chunk, 0);
      return;
    }
    const seen = this.#head.length;
    this.#head += chunk.toString('latin1');
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = this.#head.slice(0, end + 2);
    if (!head.startsWith('HTTP/1.1 200 ')) {
      this.#fail(head.slice(0, head.indexOf('\r\n')));
      return;
    }
    this.#length = Number(/\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1] ?? -1);
    this.#got = 0;
    this.#sum = 0;
    const { isBulk, number } = this.#asked;
    const isSummed = isBulk && number % SUMMED_EACH === 0;
    this.#expectedSum = isSummed
      ? Number(/\r\nx-checksum: *(\d+)\r\n/i.exec(head)?.[1] ?? -1)
      : undefined;
    this.#inBody = true;
    this.#body(chunk, end + 4 - seen);
  }

  #body(chunk: Buffer, from: number): void {
    const asked = this.#asked as Asked;
    const bytes = from === 0 ? chunk : chunk.subarray(from);
    const at = this.#got;
    this.#got += bytes.length;
    this.#user.received(bytes.length);
    if (asked.isBulk) {
      if (this.#expectedSum !== undefined) this.#sum = crc32(bytes, this.#sum);
    } else if (itemBody(asked.number).compare(bytes, 0, bytes.length, at, this.#got) !== 0) {
      this.#fail(`another body than that of ${itemPath(asked.number)}`);
      return;
    }
    if (this.#got < this.#length) return;
    const expected = asked.isBulk ? BULK_BYTES : itemBody(asked.number).length;
    if (this.#got !== expected || this.#length !== expected)
      this.#fail(`${this.#got} bytes of ${expected}`);
    else if (this.#expectedSum !== undefined && this.#sum !== this.#expectedSum)
      this.#fail('checksum');
    else {
      this.#asked = undefined;
      this.#inBody = false;
      this.#head = '';
      if (asked.closes) this.#end();
      this.#user.answered(this);
    }
  }

  /** The other side closes first, so that no port of ours waits; ours is there for one that does not. */
  #end(): void {
    this.#ended = true;
    this.#socket.end();
  }

  #fail(reason: string): void {
    if (this.#ended) return;
    this.abort();
    this.#user.failed(this, reason);
  }
}
