/**
 * HTTP/1.1 from messages to bytes: heads, chunks and small bodies gathered into one buffer. pure
 *
 * The writer owns the fields of the hop (`Connection`, `Upgrade`, framing, `Host`): in the lists given
 * they are left out. What the parser would refuse it refuses, so that no value can become a header.
 */
import { IsthmusError } from '#core/errors.ts';
import { giveSlab, takeSlab } from '../slabs.ts';
import { LOWER, TARGET, VALUE } from './bytes.ts';
import { contentLength } from './fields.ts';
import type { Framing } from './message.ts';
import {
  FIELD_CONNECTION,
  FIELD_CONTENT_LENGTH,
  FIELD_HOST,
  FIELD_OTHER,
  FIELD_PROXY_CONNECTION,
  FIELD_TRANSFER_ENCODING,
  FIELD_UPGRADE,
  kindOf,
} from './names.ts';
import { Http1Refusal, type Role, type RuleCode } from './rules.ts';
import { isAuthority, isMethod, readTarget } from './target.ts';

/** Content larger than this is handed on as it is, not copied behind the head. */
export const COPY_BYTES_MAX = 8_192;

const NO_SLAB = Buffer.alloc(0);

/** What a head says beside its fields. */
export interface HeadOptions {
  readonly framing: Framing;
  readonly keepAlive: boolean;
  /** Protocol to switch to; empty: none. */
  readonly upgrade: string;
  /** An HTTP/1.0 client asked to keep the connection: it is told that it is kept (RFC 9112 appendix C.2.2). */
  readonly keepAlive10?: boolean;
}

/** Writes the messages of one direction of a connection. */
export class Http1Writer {
  readonly #role: Role;
  #slab: Buffer = NO_SLAB;
  #from = 0;
  #to = 0;
  #ready: Buffer[] = [];
  #chunked = false;
  /** Bytes of content still owed; -1 where nobody counts. */
  #owed = 0;

  constructor(role: Role) {
    this.#role = role;
  }

  /** A request's head. Throws {@link Http1Refusal}. */
  request(
    method: string,
    target: string,
    authority: string,
    headers: readonly string[],
    options: HeadOptions,
  ): void {
    if (!isMethod(method)) this.#refuse('METHOD_UNKNOWN');
    this.#check(target, TARGET, 'TARGET_CHARACTER');
    const parts = readTarget(method, target);
    if (typeof parts === 'string') this.#refuse(parts);
    if (!isAuthority(authority)) this.#refuse('HOST_INVALID');
    const text = `${method} ${target} HTTP/1.1\r\nhost: ${authority}\r\n`;
    this.#head(text, headers, options, false);
  }

  /** A response's head; `bodiless`: it answers HEAD, so its Content-Length only informs. */
  response(
    status: number,
    reason: string,
    headers: readonly string[],
    options: HeadOptions,
    bodiless = false,
  ): void {
    if (!(status >= 100 && status <= 599)) this.#refuse('STATUS_CODE');
    this.#check(reason, VALUE, 'REASON_CHARACTER');
    const never = status < 200 || status === 204;
    if (never && options.framing.kind === 'chunked') this.#refuse('TRANSFER_ENCODING_FORBIDDEN');
    if (never && options.framing.length > 0) this.#refuse('CONTENT_LENGTH_FORBIDDEN');
    const informs = bodiless || status === 304;
    let text = `HTTP/1.1 ${status} ${reason}\r\n`;
    const needsLength = options.framing.kind === 'none' && !informs && status >= 200;
    if (needsLength && status !== 204) text += 'content-length: 0\r\n';
    this.#head(text, headers, options, informs);
  }

