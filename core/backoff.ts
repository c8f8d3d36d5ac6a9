/**
 * Waiting times between attempts: exponential, capped, jittered. pure
 *
 * Every retry loop of the house uses this one formula, so that no failure is ever retried without a
 * pause and a fleet never retries in step.
 */
import type { Random } from './random.ts';

/** Bounds of a backoff. */
export interface BackoffLimits {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * The wait before attempt `failures + 1`, where `failures` counts consecutive failures (at least 1):
 * `firstMs` doubled per failure, at most `maxMs`, then spread evenly over ±20 %.
 */
export function backoffMs(limits: BackoffLimits, failures: number, random: Random): number {
  return meanBackoffMs(limits, failures) * (0.8 + 0.4 * random.next());
}

/** The same before it is spread. */
export function meanBackoffMs({ firstMs, maxMs }: BackoffLimits, failures: number): number {
  return Math.min(firstMs * 2 ** Math.min(failures - 1, 30), maxMs);
}
