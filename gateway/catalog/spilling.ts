/**
 * Which of our services send requests away because their own pods cannot do more: peers are told, so that nobody
 * spills onto whoever spills.
 *
 * Said at once, taken back only after {@link HOLD_MS} without it: a service at its limit must not make every
 * peer's catalog change with every breath.
 */
import type { Clock, Timer } from '#core/clock.ts';
import type { Balancer } from '../balance/balancer.ts';

const LOOK_MS = 250;
/** How long a service counts as spilling after it was last seen to. */
export const HOLD_MS = 5_000;

export interface SpillingOptions {
  readonly clock: Clock;
  readonly balancer: Balancer;
  /** Another set of services spills now. */
  readonly onChange: () => void;
}

export class Spilling {
  readonly #options: SpillingOptions;
  /** Until when each counts, by `namespace/name`. */
  readonly #untilMs = new Map<string, number>();
  readonly #ticker: Timer;

  constructor(options: SpillingOptions) {
    this.#options = options;
    this.#ticker = options.clock.every(LOOK_MS, () => this.#look());
  }

  /** Whether the Service `namespace/name` spills. */
  has(name: string): boolean {
    return this.#untilMs.has(name);
  }

  close(): void {
    this.#ticker.cancel();
  }

  #look(): void {
    const { balancer, clock, onChange } = this.#options;
    const nowMs = clock.monotonicMs();
    let isOther = false;
    for (const [, service] of balancer.entries()) {
      if (!service.spilling) continue;
      if (!this.#untilMs.has(service.name)) isOther = true;
      this.#untilMs.set(service.name, nowMs + HOLD_MS);
    }
    for (const [name, untilMs] of this.#untilMs) {
      if (untilMs > nowMs) continue;
      this.#untilMs.delete(name);
      isOther = true;
    }
    if (isOther) onChange();
  }
}
