/**
 * Where the values of the head just read lie as bytes, while it is passed on: whoever writes one of them copies bytes,
 * which costs a third of asking a string that is part of a larger one for its characters, or a native call to.
 *
 * It is a memo of one head: a value that is not found is written as the string it is. What is found is equal, for
 * strings are compared, and its bytes have not changed since they were read.
 */

/** Shorter text is written as fast character by character. */
export const ORIGIN_CHARS_MIN = 12;
/** Values of one head that are noted. */
const VALUES_MAX = 64;
/** Values are written in the order they came in; so many may have been left out in between. */
const LEFT_OUT_MAX = 4;
const NONE: Buffer = Buffer.alloc(0);

let bytes = NONE;
let base = 0;
let count = 0;
/** The value looked for next. */
let next = 0;
const values: string[] = new Array<string>(VALUES_MAX).fill('');
const starts = new Int32Array(VALUES_MAX);

/** A head is read from `source`, whose positions count from `at`. */
export function beginOrigin(source: Buffer, at: number): void {
  bytes = source;
  base = at;
  count = 0;
  next = 0;
}

/** The head has been passed on: its bytes may change. */
export function endOrigin(): void {
  bytes = NONE;
  count = 0;
  next = 0;
}

/** `value`, of at least {@link ORIGIN_CHARS_MIN} characters, lies at `from` of a head that is read, a byte for each of them. */
export function noteOrigin(value: string, from: number): void {
  if (bytes === NONE || count === VALUES_MAX) return;
  values[count] = value;
  starts[count] = from;
  count += 1;
}

/**
 * Writes `value`, which has `length` characters, at `at` of `out`; returns the position after it, or -1: it is not known,
 * or holds more than visible ASCII and blanks.
 */
export function copyOrigin(value: string, length: number, out: Buffer, at: number): number {
  const last = Math.min(count, next + LEFT_OUT_MAX);
  for (let index = next; index < last; index += 1) {
    if (values[index] !== value) continue;
    next = index + 1;
    const source = bytes;
    const from = base + (starts[index] as number);
    for (let each = 0; each < length; each += 1) {
      const byte = source[from + each] as number;
      if (byte < 0x20 || byte > 0x7e) return -1;
      out[at + each] = byte;
    }
    return at + length;
  }
  return -1;
}
