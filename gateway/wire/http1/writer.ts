/**
 * HTTP/1.1 from messages to bytes: heads, chunks and small bodies gathered into one buffer. pure
 *
 * The writer owns the fields of the hop (`Connection`, `Upgrade`, framing, `Host`): in the lists given
 * they are left out. What the parser would refuse it refuses, so that no value can become a header.
 */
import { IsthmusError } from '#core/errors.ts';
import { giveSlab, restAt, takeSlab } from '../slabs.ts';
import { CR, LF, SP } from './bytes.ts';
import { contentLength } from './fields.ts';
import { FIELDS_MAX } from './limits.ts';
import { FRAMING_NONE, type Framing, framingOfLength } from './message.ts';
import {
  FIELD_CONNECTION,
  FIELD_CONTENT_LENGTH,
  FIELD_HOST,
  FIELD_OTHER,
  FIELD_PROXY_CONNECTION,
  FIELD_TRANSFER_ENCODING,
  FIELD_UPGRADE,
  type WrittenName,
  writtenName,
} from './names.ts';
import { putAscii, putBytes, putDecimal, putHex, putTarget, putValue, SPARE_BYTES } from './put.ts';
import { Http1Refusal, type Role, type RuleCode } from './rules.ts';
import { statusLine } from './status-line.ts';
import { isAuthority, isMethod, isPath, readTarget } from './target.ts';

/** Content larger than this is handed on as it is, not copied behind the head. */
export const COPY_BYTES_MAX = 8_192;

const NO_CONTENT = framingOfLength(0);
const NO_SLAB = Buffer.alloc(0);
const NO_READY: Buffer[] = [];
/** What {@link Http1Writer.drain} most often has: one list for all writers. */
const ONE: Buffer[] = [NO_SLAB];

/** Room for what a head holds beside method, target, authority, reason, upgrade and fields. */
const FIXED_BYTES = 256;
/** Room for the line before a chunk, and the end of the line behind it. */
const CHUNK_LINES_BYTES = 20;
/** Room for the last chunk, the empty line, and what a value may need beyond itself. */
const LAST_CHUNK_BYTES = 5 + SPARE_BYTES;

const VERSION_AND_HOST = Buffer.from(' HTTP/1.1\r\nhost: ', 'latin1');
const CHUNKED = Buffer.from('transfer-encoding: chunked\r\n', 'latin1');
const LENGTH = Buffer.from('content-length: ', 'latin1');
const CLOSE = Buffer.from('connection: close\r\n', 'latin1');
const KEEP_ALIVE = Buffer.from('connection: keep-alive\r\n', 'latin1');
const SWITCH = Buffer.from('connection: upgrade\r\nupgrade: ', 'latin1');
const SWITCH_LAST = Buffer.from('connection: upgrade, close\r\nupgrade: ', 'latin1');

type Guesses = (WrittenName | undefined)[];

/**
 * The names that the last heads held, by their place: the next head's most often come in the same
 * order. A guess that is wrong costs a look into a map.
 */
const requestNames: Guesses = new Array(FIELDS_MAX).fill(undefined);
const responseNames: Guesses = new Array(FIELDS_MAX).fill(undefined);

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
  /** The line that says when an answer came whose fields do not tell; without it nothing is said. */
  readonly date?: Buffer | undefined;
}

/** Writes the messages of one direction of a connection. */
export class Http1Writer {
  readonly #role: Role;
  readonly #guesses: Guesses;
  #slab: Buffer = NO_SLAB;
  #from = 0;
  #to = 0;
  #ready: Buffer[] = NO_READY;
  #chunked = false;
  /** Bytes of content still owed; -1 where nobody counts. */
  #owed = 0;

