/**
 * A block as it is put together, field by field, with all that a message needs to know of it. pure
 *
 * Whatever looks odd leaves `pseudo` at -1: then the list is judged as a list, which is slower and says
 * what is wrong. Nothing here refuses anything.
 */
import { seeing } from '../seen.ts';
import { HeaderBlock } from './block.ts';
import { type FieldName, NAME, PSEUDO_NAMES } from './names.ts';
import { ENTRY_OVERHEAD_BYTES } from './table.ts';
import { BYTE } from './values.ts';

/** No list is made longer than this before its fields have come. */
const ROOM_MAX = 256;
const LENGTH_DIGITS_MAX = 15;

export class BlockBuilder {
  /** Size of the list so far, as SETTINGS_MAX_HEADER_LIST_SIZE counts. */
  listBytes = 0;
  #maxBytes = 0;
  #list: string[] = NONE;
  #count = 0;
  #sensitive: ReadonlySet<string> | undefined;
  #several: Set<string> | undefined;
  #odd = false;
  #pseudo = 0;
  #seen = 0;
  #fieldsAt = -1;
  #contentLength = -1;
  #status = 0;
  #method = '';
  #scheme = '';
  #path = '';
  #authority = '';
  #protocol = '';
  #host = '';

  /** A new block, of at most `maxBytes`; its list is likely to get as long as `room`. */
  begin(maxBytes: number, room: number): void {
    this.#maxBytes = maxBytes;
    // Made for this block alone: to fill a list that lives on costs a note for the collector per value.
    this.#list = new Array<string>(Math.min(room, ROOM_MAX));
    this.listBytes = 0;
    this.#count = 0;
    this.#sensitive = undefined;
    this.#several = undefined;
    this.#odd = false;
    this.#pseudo = 0;
    this.#seen = 0;
    this.#fieldsAt = -1;
    this.#contentLength = -1;
    this.#status = 0;
    this.#method = '';
    this.#scheme = '';
    this.#path = '';
    this.#authority = '';
    this.#protocol = '';
    this.#host = '';
  }

  /** The next field; its value has `length` characters, and `classes` says what is wrong with them. */
  add(name: FieldName, value: string, length: number, classes: number, sensitive: boolean): void {
    // Whoever sends it on hides a credential by itself.
    if (sensitive && !name.sensitive && this.listBytes <= this.#maxBytes) this.#hide(name);
    this.listBytes += name.length + length + ENTRY_OVERHEAD_BYTES;
    if (this.listBytes > this.#maxBytes) return;
    const at = this.#count;
    this.#list[at] = name.text;
    this.#list[at + 1] = value;
    this.#count = at + 2;
    if ((classes & BYTE.FIELD) !== 0) this.#odd = true;
    const { kind } = name;
    if (kind <= PSEUDO_NAMES) {
      if (this.#fieldsAt >= 0 || (this.#pseudo & kind) !== 0) this.#odd = true;
      this.#pseudo |= kind;
      this.#pseudoHeader(kind, value, classes);
      return;
    }
    if (this.#fieldsAt < 0) this.#fieldsAt = at;
    if (name.seen !== 0) this.#seen = seeing(this.#seen, name.seen);
    if (kind !== NAME.PLAIN) this.#special(kind, value, classes);
  }

  /** The block; the list is its own. */
  end(): HeaderBlock {
    const list = this.#list;
    const headers = list.length === this.#count ? list : list.slice(0, this.#count);
    this.#list = NONE;
    const block = new HeaderBlock(headers, this.#sensitive, this.listBytes > this.#maxBytes);
    block.fieldsAt = this.#fieldsAt < 0 ? this.#count : this.#fieldsAt;
    block.contentLength = this.#contentLength;
    block.seen = this.#seen;
    block.status = this.#status;
    block.method = this.#method;
    block.scheme = this.#scheme;
    block.path = this.#path;
    block.authority = this.#authority;
    block.protocol = this.#protocol;
    // A request's host has to be its authority; that of an answer means nothing.
    const host = this.#host !== '' && (this.#pseudo & NAME.METHOD) !== 0;
    const differs = host && this.#host !== this.#authority;
    if (!this.#odd && !differs) block.pseudo = this.#pseudo;
    return block;
  }

  #pseudoHeader(kind: number, value: string, classes: number): void {
    switch (kind) {
      case NAME.METHOD:
        this.#method = value;
        break;
      case NAME.SCHEME:
        this.#scheme = value;
        break;
      case NAME.PATH:
        this.#path = value;
        if ((classes & BYTE.PATH) !== 0 || value.charCodeAt(0) !== SLASH) this.#odd = true;
        break;
      case NAME.AUTHORITY:
        this.#authority = value;
        if ((classes & BYTE.AUTHORITY) !== 0 || value === '') this.#odd = true;
        break;
      case NAME.PROTOCOL:
        this.#protocol = value;
        break;
      default:
        if ((classes & BYTE.NUMBER) !== 0 || value.length !== 3) this.#odd = true;
        else this.#status = digits(value);
        if (this.#status < 100 || this.#status === 101) this.#odd = true;
    }
  }

  #special(kind: number, value: string, classes: number): void {
    if (kind === NAME.LENGTH) {
      const { length } = value;
      if ((classes & BYTE.NUMBER) !== 0 || length === 0 || length > LENGTH_DIGITS_MAX)
        this.#odd = true;
      else if (this.#contentLength >= 0) this.#odd = true;
      else this.#contentLength = digits(value);
    } else if (kind === NAME.HOST) {
      if (this.#host !== '' || value === '') this.#odd = true;
      this.#host = value;
    } else if (kind !== NAME.TE || value !== 'trailers') this.#odd = true;
  }

  #hide(name: FieldName): void {
    if (this.#sensitive === undefined) {
      this.#sensitive = name.alone;
      return;
    }
    if (this.#sensitive.has(name.text)) return;
    this.#several ??= new Set(this.#sensitive);
    this.#several.add(name.text);
    this.#sensitive = this.#several;
  }
}

const SLASH = 0x2f;
const NONE: string[] = [];

function digits(text: string): number {
  let value = 0;
  for (let at = 0; at < text.length; at += 1) value = value * 10 + text.charCodeAt(at) - 0x30;
  return value;
}
