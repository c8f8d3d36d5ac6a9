/**
 * Chance for picks: Marsaglia's xorshift of 32 bits, seeded by the {@link Random} that was passed in. pure
 *
 * A whole number that fits a machine word is free to hand on; a fraction would be an object for every pick.
 */
import type { Random } from '#core/random.ts';

/** One more than the largest roll. */
export const SIDES = 2 ** 31;

export class Dice {
  #state: number;

  constructor(random: Random) {
    // Zero would stay zero.
    this.#state = Math.floor(random.next() * 2 ** 32) | 0 || 1;
  }

  /** From 0 to {@link SIDES}, the latter not included. */
  roll(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return state >>> 1;
  }
}
