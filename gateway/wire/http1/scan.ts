/**
 * The bytes of a head or trailer section, looked at once each. pure
 *
 * The scanner stops wherever the bytes stop and goes on there, so a head cut anywhere is read the same,
 * and a forbidden byte is refused the moment it comes. It notes where parts begin and end, as offsets
 * from the head's first byte; strings are made when the head is whole.
 */
import { COLON, CR, HTAB, LF, LOWER, SP, TARGET, VALUE } from './bytes.ts';
import { FIELDS_MAX, LEADING_EMPTY_LINES_MAX, START_LINE_BYTES_MAX } from './limits.ts';
import { type FieldName, fieldName, isField } from './names.ts';
import { fieldRule, nameRule, targetRule, versionRule } from './offences.ts';
import { Http1Refusal, type Role, type RuleCode } from './rules.ts';

const START = 0;
const START_LF = 1;
const METHOD = 2;
const TARGET_PART = 3;
const VERSION = 4;
const VERSION_END = 5;
const STATUS_VERSION = 6;
const STATUS_SPACE = 7;
const STATUS = 8;
const STATUS_END = 9;
const REASON = 10;
const LINE_LF = 11;
const FIELD_START = 12;
const NAME = 13;
const VALUE_START = 14;
const VALUE_PART = 15;
const VALUE_LF = 16;
const LAST_LF = 17;
const DONE = 18;

const HTTP = Buffer.from('HTTP/1.', 'latin1');
/** Bytes of "HTTP/1.1" and its line end. */
const VERSION_LINE = HTTP.length + 3;
const ZERO = 0x30;

/** Where fields were found: a kilobyte that only a connection needs which is reading a message. */
interface Notes {
  readonly names: FieldName[];
  readonly ends: Int32Array;
}

const NO_NOTES: Notes = { names: [], ends: new Int32Array(0) };
const SPARE_MAX = 64;
const spare: Notes[] = [];

/** Reads one head, or one trailer section, at a time. Offsets count from the head's first byte. */
export class HeadScanner {
  readonly #role: Role;
  #phase = START;
  #mark = 0;
  #emptyLines = 0;
  /** Bytes of the version read, then digits of the status. */
  #matched = 0;

  methodFrom = 0;
  methodTo = 0;
  targetFrom = 0;
  targetTo = 0;
  reasonFrom = 0;
  reasonTo = 0;
  minor = 0;
  status = 0;
  /** Fields so far: their {@link names}, and where each value begins and {@link ends}. Beyond: older ones. */
  count = 0;
  names: FieldName[] = NO_NOTES.names;
  ends: Int32Array = NO_NOTES.ends;
  #notes = NO_NOTES;

  constructor(role: Role) {
    this.#role = role;
  }

  /** Whether the section is whole. */
  get done(): boolean {
    return this.#phase === DONE;
  }

  /** Whether nothing of a message was read yet: empty lines do not count. */
  get idle(): boolean {
    return this.#phase === START;
  }

  /** Makes ready for a head, or for a trailer section. */
  begin(section: 'head' | 'trailers'): void {
    if (section === 'head') this.#giveNotes();
    this.#phase = section === 'head' ? START : FIELD_START;
    this.#emptyLines = 0;
    this.#matched = 0;
    this.status = 0;
    this.count = 0;
  }

  /** Reads on in `buf[pos, end)`; the section began at `base`. Returns where it stopped. */
  scan(buf: Buffer, from: number, end: number, base: number): number {
    let pos = from;
    if (this.#notes === NO_NOTES) this.#takeNotes();
    if (this.#phase < FIELD_START) {
      const most = Math.min(end, base + START_LINE_BYTES_MAX);
      pos =
        this.#role === 'request'
          ? this.#request(buf, pos, most, base)
          : this.#response(buf, pos, most, base);
      if (this.#phase < FIELD_START) {
        if (pos - base >= START_LINE_BYTES_MAX) this.#refuse('START_LINE_TOO_LONG');
        return pos;
      }
    }
    return this.#fields(buf, pos, end, base);
  }

  #takeNotes(): void {
    const notes = spare.pop() ?? { names: [], ends: new Int32Array(2 * FIELDS_MAX) };
    this.#notes = notes;
    this.names = notes.names;
    this.ends = notes.ends;
  }

