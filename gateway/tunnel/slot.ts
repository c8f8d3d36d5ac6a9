/**
 * One tunnel that is kept up: dialled, watched, dialled again with a backoff, and renewed before the
 * certificate it was opened with ends or its stream ids run out.
 */

import { backoffMs } from '#core/backoff.ts';
import type { Clock, Timer } from '#core/clock.ts';
import { describeError, IsthmusError } from '#core/errors.ts';
import type { Random } from '#core/random.ts';
import type { Tunnel } from './tunnel.ts';

const REDIAL = { firstMs: 100, maxMs: 5_000 };
/** A pause that is worth waiting for: the first one after a tunnel that broke off. */
const SOON_MS = 120;
/** A tunnel that lived so long ended for a reason that may be over: the next dial comes at once. */
const STABLE_MS = 1_000;

export interface SlotOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Opens a tunnel whose `ready` has settled; `renewAfterMs` from now it is to be replaced. */
  readonly open: () => Promise<{ tunnel: Tunnel; renewAfterMs: number }>;
  readonly onChange: () => void;
}

export class TunnelSlot {
  readonly #options: SlotOptions;
  #tunnel: Tunnel | undefined;
  #error: IsthmusError | undefined;
  #failures = 0;
  #openedMs = 0;
  #dials = 0;
  #soon = false;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(options: SlotOptions) {
    this.#options = options;
    void this.#dial();
  }

  /** The tunnel, while streams can be opened in it. */
  get tunnel(): Tunnel | undefined {
    return this.#tunnel?.open ? this.#tunnel : undefined;
  }

  /** Whether a tunnel may be there in a moment: one is being dialled, or will be very soon. */
  get dialling(): boolean {
    return this.#dials > 0 || this.#soon;
  }

  /** Whether the first dial is over. */
  get tried(): boolean {
    return this.#tunnel !== undefined || this.#error !== undefined;
  }

  /** Why there is no tunnel, as of the last try. */
  get error(): IsthmusError | undefined {
    return this.#error;
  }

  /** The far side is known to be there: what waits for the next try waits no longer. */
  hurry(): void {
    if (this.#stopped || this.#dials > 0 || this.#failures === 0 || this.tunnel !== undefined)
      return;
    this.#timer?.cancel();
    void this.#dial();
  }

  /** Ends the tunnel for good: gracefully with `drain`, else with everything in it. */
  stop(reason: IsthmusError, drain: boolean): void {
    this.#stopped = true;
    this.#timer?.cancel();
    if (drain) this.#tunnel?.drain();
    else this.#tunnel?.close(reason);
  }

  async #dial(): Promise<void> {
    const { clock, random, open, onChange } = this.#options;
    this.#dials += 1;
    this.#soon = false;
    try {
      const { tunnel, renewAfterMs } = await open().finally(() => {
        this.#dials -= 1;
      });
      if (this.#stopped) {
        tunnel.drain();
        return;
      }
      const old = this.#tunnel;
      this.#tunnel = tunnel;
      this.#openedMs = clock.monotonicMs();
      this.#error = undefined;
      this.#failures = 0;
      old?.drain();
      this.#timer?.cancel();
      this.#timer = clock.after(renewAfterMs, () => void this.#dial());
      tunnel.worn.addEventListener('abort', () => this.#onWorn(tunnel), { once: true });
      tunnel.closed.addEventListener('abort', () => this.#onClosed(tunnel), { once: true });
      if (!tunnel.open) this.#onClosed(tunnel);
      onChange();
    } catch (error) {
      this.#error =
        error instanceof IsthmusError
          ? error
          : new IsthmusError('PEER_UNREACHABLE', describeError(error), { cause: error });
      this.#failures += 1;
      this.#again(backoffMs(REDIAL, this.#failures, random));
      onChange();
    }
  }

  #onWorn(tunnel: Tunnel): void {
    if (this.#tunnel === tunnel && !this.#stopped) void this.#dial();
  }

  #onClosed(tunnel: Tunnel): void {
    if (this.#tunnel !== tunnel || this.#stopped) return;
    this.#error = tunnel.closed.reason as IsthmusError;
    // A gateway that leaves in peace has a successor, or siblings; so may one that died.
    const stable = this.#options.clock.monotonicMs() - this.#openedMs > STABLE_MS;
    if (tunnel.peerLeft || stable) void this.#dial();
    else {
      this.#failures += 1;
      this.#again(backoffMs(REDIAL, this.#failures, this.#options.random));
    }
    this.#options.onChange();
  }

  #again(delayMs: number): void {
    if (this.#stopped) return;
    this.#soon = delayMs <= SOON_MS;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(delayMs, () => void this.#dial());
  }
}
