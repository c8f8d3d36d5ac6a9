/**
 * What all requests of a gateway hold of content that is on its way, either direction: bounded in all,
 * for bounds of each stream alone would allow as much as there are streams. pure
 *
 * Windows and credit hold content back long before; only who makes many streams stand still comes this
 * far. Then those break off that went without progress for longest, never the one that moves.
 */

/** Bytes of content all requests of a gateway worker may hold; less than what shuts a tunnel's window. */
export const HELD_BYTES_MAX = 48 * 1024 * 1024;
/** From here on pods are read less far ahead of those who take their answers. */
const PRESSED_BYTES = HELD_BYTES_MAX / 4;
/** Who holds less is left alone: it would free nothing. */
const WORTH_BYTES = 16 * 1024;

/** Somebody who holds content. */
export interface Holder {
  /** It holds so much more now; less, if that is negative. */
  holdsMore(bytes: number): void;
  /** Lets go of everything held, at once. */
  breakOff(): void;
}

export class HeldContent {
  readonly #onBrokenOff: () => void;
  /** Those worth breaking off, longest without progress first. */
  readonly #holders = new Set<Holder>();
  #bytes = 0;

  /** Calls `onBrokenOff` for each holder that had to go. */
  constructor(onBrokenOff: () => void) {
    this.#onBrokenOff = onBrokenOff;
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether so much is held that nobody should hold more than it can do with. */
  get pressed(): boolean {
    return this.#bytes > PRESSED_BYTES;
  }

  /** `holder` held `before` bytes and holds `after` now. */
  change(holder: Holder, before: number, after: number): void {
    this.#bytes += after - before;
    holder.holdsMore(after - before);
    if (before <= WORTH_BYTES && after <= WORTH_BYTES) return;
    if (after <= WORTH_BYTES) this.#holders.delete(holder);
    else if (after < before || before <= WORTH_BYTES) {
      this.#holders.delete(holder);
      this.#holders.add(holder);
    }
    if (after > before) this.#enforce();
  }

  #enforce(): void {
    while (this.#bytes > HELD_BYTES_MAX) {
      const [stalled] = this.#holders;
      if (stalled === undefined) return;
      this.#holders.delete(stalled);
      this.#onBrokenOff();
      stalled.breakOff();
    }
  }
}