  constructor(role: Role) {
    this.#role = role;
    this.#guesses = role === 'request' ? requestNames : responseNames;
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
    this.#roomForHead(target.length + authority.length, headers, options);
    const out = this.#slab;
    let at = putAscii(out, this.#to, method);
    out[at] = SP;
    at = putTarget(out, at + 1, target);
    if (at < 0) this.#refuse('TARGET_CHARACTER');
    if (!isPath(method, target)) {
      const parts = readTarget(method, target);
      if (typeof parts === 'string') this.#refuse(parts);
    }
    if (!isAuthority(authority)) this.#refuse('HOST_INVALID');
    const { kind, length } = options.framing;
    if (method === 'CONNECT' && (kind === 'chunked' || length > 0)) this.#refuse('CONNECT_CONTENT');
    if (kind === 'untilClose') throw new IsthmusError('INTERNAL', 'a request that ends by closing');
    at = putAscii(out, putBytes(out, at, VERSION_AND_HOST), authority);
    this.#head(lineEnd(out, at), headers, options, options.framing, false);
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
    const line = statusLine(status, reason);
    if (line === undefined) this.#refuse('REASON_CHARACTER');
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
    this.#roomForHead(line.length, headers, options);
    const at = putBytes(this.#slab, this.#to, line);
    this.#head(at, headers, options, bounds, informs);
  }

  /** Content `chunk[from, to)`. Beyond {@link COPY_BYTES_MAX} the bytes must stay as they are until sent. */
  body(chunk: Buffer, from = 0, to: number = chunk.length): void {
    const size = to - from;
    if (size === 0) return;
    if (this.#owed >= 0) {
      if (size > this.#owed) throw new IsthmusError('INTERNAL', 'more content than was announced');
      this.#owed -= size;
    }
    const copied = size <= COPY_BYTES_MAX ? size : 0;
    if (copied > 0 || this.#chunked) this.#room(copied + CHUNK_LINES_BYTES);
    if (this.#chunked) this.#to = lineEnd(this.#slab, putHex(this.#slab, this.#to, size));
    if (copied > 0) {
      chunk.copy(this.#slab, this.#to, from, to);
      this.#to += size;
    } else {
      this.#cut();
      if (this.#ready === NO_READY) this.#ready = [];
      this.#ready.push(chunk.subarray(from, to));
    }
    if (this.#chunked) this.#to = lineEnd(this.#slab, this.#to);
  }

  /**
   * The message is complete. Trailers travel in a chunked one; any other has no place for them, and they are
   * dropped on purpose: RFC 9110 section 6.5.1 lets every hop do so, and no sender may rely on them.
   */
  end(trailers: readonly string[] = []): void {
    if (this.#owed > 0) throw new IsthmusError('INTERNAL', 'less content than was announced');
    this.#owed = 0;
    if (!this.#chunked) return;
    let size = LAST_CHUNK_BYTES + 2 * trailers.length;
    for (let at = 0; at < trailers.length; at += 1) size += (trailers[at] as string).length;
    this.#room(size);
    const out = this.#slab;
    let to = lineEnd(out, putHex(out, this.#to, 0));
    for (let at = 0; at < trailers.length; at += 2) {
      const name = this.#name(trailers[at] as string);
      if (name.kind !== FIELD_OTHER) this.#refuse('TRAILER_FORBIDDEN');
      to = putValue(out, putBytes(out, to, name.bytes), trailers[at + 1] as string);
      if (to < 0) this.#refuse('FIELD_VALUE_CHARACTER');
      to = lineEnd(out, to);
    }
    this.#to = lineEnd(out, to);
    this.#chunked = false;
  }

  /**
   * Hands over what was gathered since, in order; the buffers are never written again. The list itself
   * is good until any writer drains again.
   */
  drain(): readonly Buffer[] {
    const slab = this.#slab;
    let list: Buffer[] = NO_READY;
    if (this.#ready !== NO_READY) {
      this.#cut();
      list = this.#ready;
      this.#ready = NO_READY;
    } else if (this.#to > this.#from) {
      ONE[0] = slab.subarray(this.#from, this.#to);
      list = ONE;
    }
    if (slab !== NO_SLAB) this.#letGo();
    return list;
  }

  /** Goes on at `start`, behind the start line. Only a whole head counts as written. */
  #head(
    start: number,
    headers: readonly string[],
    options: HeadOptions,
    framing: Framing,
    informs: boolean,
  ): void {
    const { keepAlive, upgrade, http10, date } = options;
    if (this.#owed !== 0) throw new IsthmusError('INTERNAL', 'the last message is not complete');
    const chunked = framing.kind === 'chunked' && !informs;
    if (http10 && (chunked || upgrade !== '')) {
      throw new IsthmusError('INTERNAL', `${chunked ? 'chunked' : 'an upgrade'} to HTTP/1.0`);
    }
    const out = this.#slab;
    const guesses = this.#guesses;
    let to = start;
    let length = '';
    for (let at = 0; at < headers.length; at += 2) {
      const value = headers[at + 1] as string;
      let name = at < 2 * FIELDS_MAX ? guesses[at >> 1] : undefined;
      if (name === undefined || name.text !== headers[at]) {
        name = this.#name(headers[at] as string);
        if (at < 2 * FIELDS_MAX && name.kept) guesses[at >> 1] = name;
      }
      const { kind } = name;
      if (kind === FIELD_OTHER || !this.#owns(kind)) {
        to = putValue(out, putBytes(out, to, name.bytes), value);
        if (to < 0) this.#refuse('FIELD_VALUE_CHARACTER');
        to = lineEnd(out, to);
      } else if (kind === FIELD_CONTENT_LENGTH && informs) {
        if (contentLength(value) < 0) this.#refuse('CONTENT_LENGTH_INVALID');
        length = value;
      }
    }
    if (date !== undefined) to = putBytes(out, to, date);
    if (chunked) to = putBytes(out, to, CHUNKED);
    else if (length !== '') to = lineEnd(out, putAscii(out, putBytes(out, to, LENGTH), length));
    else if (framing.kind === 'length') {
      to = lineEnd(out, putDecimal(out, putBytes(out, to, LENGTH), framing.length));
    }
    const closes = !keepAlive || (framing.kind === 'untilClose' && !informs);
    if (upgrade !== '') {
      to = putValue(out, putBytes(out, to, closes ? SWITCH_LAST : SWITCH), upgrade);
      if (to < 0) this.#refuse('FIELD_VALUE_CHARACTER');
      to = lineEnd(out, to);
    } else if (closes) to = putBytes(out, to, CLOSE);
    else if (http10) to = putBytes(out, to, KEEP_ALIVE);
    this.#to = lineEnd(out, to);
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

  #name(text: string): WrittenName {
    const name = writtenName(text);
    if (name === undefined) this.#refuse('FIELD_NAME_CHARACTER');
    if (text === '') this.#refuse('FIELD_NAME_EMPTY');
    return name;
  }

  /** Makes room for a whole head; `bytes`: its start line, the fixed parts aside. */
  #roomForHead(bytes: number, headers: readonly string[], options: HeadOptions): void {
    // Colon, space and line end of a field are four.
    let size = FIXED_BYTES + bytes + options.upgrade.length + 2 * headers.length;
    for (let at = 0; at < headers.length; at += 1) size += (headers[at] as string).length;
    this.#room(size);
  }

  #room(size: number): void {
    if (this.#to + size <= this.#slab.length) return;
    this.#cut();
    this.#slab = takeSlab(size);
    this.#from = restAt;
    this.#to = restAt;
  }

  #cut(): void {
    if (this.#to > this.#from) {
      if (this.#ready === NO_READY) this.#ready = [];
      this.#ready.push(this.#slab.subarray(this.#from, this.#to));
    }
    this.#from = this.#to;
  }

  #letGo(): void {
    giveSlab(this.#slab, this.#to);
    this.#slab = NO_SLAB;
    this.#from = 0;
    this.#to = 0;
  }

  #refuse(rule: RuleCode): never {
    // What was written of a refused head lies behind all that counts; nobody may ask for the rest again.
    if (this.#slab !== NO_SLAB && this.#from === this.#to) this.#letGo();
    throw new Http1Refusal(rule, this.#role);
  }
}

function lineEnd(out: Buffer, at: number): number {
  out[at] = CR;
  out[at + 1] = LF;
  return at + 2;
}
