/**
 * What travels in the wire bench, agreed on by generators and backend: requests that all differ,
 * answers that all differ, and what every answer has to be. pure
 *
 * A proxy that remembers heads it has seen must not profit from a bench that repeats itself: there are
 * 16,384 requests, each with its own path, `x-request-id`, `traceparent` and cookie, and as many answers.
 */
import { seededRandom } from '#core/random.ts';

/** Different requests, and different answers. A power of two: numbers are masked. */
export const ITEMS = 16_384;
/** Length of a small answer's body. */
export const ITEM_BYTES = 64;
/** Length of a large answer's body. */
export const BULK_BYTES = 1_048_576;
/** What one opaque exchange asks for. */
export const TRANSFER_BYTES = 8 * BULK_BYTES;
/** An opaque request: a byte no HTTP method begins with, a word, then how many bytes are wanted. */
export const TRANSFER_REQUEST_BYTES = 16;
/** Different large answers: where in the pattern they begin. */
const BULK_STARTS = 64;
const BULK_STEP_BYTES = 61;

/** One request's own fields. */
export interface RequestFields {
  readonly requestId: string;
  readonly traceparent: string;
  readonly cookie: string;
}

/** The fields of request `number`; the same ones for the same number. */
export function requestFields(number: number): RequestFields {
  const random = seededRandom(number * 2 + 1);
  const hex = (digits: number) => {
    let text = '';
    while (text.length < digits) {
      text += Math.floor(random.next() * 0x1_0000_0000)
        .toString(16)
        .padStart(8, '0');
    }
    return text.slice(0, digits);
  };
  const id = hex(32);
  return {
    requestId: `${id.slice(0, 8)}-${id.slice(8, 12)}-4${id.slice(13, 16)}-a${id.slice(17, 20)}-${id.slice(20)}`,
    traceparent: `00-${hex(32)}-${hex(16)}-01`,
    cookie: `session=${hex(24)}`,
  };
}

/** The path of small request `number`. */
export function itemPath(number: number): string {
  return `/item/${number}/detail`;
}

/** The path of large request `number`. */
export function bulkPath(number: number): string {
  return `/bulk/${number}`;
}

/** The number in a path of ours; -1 when there is none. */
export function numberOf(path: string): number {
  const found = /^\/[a-zA-Z.]+\/(?:[a-zA-Z]*)(\d+)/.exec(path)?.[1];
  return found === undefined ? -1 : Number(found) & (ITEMS - 1);
}

const bodies: (Buffer | undefined)[] = [];

/** The body that answers small request `number`. */
export function itemBody(number: number): Buffer {
  let body = bodies[number];
  if (!body) {
    const { traceparent } = requestFields(number);
    body = Buffer.from(`answer ${number} `.padEnd(ITEM_BYTES, traceparent), 'latin1');
    bodies[number] = body;
  }
  return body;
}

let pattern: Buffer | undefined;

/** Bytes without a short period, long enough for every large body to be a slice of them. */
export function bulkPattern(): Buffer {
  if (pattern) return pattern;
  const random = seededRandom(7);
  pattern = Buffer.alloc(BULK_BYTES + BULK_STARTS * BULK_STEP_BYTES);
  for (let at = 0; at < pattern.length; at += 1) pattern[at] = random.next() * 256;
  return pattern;
}

/** The body that answers large request `number`. */
export function bulkBody(number: number): Buffer {
  const from = (number % BULK_STARTS) * BULK_STEP_BYTES;
  return bulkPattern().subarray(from, from + BULK_BYTES);
}

/** Adler-32 (RFC 1950), which a script of wrk computes too. */
export function adler32(bytes: Buffer): number {
  let low = 1;
  let high = 0;
  for (const byte of bytes) {
    low = (low + byte) % 65_521;
    high = (high + low) % 65_521;
  }
  return high * 65_536 + low;
}

/** Every request's own parts, one a line, for generators that are no JavaScript. */
export function requestTable(): string {
  const lines: string[] = [];
  for (let number = 0; number < ITEMS; number += 1) {
    const { requestId, traceparent, cookie } = requestFields(number);
    lines.push([itemPath(number), requestId, traceparent, cookie].join(' '));
  }
  return `${lines.join('\n')}\n`;
}
