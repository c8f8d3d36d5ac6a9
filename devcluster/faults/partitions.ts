/**
 * Partitions between any two components that run in one process, such as those of a test or a simulation.
 *
 * Each component is given a {@link Network} of its own. What it dials leads through a wire for that pair, and so between any two
 * of them everything can be stopped, in both directions or in one, without anybody being told. Who has an address is said
 * by whoever hands out addresses; what nobody has is dialled directly.
 */
import type { Clock } from '#core/clock.ts';
import { type Address, formatAddress, type Network } from '#core/network.ts';
import { Wire } from './wire.ts';

/** Wires of all pairs together. */
const WIRES_MAX = 1_000;

/** A partition in force. */
export interface Partition {
  /** Lets everything pass again; harmless when it is over. */
  heal(): void;
}

/** See the file header. */
export class Partitions {
  readonly #base: Network;
  readonly #clock: Clock;
  readonly #owners = new Map<string, string>();
  readonly #wires = new Map<string, { readonly from: string; readonly to: string; wire: Wire }>();
  readonly #cuts = new Map<object, readonly [from: string, to: string]>();

  constructor(base: Network, clock: Clock) {
    this.#base = base;
    this.#clock = clock;
  }

  /** Says that `component` is who listens at every port of `host`. */
  own(component: string, host: string): void {
    this.#owners.set(host, component);
  }

  /** The network as `component` sees it: its own addresses where they are, those of others through wires. */
  networkOf(component: string): Network {
    return {
      locate: (address) => {
        const owner = this.#owners.get(address.host);
        if (owner === undefined || owner === component) return this.#base.locate(address);
        return this.#wire(component, owner, address).address;
      },
      source: (host) => this.#base.source(host),
    };
  }

  /** From now on nothing passes between `a` and `b`; with `oneWay` only what `a` dials is stopped. */
  between(a: string, b: string, oneWay = false): Partition {
    const cuts: (readonly [string, string])[] = oneWay
      ? [[a, b]]
      : [
          [a, b],
          [b, a],
        ];
    const tokens = cuts.map((cut) => {
      const token = {};
      this.#cuts.set(token, cut);
      return token;
    });
    this.#update();
    return {
      heal: () => {
        for (const token of tokens) this.#cuts.delete(token);
        this.#update();
      },
    };
  }

  /** Ends every wire. */
  async close(): Promise<void> {
    await Promise.all([...this.#wires.values()].map(({ wire }) => wire.close()));
    this.#wires.clear();
  }

  #wire(from: string, to: string, address: Address): Wire {
    const key = `${from}>${formatAddress(address)}`;
    const known = this.#wires.get(key);
    if (known) return known.wire;
    if (this.#wires.size >= WIRES_MAX) throw new RangeError(`more than ${WIRES_MAX} wires`);
    const wire = Wire.begin({
      from: { host: '127.0.0.1', port: 0 },
      to: this.#base.locate(address),
      clock: this.#clock,
    });
    this.#wires.set(key, { from, to, wire });
    if (this.#isCut(from, to)) wire.die();
    return wire;
  }

  #update(): void {
    for (const { from, to, wire } of this.#wires.values()) {
      if (!this.#isCut(from, to)) {
        if (wire.state === 'dead') wire.heal();
      } else if (wire.state !== 'dead') wire.die();
    }
  }

  #isCut(from: string, to: string): boolean {
    return [...this.#cuts.values()].some((cut) => cut[0] === from && cut[1] === to);
  }
}
