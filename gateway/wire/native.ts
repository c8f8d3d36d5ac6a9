/**
 * The engine's own ways between bytes and strings, which `toString` and `write` only lead to. pure
 */

interface Native extends Buffer {
  latin1Slice(from: number, to: number): string;
  latin1Write(text: string, at: number, bytes: number): number;
  utf8Write(text: string, at: number, bytes: number): number;
}

/** `bytes[from, to)`, each byte a character. */
export function latin1(bytes: Buffer, from: number, to: number): string {
  return (bytes as Native).latin1Slice(from, to);
}

/** Writes what of `text` goes into `bytes` bytes of UTF-8 at `at`; how many it took. */
export function writeUtf8(out: Buffer, text: string, at: number, bytes: number): number {
  return (out as Native).utf8Write(text, at, bytes);
}

/** Writes `text`, whose characters must be bytes, at `at`; returns the position after it. */
export function writeLatin1(out: Buffer, text: string, at: number): number {
  return at + (out as Native).latin1Write(text, at, text.length);
}

/**
 * How long `text` is. The engine has a dozen kinds of strings, and where it has met more than four of them it looks
 * the length up by name; what it has just added a string to is one for certain.
 */
export function lengthOf(text: string): number {
  // biome-ignore lint/style/useTemplate: a template converts, which is a call
  return (text + '').length;
}