  #giveNotes(): void {
    const notes = this.#notes;
    if (notes === NO_NOTES) return;
    this.#notes = NO_NOTES;
    this.names = NO_NOTES.names;
    this.ends = NO_NOTES.ends;
    if (spare.length < SPARE_MAX) spare.push(notes);
  }

  #request(buf: Buffer, from: number, end: number, base: number): number {
    let pos = from;
    while (pos < end) {
      const byte = buf[pos] as number;
      switch (this.#phase) {
        case START:
        case START_LF:
          if (this.#before(byte)) pos += 1;
          else {
            this.methodFrom = pos - base;
            this.#phase = METHOD;
          }
          break;
        case METHOD:
          while (pos < end && LOWER[buf[pos] as number] !== 0) pos += 1;
          if (pos === end) return pos;
          this.methodTo = pos - base;
          if (buf[pos] !== SP || this.methodTo === this.methodFrom)
            this.#refuse('METHOD_CHARACTER');
          pos += 1;
          this.targetFrom = pos - base;
          this.#phase = TARGET_PART;
          break;
        case TARGET_PART:
          while (pos < end && TARGET[buf[pos] as number] !== 0) pos += 1;
          if (pos === end) return pos;
          this.targetTo = pos - base;
          if (buf[pos] !== SP) this.#refuse(targetRule(buf[pos] as number));
          if (this.targetTo === this.targetFrom) this.#refuse('REQUEST_LINE_SPACE');
          pos += 1;
          this.#phase = VERSION;
          break;
        case VERSION:
          if (this.#matched === 0 && end - pos >= VERSION_LINE && isVersionLine(buf, pos)) {
            this.minor = (buf[pos + HTTP.length] as number) - ZERO;
            this.#phase = FIELD_START;
            return pos + VERSION_LINE;
          }
          this.#version(byte);
          pos += 1;
          if (this.#matched > HTTP.length) this.#phase = VERSION_END;
          break;
        case VERSION_END:
          if (byte !== CR)
            this.#refuse(byte === LF ? 'BARE_LF' : byte === SP ? 'REQUEST_LINE_SPACE' : 'VERSION');
          pos += 1;
          this.#phase = LINE_LF;
          break;
        default:
          if (byte !== LF) this.#refuse('BARE_CR');
          this.#phase = FIELD_START;
          return pos + 1;
      }
    }
    return pos;
  }

  #response(buf: Buffer, from: number, end: number, base: number): number {
    let pos = from;
    while (pos < end) {
      const byte = buf[pos] as number;
      switch (this.#phase) {
        case START:
        case START_LF:
          if (this.#before(byte)) pos += 1;
          else this.#phase = STATUS_VERSION;
          break;
        case STATUS_VERSION:
          this.#version(byte);
          pos += 1;
          if (this.#matched > HTTP.length) this.#phase = STATUS_SPACE;
          break;
        case STATUS_SPACE:
          if (byte !== SP) this.#refuse('VERSION');
          pos += 1;
          this.#matched = 0;
          this.#phase = STATUS;
          break;
        case STATUS: {
          const digit = byte - ZERO;
          if (digit < 0 || digit > 9) this.#refuse('STATUS_CODE');
          this.status = this.status * 10 + digit;
          this.#matched += 1;
          pos += 1;
          if (this.#matched === 3) this.#phase = STATUS_END;
          break;
        }
        case STATUS_END:
          if (this.status < 100 || this.status > 599) this.#refuse('STATUS_CODE');
          if (byte !== SP && byte !== CR) this.#refuse(byte === LF ? 'BARE_LF' : 'STATUS_CODE');
          // The space before an absent reason is often forgotten; nothing can be read into that.
          if (byte === SP) pos += 1;
          this.reasonFrom = pos - base;
          this.#phase = REASON;
          break;
        case REASON:
          while (pos < end && VALUE[buf[pos] as number] !== 0) pos += 1;
          if (pos === end) return pos;
          if (buf[pos] !== CR) this.#refuse(buf[pos] === LF ? 'BARE_LF' : 'REASON_CHARACTER');
          this.reasonTo = pos - base;
          pos += 1;
          this.#phase = LINE_LF;
          break;
        default:
          if (byte !== LF) this.#refuse('BARE_CR');
          this.#phase = FIELD_START;
          return pos + 1;
      }
    }
    return pos;
  }

  #fields(buf: Buffer, from: number, end: number, base: number): number {
    const { names, ends } = this;
    let pos = from;
    let phase = this.#phase;
    let count = this.count;
    let mark = base + this.#mark;
    while (pos < end) {
      if (phase === FIELD_START) {
        const byte = buf[pos] as number;
        if (byte === CR) {
          phase = LAST_LF;
          pos += 1;
          continue;
        }
        if (LOWER[byte] === 0) this.#refuse(fieldRule(byte, count));
        if (count === FIELDS_MAX) this.#refuse('FIELDS_TOO_MANY');
        mark = pos;
        phase = NAME;
        // The last head's fields came in some order; this one's most often come in the same.
        const guess = names[count];
        if (guess !== undefined && isField(guess, buf, pos, end)) {
          pos += guess.bytes.length + 1;
          phase = VALUE_START;
        }
      }
      if (phase === NAME) {
        while (pos < end && LOWER[buf[pos] as number] !== 0) pos += 1;
        if (pos === end) break;
        if (buf[pos] !== COLON) this.#refuse(nameRule(buf[pos] as number));
        names[count] = fieldName(buf, mark, pos);
        pos += 1;
        phase = VALUE_START;
      }
      if (phase === VALUE_START) {
        while (pos < end && (buf[pos] === SP || buf[pos] === HTAB)) pos += 1;
        if (pos === end) break;
        mark = pos;
        phase = VALUE_PART;
      }
      if (phase === VALUE_PART) {
        while (pos < end && VALUE[buf[pos] as number] !== 0) pos += 1;
        if (pos === end) break;
        if (buf[pos] !== CR) this.#refuse(buf[pos] === LF ? 'BARE_LF' : 'FIELD_VALUE_CHARACTER');
        let last = pos;
        while (last > mark && (buf[last - 1] === SP || buf[last - 1] === HTAB)) last -= 1;
        ends[2 * count] = mark - base;
        ends[2 * count + 1] = last - base;
        count += 1;
        pos += 1;
        phase = VALUE_LF;
        if (pos === end) break;
      }
      if (buf[pos] !== LF) this.#refuse('BARE_CR');
      pos += 1;
      if (phase === LAST_LF) {
        phase = DONE;
        break;
      }
      phase = FIELD_START;
    }
    this.#phase = phase;
    this.count = count;
    this.#mark = mark - base;
    return pos;
  }

  /** Takes a byte of an empty line before the start line; false when the line begins. */
  #before(byte: number): boolean {
    if (this.#phase === START_LF) {
      if (byte !== LF) this.#refuse('BARE_CR');
      this.#emptyLines += 1;
      this.#phase = START;
      return true;
    }
    if (byte === LF) this.#refuse('BARE_LF');
    if (byte !== CR) return false;
    if (this.#emptyLines === LEADING_EMPTY_LINES_MAX || this.#role === 'response') {
      this.#refuse('LEADING_EMPTY_LINES');
    }
    this.#phase = START_LF;
    return true;
  }

  #version(byte: number): void {
    if (this.#matched < HTTP.length) {
      if (byte !== HTTP[this.#matched]) {
        this.#refuse(versionRule(byte, this.#matched, this.#role));
      }
    } else {
      this.minor = byte - ZERO;
      if (this.minor !== 0 && this.minor !== 1) this.#refuse('VERSION');
    }
    this.#matched += 1;
  }

  #refuse(rule: RuleCode): never {
    throw new Http1Refusal(rule, this.#role);
  }
}

/** Whether a whole version, 1.0 or 1.1, and its line end are next. */
function isVersionLine(buf: Buffer, pos: number): boolean {
  for (let at = 0; at < HTTP.length; at += 1) {
    if (buf[pos + at] !== HTTP[at]) return false;
  }
  const end = pos + HTTP.length;
  const minor = (buf[end] as number) - ZERO;
  return (minor === 0 || minor === 1) && buf[end + 1] === CR && buf[end + 2] === LF;
}
