/**
 * Chance as an argument.
 *
 * Decisions that need a random number take a {@link Random}; with a seeded one they replay exactly.
 * This file is the only one that may name `Math.random`.
 */

/** A source of uniformly distributed numbers. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
}

/** The runtime's generator: fast, not for secrets. */
export const systemRandom: Random = { next: () => Math.random() };

/**
 * A generator that yields the same sequence for the same 32-bit seed (mulberry32, by Tommy Ettinger,
 * public domain).
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
    },
  };
}

/** An integer in [0, bound). `bound` must be at least 1. */
export function below(random: Random, bound: number): number {
  return Math.floor(random.next() * bound);
}
