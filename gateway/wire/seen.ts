/**
 * Which fields of a head a gateway has to look at, noted while its bytes are read. pure
 *
 * Most heads hold none of them but `host`: one mask tells, and nobody searches the list again.
 */
import { HEADER_HOPS, HEADER_PREFIX } from '#core/names.ts';

/** Bits of the fields there are; names as in the registry of fields unless said. */
export const SEEN = {
  HOST: 1,
  /** A field of the hop (RFC 9110 section 7.6.1) other than `connection`. */
  HOP: 2,
  CONNECTION: 4,
  TE: 8,
  COOKIE: 16,
  /** More than one `cookie` (RFC 9113 section 8.2.3). */
  CRUMBS: 32,
  /** A field of the gateways' own, the list of clusters passed excepted. */
  OURS: 64,
  /** The list of clusters passed. */
  HOPS: 128,
  /** `forwarded` or `x-forwarded-for`. */
  FORWARDED: 256,
  /** `grpc-timeout`. */
  TIMEOUT: 512,
  /** `content-length`. */
  LENGTH: 1_024,
  /** `date`. */
  DATE: 2_048,
  /** `max-forwards`. */
  FORWARDS: 4_096,
} as const;

const BITS: ReadonlyMap<string, number> = new Map([
  ['host', SEEN.HOST],
  ['connection', SEEN.CONNECTION],
  ['keep-alive', SEEN.HOP],
  ['proxy-connection', SEEN.HOP],
  ['transfer-encoding', SEEN.HOP],
  ['upgrade', SEEN.HOP],
  ['http2-settings', SEEN.HOP],
  ['te', SEEN.TE],
  ['cookie', SEEN.COOKIE],
  [HEADER_HOPS, SEEN.HOPS],
  ['forwarded', SEEN.FORWARDED],
  ['x-forwarded-for', SEEN.FORWARDED],
  ['grpc-timeout', SEEN.TIMEOUT],
  ['content-length', SEEN.LENGTH],
  ['date', SEEN.DATE],
  ['max-forwards', SEEN.FORWARDS],
]);

/** The bits of one field of this lower-case name. */
export function seenBits(name: string): number {
  return BITS.get(name) ?? (name.startsWith(HEADER_PREFIX) ? SEEN.OURS : 0);
}

/** The mask `seen` with one more field of `bits`. */
export function seeing(seen: number, bits: number): number {
  return (seen & bits & SEEN.COOKIE) === 0 ? seen | bits : seen | SEEN.CRUMBS;
}

/** The mask of a list: name, value, name, value…; names in lower case. */
export function seenIn(headers: readonly string[]): number {
  let seen = 0;
  for (let at = 0; at < headers.length; at += 2)
    seen = seeing(seen, seenBits(headers[at] as string));
  return seen;
}
