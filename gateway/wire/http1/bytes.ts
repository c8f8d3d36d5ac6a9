/**
 * Which bytes may stand where in an HTTP/1 message, as tables that are asked once per byte. pure
 */

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const DQUOTE = 0x22;
export const HASH = 0x23;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;
export const EQUALS = 0x3d;
export const BACKSLASH = 0x5c;

const TOKEN = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** A token byte (RFC 9110 section 5.6.2) in lower case; 0 for any other byte. */
export const LOWER: Uint8Array = table((byte) => {
  const letter = String.fromCharCode(byte);
  return TOKEN.includes(letter) ? letter.toLowerCase().charCodeAt(0) : 0;
});

/** 1 for a byte of a field value or reason phrase (RFC 9110 section 5.5): HTAB, SP, visible, obs-text. */
export const VALUE: Uint8Array = table((byte) =>
  byte === HTAB || (byte >= SP && byte !== 0x7f) ? 1 : 0,
);

/**
 * 1 for a byte of a request target: visible ASCII without `#`. Wider than RFC 3986 by the nine marks
 * that browsers and curl send bare (`"<>\^` and friends): they frame nothing, and node:http takes them.
 */
export const TARGET: Uint8Array = table((byte) =>
  byte > SP && byte < 0x7f && byte !== HASH ? 1 : 0,
);

/** Value of a hexadecimal digit; 255 for any other byte. */
export const HEX: Uint8Array = table((byte) => {
  const value = Number.parseInt(String.fromCharCode(byte), 16);
  return Number.isNaN(value) ? 255 : value;
});

function table(of: (byte: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => of(byte));
}
