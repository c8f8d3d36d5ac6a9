/**
 * Bytes both ways between two connections until both have ended.
 *
 * A half-close on one side becomes a half-close on the other; an error on either ends both at once, so
 * that a peer never takes a broken stream for a finished one.
 */
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Resolves true when both directions ended in peace. Never rejects. */
export async function splice(a: Duplex, b: Duplex): Promise<boolean> {
  const direction = (from: Duplex, to: Duplex) =>
    pipeline(from, to).catch((error: unknown) => {
      a.destroy();
      b.destroy();
      throw error;
    });
  const ended = await Promise.allSettled([direction(a, b), direction(b, a)]);
  return ended.every((each) => each.status === 'fulfilled');
}
