/**
 * What the bytes of a value allow, in one pass while it is read. pure
 *
 * The rules are those of `http2/headers.ts`, which says what is broken where anything is.
 */

/** What is wrong with a byte, by place: bits that add up over a value. */
export const BYTE = {
  /** In no field (RFC 9110 section 5.5). */
  FIELD: 1,
  /** In no path. */
  PATH: 2,
  /** In no authority. */
  AUTHORITY: 4,
  /** In no number. */
  NUMBER: 8,
  /** A blank: at neither end of a value. */
  BLANK: 16,
} as const;

const CLASSES = new Uint8Array(256);
for (let byte = 0; byte < 256; byte += 1) CLASSES[byte] = classOf(byte, String.fromCharCode(byte));

/** What is wrong with `bytes[from, to)`: bits of {@link BYTE}, `BLANK` meaning nothing by itself. */
export function classesOf(bytes: Uint8Array, from: number, to: number): number {
  if (from === to) return 0;
  let classes = 0;
  for (let at = from; at < to; at += 1) classes |= CLASSES[bytes[at] as number] as number;
  if ((classes & BYTE.BLANK) === 0) return classes;
  const ends =
    (CLASSES[bytes[from] as number] as number) | (CLASSES[bytes[to - 1] as number] as number);
  return (ends & BYTE.BLANK) === 0 ? classes : classes | BYTE.FIELD;
}

function classOf(byte: number, text: string): number {
  let classes = 0;
  if ((byte < 0x20 && byte !== 0x09) || byte === 0x7f) classes |= BYTE.FIELD;
  if (!/[\x21-\x22\x24-\x7e\x80-\xff]/.test(text)) classes |= BYTE.PATH;
  if (!/[A-Za-z0-9._~%!$&'()*+,;=:[\]-]/.test(text)) classes |= BYTE.AUTHORITY;
  if (!/[0-9]/.test(text)) classes |= BYTE.NUMBER;
  if (byte === 0x20 || byte === 0x09) classes |= BYTE.BLANK;
  return classes;
}
