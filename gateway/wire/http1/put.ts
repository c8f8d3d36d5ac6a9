/**
 * Text into bytes, judged while it is written: each function puts `text` into `out` at `at`, where the
 * caller has made room, and returns the position after it. pure
 *
 * Short text is written character by character, which is as quick as a native call and needs no second
 * look; from some length on native code is quicker, and the bytes are judged where it has put them.
 */
import { writeLatin1, writeUtf8 } from '../native.ts';
import { copyOrigin, ORIGIN_CHARS_MIN } from '../origin.ts';
import { HASH } from './bytes.ts';

/** Text longer than this goes through native code; see `test/fuzz/http1-speed.ts`. */
const LOOP_MAX = 32;
/** Bytes beyond the text that native code may write before it is told that it is no ASCII. */
export const SPARE_BYTES = 4;

/** A character that is no byte of a field value: what VALUE says, compiled. */
const NO_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/** A field value or reason phrase; -1 where a character is none of theirs. */
export function putValue(out: Buffer, at: number, text: string): number {
  const { length } = text;
  if (length >= ORIGIN_CHARS_MIN) {
    const to = copyOrigin(text, length, out, at);
    if (to >= 0) return to;
  }
  if (length > LOOP_MAX) {
    // As many bytes as characters: it is ASCII, and its bytes can be judged where they lie.
    if (writeUtf8(out, text, at, length + SPARE_BYTES) === length) {
      const to = at + length;
      for (let each = at; each < to; each += 1) {
        const byte = out[each] as number;
        if (byte < 0x20 || byte > 0x7e) return byte === 0x09 ? putRare(out, at, text) : -1;
      }
      return to;
    }
    return putRare(out, at, text);
  }
  for (let each = 0; each < length; each += 1) {
    const code = text.charCodeAt(each);
    if ((code < 0x20 || code > 0x7e) && !isRareValue(code)) return -1;
    out[at + each] = code;
  }
  return at + length;
}

/** A value that holds more than visible ASCII. */
function putRare(out: Buffer, at: number, text: string): number {
  return NO_VALUE.test(text) ? -1 : writeLatin1(out, text, at);
}

/** A request target; -1 where a character is none of its. */
export function putTarget(out: Buffer, at: number, text: string): number {
  const { length } = text;
  const to = at + length;
  if (length >= ORIGIN_CHARS_MIN && copyOrigin(text, length, out, at) >= 0) {
    // Judged below, as what comes from elsewhere.
  } else if (length > LOOP_MAX) {
    if (writeUtf8(out, text, at, length + SPARE_BYTES) !== length) return -1;
  } else {
    for (let each = 0; each < length; each += 1) {
      const code = text.charCodeAt(each);
      if (code > 0x7e) return -1;
      out[at + each] = code;
    }
  }
  for (let each = at; each < to; each += 1) {
    const byte = out[each] as number;
    if (byte <= 0x20 || byte > 0x7e || byte === HASH) return -1;
  }
  return to;
}

/** Text known to be ASCII. */
export function putAscii(out: Buffer, at: number, text: string): number {
  const { length } = text;
  if (length > LOOP_MAX) return writeLatin1(out, text, at);
  for (let each = 0; each < length; each += 1) out[at + each] = text.charCodeAt(each);
  return at + length;
}

/** Bytes made before. */
export function putBytes(out: Buffer, at: number, bytes: Uint8Array): number {
  const { length } = bytes;
  for (let each = 0; each < length; each += 1) out[at + each] = bytes[each] as number;
  return at + length;
}

/** A whole number of zero or more, in decimal digits. */
export function putDecimal(out: Buffer, at: number, value: number): number {
  let digits = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits += 1;
  let rest = value;
  for (let each = at + digits - 1; each >= at; each -= 1) {
    const tens = Math.floor(rest / 10);
    out[each] = 0x30 + rest - 10 * tens;
    rest = tens;
  }
  return at + digits;
}

/** A whole number of zero or more, in hexadecimal digits. */
export function putHex(out: Buffer, at: number, value: number): number {
  return putAscii(out, at, value.toString(16));
}

/** Whether `text` may be a field value. */
export function isValue(text: string): boolean {
  return !NO_VALUE.test(text);
}

/** A tab, or a byte beyond ASCII. */
function isRareValue(code: number): boolean {
  return code === 0x09 || (code >= 0x80 && code <= 0xff);
}
