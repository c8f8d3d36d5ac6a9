/**
 * Whether a source takes what it asked for, by what is held for it and what has left lately. pure
 *
 * Somebody with many clients of its own, an ingress say, has much under way at any time, some of it to slow readers; it
 * is no trouble as long as most of it moves. What stands still fills the gateway, whatever more is fetched for it.
 */

/** Content held for one source, from which on it matters whether that moves. */
export const HELD_OF_SOURCE_BYTES = 8 * 1024 * 1024;
/** Content that would take longer to leave, at the pace of the last second or two, stands still. */
export const STANDS_STILL_MS = 4_000;
const SPELL_MS = 1_000;

export class Standstill {
  #heldBytes = 0;
  /** Left in this spell, and what of the one before was a spell's share. */
  #leftBytes = 0;
  #leftBeforeBytes = 0;
  #spellMs = Number.NEGATIVE_INFINITY;

  /** Whether nothing is held. */
  get empty(): boolean {
    return this.#heldBytes === 0;
  }

  /** So much more is held; less, if it is negative, whether it left or was given up. */
  hold(bytes: number): void {
    this.#heldBytes += bytes;
  }

  /** `bytes` were taken. */
  left(bytes: number): void {
    this.#leftBytes += bytes;
  }

  /** Whether much is held and next to nothing of it moves. */
  stands(nowMs: number): boolean {
    const sinceMs = nowMs - this.#spellMs;
    if (sinceMs >= SPELL_MS) {
      // Where nobody looked for a while, its mean has to do.
      this.#leftBeforeBytes = (this.#leftBytes * SPELL_MS) / sinceMs;
      this.#leftBytes = 0;
      this.#spellMs = nowMs;
    }
    if (this.#heldBytes <= HELD_OF_SOURCE_BYTES) return false;
    const bytesPerMs = Math.max(this.#leftBytes, this.#leftBeforeBytes) / SPELL_MS;
    return this.#heldBytes > bytesPerMs * STANDS_STILL_MS;
  }
}
