/**
 * Slabs that output is written into: taken by whoever writes, the rest given back as soon as nothing is
 * gathered, so that a connection with nothing to say holds none. pure
 */

const SLAB_BYTES = 32 * 1024;
/** A rest smaller than this is not worth keeping. */
const REST_BYTES_MIN = 2 * 1024;
/** As many connections may have something to say in one turn: above, slabs are made anew. */
const POOL_MAX = 256;

/** What was given back, and from where on each may be written. */
const pool: Buffer[] = [];
const starts: number[] = [];

/** Where the rest that {@link takeSlab} returned begins. */
export let restAt = 0;

/** A slab with at least `bytes` from {@link restAt} on, all of which is the taker's. */
export function takeSlab(bytes: number): Buffer {
  const slab = pool.pop();
  restAt = starts.pop() ?? 0;
  if (slab !== undefined && slab.length - restAt >= bytes) return slab;
  restAt = 0;
  return Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes));
}

/** Gives back what of `slab` lies from `at` on, and will never be written again by whoever had it. */
export function giveSlab(slab: Buffer, at: number): void {
  if (slab.length - at < REST_BYTES_MIN || pool.length >= POOL_MAX) return;
  pool.push(slab);
  starts.push(at);
}
