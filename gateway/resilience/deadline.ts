/**
 * How long a gRPC caller still waits (gRPC over HTTP/2, "Timeout"): relative, so that clocks need not
 * agree, and less at every hop and attempt. pure
 */
import type { RawHeaders } from '../http/message.ts';

const FIELD = 'grpc-timeout';
const SYNTAX = /^(\d{1,8})([HMSmun])$/;
const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};
const DIGITS_MAX = 99_999_999;

/** Milliseconds the caller waits, or `undefined` where it does not say, or not so that it is understood. */
export function timeoutOf(headers: RawHeaders): number | undefined {
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] !== FIELD) continue;
    const [, digits = '', unit = ''] = SYNTAX.exec(headers[at + 1] ?? '') ?? [];
    return digits === '' ? undefined : Number(digits) * (UNIT_MS[unit] ?? 0);
  }
  return undefined;
}

/** `headers` with what is left of the time, `leftMs`, in place of what they say. */
export function withTimeout(headers: RawHeaders, leftMs: number): RawHeaders {
  const us = Math.max(1, Math.round(leftMs * 1_000));
  const value = us <= DIGITS_MAX ? `${us}u` : `${Math.min(DIGITS_MAX, Math.ceil(leftMs))}m`;
  return headers.map((each, at) => (at % 2 === 1 && headers[at - 1] === FIELD ? value : each));
}
