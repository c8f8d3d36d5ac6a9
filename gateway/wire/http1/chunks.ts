/**
 * The lines between the data of a chunked body (RFC 9112 section 7.1). pure
 *
 * A chunk size is hexadecimal digits and nothing else; extensions are read for their form and dropped,
 * for a gateway that hands them on hands on what it does not understand (section 7.1.1).
 */
import { BACKSLASH, CR, DQUOTE, EQUALS, HEX, HTAB, LF, LOWER, SEMICOLON, SP } from './bytes.ts';
import { CHUNK_EXTENSION_BYTES_MAX, CHUNK_SIZE_DIGITS_MAX } from './limits.ts';
import { Http1Refusal, type Role, type RuleCode } from './rules.ts';

const SIZE = 0;
const EXT_NAME_FIRST = 1;
const EXT_NAME = 2;
const EXT_VALUE_FIRST = 3;
const EXT_VALUE = 4;
const EXT_QUOTED = 5;
const EXT_ESCAPE = 6;
const EXT_QUOTE_END = 7;
const SIZE_LF = 8;
const DATA_CR = 9;
const DATA_LF = 10;
const DONE = 11;

/** Reads one chunk line at a time; the parser reads the data. */
export class ChunkLines {
  readonly #role: Role;
  #phase = SIZE;
  #digits = 0;
  #extensionBytes = 0;
  /** Size of the chunk whose line is done. */
  size = 0;

  constructor(role: Role) {
    this.#role = role;
  }

  /** Whether a size line is complete. */
  get done(): boolean {
    return this.#phase === DONE;
  }

  /** Makes ready for the first size line of a body. */
  begin(): void {
    this.#phase = SIZE;
    this.#digits = 0;
    this.#extensionBytes = 0;
    this.size = 0;
  }

  /** Makes ready for the line end after a chunk's data, and the size line that follows. */
  afterData(): void {
    this.#phase = DATA_CR;
    this.#digits = 0;
    this.size = 0;
  }

  /** Reads on in `buf[from, end)`; returns where it stopped. */
  scan(buf: Buffer, from: number, end: number): number {
    let pos = from;
    while (pos < end && this.#phase !== DONE) {
      this.#take(buf[pos] as number);
      pos += 1;
    }
    return pos;
  }

  #take(byte: number): void {
    switch (this.#phase) {
      case SIZE:
        this.#sizeByte(byte);
        return;
      case SIZE_LF:
        if (byte !== LF) this.#refuse('BARE_CR');
        this.#phase = DONE;
        return;
      case DATA_CR:
        if (byte !== CR) this.#refuse('CHUNK_END');
        this.#phase = DATA_LF;
        return;
      case DATA_LF:
        if (byte !== LF) this.#refuse('CHUNK_END');
        this.#phase = SIZE;
        return;
      default:
        this.#extensionBytes += 1;
        if (this.#extensionBytes > CHUNK_EXTENSION_BYTES_MAX)
          this.#refuse('CHUNK_EXTENSION_TOO_LONG');
        this.#extensionByte(byte);
    }
  }

  #sizeByte(byte: number): void {
    const digit = HEX[byte] as number;
    if (digit < 16) {
      this.#digits += 1;
      this.size = this.size * 16 + digit;
      if (this.#digits > CHUNK_SIZE_DIGITS_MAX || this.size > Number.MAX_SAFE_INTEGER) {
        this.#refuse('CHUNK_SIZE_OVERFLOW');
      }
      return;
    }
    if (byte === LF) this.#refuse('BARE_LF');
    if (this.#digits === 0) this.#refuse('CHUNK_SIZE_INVALID');
    if (byte === CR) this.#phase = SIZE_LF;
    else if (byte === SEMICOLON) this.#phase = EXT_NAME_FIRST;
    else this.#refuse('CHUNK_SIZE_INVALID');
  }

  /** `name`, `name=token` or `name="quoted"`, without the white space that a recipient may refuse. */
  #extensionByte(byte: number): void {
    if (byte === LF) this.#refuse('BARE_LF');
    const isToken = LOWER[byte] !== 0;
    switch (this.#phase) {
      case EXT_NAME_FIRST:
        this.#need(isToken);
        this.#phase = EXT_NAME;
        return;
      case EXT_NAME:
        if (byte === EQUALS) this.#phase = EXT_VALUE_FIRST;
        else if (!isToken) this.#extensionEnd(byte);
        return;
      case EXT_VALUE_FIRST:
        this.#need(isToken || byte === DQUOTE);
        this.#phase = byte === DQUOTE ? EXT_QUOTED : EXT_VALUE;
        return;
      case EXT_VALUE:
        if (!isToken) this.#extensionEnd(byte);
        return;
      case EXT_QUOTED:
        if (byte === DQUOTE) this.#phase = EXT_QUOTE_END;
        else if (byte === BACKSLASH) this.#phase = EXT_ESCAPE;
        else this.#need(isQuotable(byte));
        return;
      case EXT_ESCAPE:
        this.#need(isQuotable(byte));
        this.#phase = EXT_QUOTED;
        return;
      default:
        this.#extensionEnd(byte);
    }
  }

  #extensionEnd(byte: number): void {
    this.#need(byte === CR || byte === SEMICOLON);
    this.#phase = byte === CR ? SIZE_LF : EXT_NAME_FIRST;
  }

  #need(good: boolean): void {
    if (!good) this.#refuse('CHUNK_EXTENSION_INVALID');
  }

  #refuse(rule: RuleCode): never {
    throw new Http1Refusal(rule, this.#role);
  }
}

function isQuotable(byte: number): boolean {
  return byte === HTAB || (byte >= SP && byte < 0x7f);
}