  /** Content `chunk[from, to)`. Beyond {@link COPY_BYTES_MAX} the bytes must stay as they are until sent. */
  body(chunk: Buffer, from = 0, to: number = chunk.length): void {
    const size = to - from;
    if (size === 0) return;
    if (this.#owed >= 0) {
      if (size > this.#owed) throw new IsthmusError('INTERNAL', 'more content than was announced');
      this.#owed -= size;
    }
    if (this.#chunked) this.#text(`${size.toString(16)}\r\n`);
    if (size > COPY_BYTES_MAX) {
      this.#cut();
      this.#ready.push(chunk.subarray(from, to));
    } else {
      this.#room(size);
      chunk.copy(this.#slab, this.#to, from, to);
      this.#to += size;
    }
    if (this.#chunked) this.#text('\r\n');
  }

  /** The message is complete; trailers travel only in a chunked one. */
  end(trailers: readonly string[] = []): void {
    if (this.#owed > 0) throw new IsthmusError('INTERNAL', 'less content than was announced');
    if (!this.#chunked) return;
    let text = '0\r\n';
    for (let at = 0; at < trailers.length; at += 2) {
      const name = trailers[at] as string;
      if (kindOf(name.toLowerCase()) !== FIELD_OTHER) this.#refuse('TRAILER_FORBIDDEN');
      text += this.#field(name, trailers[at + 1] as string);
    }
    this.#text(`${text}\r\n`);
    this.#chunked = false;
  }

  /** Hands over what was gathered since, in order; the buffers are never written again. */
  drain(send: (bytes: Buffer) => void): void {
    this.#cut();
    giveSlab(this.#slab, this.#to);
    this.#slab = NO_SLAB;
    this.#from = 0;
    this.#to = 0;
    const ready = this.#ready;
    if (ready.length === 0) return;
    this.#ready = [];
    for (const bytes of ready) send(bytes);
  }

  #head(line: string, headers: readonly string[], options: HeadOptions, informs: boolean): void {
    const { framing, keepAlive, upgrade } = options;
    let text = line;
    for (let at = 0; at < headers.length; at += 2) {
      const name = headers[at] as string;
      const value = headers[at + 1] as string;
      const kind = kindOf(name.toLowerCase());
      if (kind === FIELD_OTHER || !this.#owns(kind)) text += this.#field(name, value);
      else if (kind === FIELD_CONTENT_LENGTH && informs) {
        if (contentLength(value) < 0) this.#refuse('CONTENT_LENGTH_INVALID');
        text += `content-length: ${value}\r\n`;
      }
    }
    this.#chunked = framing.kind === 'chunked' && !informs;
    this.#owed =
      framing.kind === 'length' && !informs
        ? framing.length
        : framing.kind === 'none' || informs
          ? 0
          : -1;
    if (this.#chunked) text += 'transfer-encoding: chunked\r\n';
    else if (framing.kind === 'length' && !informs) text += `content-length: ${framing.length}\r\n`;
    if (upgrade !== '') {
      this.#check(upgrade, VALUE, 'FIELD_VALUE_CHARACTER');
      text += `connection: upgrade\r\nupgrade: ${upgrade}\r\n`;
    } else if (!keepAlive) text += 'connection: close\r\n';
    else if (options.keepAlive10 === true) text += 'connection: keep-alive\r\n';
    this.#text(`${text}\r\n`);
  }

  #owns(kind: number): boolean {
    return (
      kind === FIELD_CONTENT_LENGTH ||
      kind === FIELD_TRANSFER_ENCODING ||
      kind === FIELD_CONNECTION ||
      kind === FIELD_PROXY_CONNECTION ||
      kind === FIELD_UPGRADE ||
      (kind === FIELD_HOST && this.#role === 'request')
    );
  }

  #field(name: string, value: string): string {
    if (name === '') this.#refuse('FIELD_NAME_EMPTY');
    this.#check(name, LOWER, 'FIELD_NAME_CHARACTER');
    this.#check(value, VALUE, 'FIELD_VALUE_CHARACTER');
    return `${name}: ${value}\r\n`;
  }

  #check(text: string, table: Uint8Array, rule: RuleCode): void {
    for (let at = 0; at < text.length; at += 1) {
      // Beyond the table: no byte at all.
      if (!table[text.charCodeAt(at)]) this.#refuse(rule);
    }
  }

  #text(text: string): void {
    this.#room(text.length);
    this.#to += this.#slab.write(text, this.#to, 'latin1');
  }

  #room(size: number): void {
    if (this.#to + size <= this.#slab.length) return;
    this.#cut();
    this.#slab = takeSlab(size);
    this.#from = 0;
    this.#to = 0;
  }

  #cut(): void {
    if (this.#to > this.#from) this.#ready.push(this.#slab.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }

  #refuse(rule: RuleCode): never {
    throw new Http1Refusal(rule, this.#role);
  }
}
