/**
 * HTTP/1.1 from messages to bytes: heads, chunks and small bodies gathered into one buffer. pure
 *
 * The writer owns the fields of the hop (`Connection`, `Upgrade`, framing, `Host`): in the lists given
 * they are left out. What the parser would refuse it refuses, so that no value can become a header.
 */
import { IsthmusError } from '#core/errors.ts';
import { giveSlab, takeSlab } from '../slabs.ts';
import { contentLength } from './fields.ts';
import { FRAMING_NONE, type Framing, framingOfLength } from './message.ts';
import {
  FIELD_CONNECTION,
  FIELD_CONTENT_LENGTH,
  FIELD_HOST,
  FIELD_OTHER,
  FIELD_PROXY_CONNECTION,
  FIELD_TRANSFER_ENCODING,
  FIELD_UPGRADE,
  writtenKind,
} from './names.ts';
import { Http1Refusal, type Role, type RuleCode } from './rules.ts';
import { isAuthority, isMethod, readTarget } from './target.ts';

/** Content larger than this is handed on as it is, not copied behind the head. */
export const COPY_BYTES_MAX = 8_192;

/** A character that is no byte of a field value: what VALUE says, compiled. */
const NO_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/** The same of a request target: what TARGET says. */
const NO_TARGET = /[^\x21\x22\x24-\x7e]/;

const NO_CONTENT = framingOfLength(0);
const NO_SLAB = Buffer.alloc(0);

/** What a head says beside its fields. */
export interface HeadOptions {
  readonly framing: Framing;
  readonly keepAlive: boolean;
  /** Protocol to switch to; empty: none. */
  readonly upgrade: string;
  /**
   * The other side speaks HTTP/1.0: that the connection stays must be said (RFC 9112 section 9.3), and interim
   * answers, upgrades and the chunked coding do not exist. How a body without a length ends is the caller's choice.
   */
  readonly http10?: boolean;
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
    if (NO_TARGET.test(target)) this.#refuse('TARGET_CHARACTER');
    const parts = readTarget(method, target);
    if (typeof parts === 'string') this.#refuse(parts);
    if (!isAuthority(authority)) this.#refuse('HOST_INVALID');
    const { kind, length } = options.framing;
    if (method === 'CONNECT' && (kind === 'chunked' || length > 0)) this.#refuse('CONNECT_CONTENT');
    if (kind === 'untilClose') throw new IsthmusError('INTERNAL', 'a request that ends by closing');
    const text = `${method} ${target} HTTP/1.1\r\nhost: ${authority}\r\n`;
    this.#head(text, headers, options, options.framing, false);
  }

  /**
   * A response's head; `bodiless`: it answers HEAD. Of HEAD and 304 the Content-Length only informs, and is
   * that of the list, or else of the framing; 1xx and 204 have none (RFC 9110 section 8.6).
   */
  response(
    status: number,
    reason: string,
    headers: readonly string[],
    options: HeadOptions,
    bodiless = false,
  ): void {
    if (!(status >= 100 && status <= 599)) this.#refuse('STATUS_CODE');
    if (NO_VALUE.test(reason)) this.#refuse('REASON_CHARACTER');
    const { framing, upgrade, http10 } = options;
    if (status < 200 && http10) throw new IsthmusError('INTERNAL', `${status} to HTTP/1.0`);
    if (status === 101 && upgrade === '') this.#refuse('SWITCH_UNNAMED');
    const never = status < 200 || status === 204;
    if (never && framing.kind === 'chunked') this.#refuse('TRANSFER_ENCODING_FORBIDDEN');
    if (never && framing.length > 0) this.#refuse('CONTENT_LENGTH_FORBIDDEN');
    const informs = !never && (bodiless || status === 304);
    let bounds = framing;
    if (never && framing.kind !== 'raw') bounds = FRAMING_NONE;
    else if (framing.kind === 'none' && !informs && !never) bounds = NO_CONTENT;
    this.#head(`HTTP/1.1 ${status} ${reason}\r\n`, headers, options, bounds, informs);
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

  /**
   * The message is complete. Trailers travel in a chunked one; any other has no place for them, and they are
   * dropped on purpose: RFC 9110 section 6.5.1 lets every hop do so, and no sender may rely on them.
   */
  end(trailers: readonly string[] = []): void {
    if (this.#owed > 0) throw new IsthmusError('INTERNAL', 'less content than was announced');
    this.#owed = 0;
    if (!this.#chunked) return;
    let text = '0\r\n';
    for (let at = 0; at < trailers.length; at += 2) {
      const name = trailers[at] as string;
      if (this.#kindOf(name) !== FIELD_OTHER) this.#refuse('TRAILER_FORBIDDEN');
      const value = trailers[at + 1] as string;
      if (NO_VALUE.test(value)) this.#refuse('FIELD_VALUE_CHARACTER');
      text += `${name}: ${value}\r\n`;
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

  #head(
    line: string,
    headers: readonly string[],
    options: HeadOptions,
    framing: Framing,
    informs: boolean,
  ): void {
    const { keepAlive, upgrade, http10 } = options;
    if (this.#owed !== 0) throw new IsthmusError('INTERNAL', 'the last message is not complete');
    const chunked = framing.kind === 'chunked' && !informs;
    if (http10 && (chunked || upgrade !== '')) {
      throw new IsthmusError('INTERNAL', `${chunked ? 'chunked' : 'an upgrade'} to HTTP/1.0`);
    }
    let text = line;
    let length = framing.kind === 'length' ? String(framing.length) : '';
    for (let at = 0; at < headers.length; at += 2) {
      const name = headers[at] as string;
      const value = headers[at + 1] as string;
      const kind = this.#kindOf(name);
      if (kind === FIELD_OTHER || !this.#owns(kind)) {
        if (NO_VALUE.test(value)) this.#refuse('FIELD_VALUE_CHARACTER');
        text += `${name}: ${value}\r\n`;
      } else if (kind === FIELD_CONTENT_LENGTH && informs) {
        if (contentLength(value) < 0) this.#refuse('CONTENT_LENGTH_INVALID');
        length = value;
      }
    }
    if (chunked) text += 'transfer-encoding: chunked\r\n';
    else if (length !== '') text += `content-length: ${length}\r\n`;
    const closes = !keepAlive || (framing.kind === 'untilClose' && !informs);
    if (upgrade !== '') {
      if (NO_VALUE.test(upgrade)) this.#refuse('FIELD_VALUE_CHARACTER');
      text += `connection: upgrade${closes ? ', close' : ''}\r\nupgrade: ${upgrade}\r\n`;
    } else if (closes) text += 'connection: close\r\n';
    else if (http10) text += 'connection: keep-alive\r\n';
    this.#text(`${text}\r\n`);
    this.#chunked = chunked;
    this.#owed =
      informs || framing.kind === 'none' ? 0 : framing.kind === 'length' ? framing.length : -1;
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

  #kindOf(name: string): number {
    const kind = writtenKind(name);
    if (kind < 0) this.#refuse('FIELD_NAME_CHARACTER');
    if (name === '') this.#refuse('FIELD_NAME_EMPTY');
    return kind;
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
