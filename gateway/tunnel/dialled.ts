/**
 * The tunnels we dial to a peer: one is kept up for each that is wanted. Which are, and how one is opened, is their owner's matter.
 */
import type { Clock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import type { TunnelPurpose } from '#core/hello.ts';
import type { Random } from '#core/random.ts';
import { TunnelSlot } from './slot.ts';
import type { Tunnel } from './tunnel.ts';
import type { WantedTunnel } from './wanted.ts';

export interface DialledOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Opens a tunnel whose `ready` has settled; `renewAfterMs` from now it is to be replaced. */
  open(wanted: WantedTunnel): Promise<{ tunnel: Tunnel; renewAfterMs: number }>;
  /** One has come, gone, or could not be dialled. */
  onChange(): void;
}

interface Dialled extends WantedTunnel {
  readonly slot: TunnelSlot;
}

export class DialledTunnels {
  readonly #options: DialledOptions;
  readonly #dialled = new Map<string, Dialled>();

  /** When one for our requests was last seen open, monotonic; before any was, when the first could be dialled. */
  #reachedMs: number;

  constructor(options: DialledOptions) {
    this.#options = options;
    this.#reachedMs = options.clock.monotonicMs();
  }

  /** Keeps up exactly those of `wanted`; the others end in peace. */
  update(wanted: ReadonlyMap<string, WantedTunnel>): void {
    const { clock, random, open, onChange } = this.#options;
    for (const [key, { slot }] of this.#dialled) {
      if (wanted.has(key)) continue;
      slot.stop(new IsthmusError('TUNNEL_LOST', 'the address is no longer in the Link'), true);
      this.#dialled.delete(key);
    }
    for (const [key, each] of wanted) {
      if (this.#dialled.has(key)) continue;
      const slot = new TunnelSlot({ clock, random, open: () => open(each), onChange });
      this.#dialled.set(key, { ...each, slot });
    }
  }

  /** Live ones for `purpose` in which we open streams. */
  *ours(purpose: TunnelPurpose): Generator<Tunnel> {
    for (const each of this.#dialled.values())
      if (each.purpose === purpose && each.role === 'client' && each.slot.tunnel)
        yield each.slot.tunnel;
  }

  /** Live ones. */
  *live(): Generator<Tunnel> {
    for (const { slot } of this.#dialled.values()) if (slot.tunnel) yield slot.tunnel;
  }

  /** For how long none for our requests was open, in ms: as precise as it is asked often. */
  unreachedMs(): number {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.ours('data').next().done !== true) this.#reachedMs = nowMs;
    return nowMs - this.#reachedMs;
  }

  /** Whether one for `wanted` in which we open streams may be there in a moment. */
  isDialling(wanted: TunnelPurpose): boolean {
    for (const { purpose, role, slot } of this.#dialled.values())
      if (purpose === wanted && role === 'client' && slot.dialling) return true;
    return false;
  }

  /** Whether each was dialled once, however that ended. */
  get tried(): boolean {
    for (const { slot } of this.#dialled.values()) if (!slot.tried) return false;
    return true;
  }

  /** Why one of them is not there, as of the last try. */
  get error(): IsthmusError | undefined {
    for (const { slot } of this.#dialled.values()) if (slot.error) return slot.error;
    return undefined;
  }

  /** The peer has just shown that it is there: whatever could not be dialled is tried now. */
  hurry(): void {
    for (const { slot } of this.#dialled.values()) slot.hurry();
  }

  /** Ends those in which the peer opens streams, in peace. */
  dropServed(): void {
    for (const [key, { role, slot }] of this.#dialled) {
      if (role !== 'server') continue;
      slot.stop(new IsthmusError('SHUTTING_DOWN', 'the gateway is leaving'), true);
      this.#dialled.delete(key);
    }
  }

  /** Ends all of them: gracefully with `drain`. */
  stop(reason: IsthmusError, drain: boolean): void {
    for (const { slot } of this.#dialled.values()) slot.stop(reason, drain);
    this.#dialled.clear();
  }
}
