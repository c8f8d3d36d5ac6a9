/**
 * A range of IPv4 addresses, handed out one by one.
 *
 * Promises: an address is never held twice, and is not handed out again before it has rested
 * `restMs`, so that a late connection cannot reach a successor.
 */
import type { Clock } from '#core/clock.ts';
import { ApiError } from '../values/status.ts';

/** See the file header. */
export class AddressPool {
  readonly #clock: Clock;
  readonly #base: number;
  readonly #size: number;
  readonly #restMs: number;
  readonly #held = new Set<string>();
  readonly #restingUntilMs = new Map<string, number>();
  #next: number;

  /** The pool of `cidr` (such as `127.10.96.0/20`), from its `first`th address on. */
  constructor(clock: Clock, cidr: string, first: number, restMs: number) {
    const [base = '', bits = '32'] = cidr.split('/');
    this.#clock = clock;
    this.#base = toNumber(base);
    this.#size = 2 ** (32 - Number(bits));
    this.#next = first;
    this.#restMs = restMs;
  }

  /** A free address; a 500 ApiError when there is none. */
  take(): string {
    for (let tried = 0; tried < this.#size; tried += 1) {
      const offset = this.#next;
      this.#next = this.#next + 1 >= this.#size - 1 ? 1 : this.#next + 1;
      const address = toText(this.#base + offset);
      if (this.#held.has(address) || this.#isResting(address)) continue;
      this.#held.add(address);
      return address;
    }
    throw new ApiError(500, 'InternalError', 'Internal error occurred: range is full');
  }

  /** Takes this very address; the reason when that cannot be. */
  claim(address: string): string | undefined {
    const offset = toNumber(address) - this.#base;
    if (!/^\d+(\.\d+){3}$/.test(address) || offset < 1 || offset >= this.#size - 1) {
      return `the provided IP (${address}) is not in the valid range`;
    }
    if (this.#held.has(address)) return 'provided IP is already allocated';
    this.#held.add(address);
    return undefined;
  }

  /** Gives `address` back; addresses that are not held are ignored. */
  release(address: string): void {
    if (!this.#held.delete(address) || this.#restMs === 0) return;
    this.#restingUntilMs.set(address, this.#clock.monotonicMs() + this.#restMs);
  }

  #isResting(address: string): boolean {
    const untilMs = this.#restingUntilMs.get(address);
    if (untilMs === undefined) return false;
    if (untilMs > this.#clock.monotonicMs()) return true;
    this.#restingUntilMs.delete(address);
    return false;
  }
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function toText(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}
