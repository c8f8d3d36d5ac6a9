/**
 * `Retry-After` (RFC 9110 section 10.2.3): how long whoever answered wants to be left alone. pure
 */
import { headerValue, type RawHeaders } from '../http/message.ts';

/** Nobody is left alone for longer, whatever it says. */
export const RETRY_AFTER_MAX_MS = 60_000;

const SECONDS = /^\d{1,9}$/;

/** Milliseconds from `wallMs` on, at most {@link RETRY_AFTER_MAX_MS}; 0 where nothing, or nothing sensible, is said. */
export function retryAfterMs(headers: RawHeaders, wallMs: number): number {
  const value = headerValue(headers, 'retry-after');
  if (value === undefined) return 0;
  const waitMs = SECONDS.test(value) ? Number(value) * 1_000 : Date.parse(value) - wallMs;
  return Number.isNaN(waitMs) ? 0 : Math.min(RETRY_AFTER_MAX_MS, Math.max(0, waitMs));
}
