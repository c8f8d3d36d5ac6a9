/**
 * Partitions between two components of embedded clusters that are processes, without root: silent, refused or slow.
 *
 * What one component dials of another leads through a {@link Wire} as soon as the pair is named for the first time; before,
 * and for every other pair, nothing stands in between. A component learns its detours from a file of its own
 * (`runtime/routed-network.ts`), which also ends the connections that were there: so prepare a pair first, and a partition
 * later falls silent on established connections too. Wires live in the process of the dialler's API server and end with it.
 */
import { join } from 'node:path';
import { type Address, formatAddress, type Network } from '#core/network.ts';
import { writeRoutes } from '#runtime/routed-network.ts';
import type { Kit } from '../controllers/kit.ts';
import { PODS } from '../controllers/replica-sets.ts';
import { badRequest } from '../values/status.ts';
import type { Dialler, Pair, PartitionRequest } from './pair.ts';
import { addressesOf, LINKS, SERVICES } from './pair-addresses.ts';
import { Wire } from './wire.ts';

/** Pairs, and wires of all of them together. */
const PAIRS_MAX = 100;
const WIRES_MAX = 1_000;
/** Pods come and go in bursts. */
const COALESCE_MS = 20;

/** Where the component `component` of a cluster that keeps its files in `directory` finds its detours. */
export function routesFile(directory: string, component: string): string {
  return join(directory, 'routes', `${component}.json`);
}

/** A partition in force. */
export interface ActivePartition extends PartitionRequest {
  readonly id: string;
}

/** What partitions of one cluster need to know of it. */
export interface PartitionsOptions {
  readonly kit: Kit;
  /** Where the API server is dialled. */
  readonly apiServer: Address;
  readonly network: Network;
  /** Of the cluster's files; absent: there are no component processes, and only clients can be cut off. */
  readonly directory: string | undefined;
}

interface Detour {
  readonly from: Dialler;
  readonly to: Address;
  readonly wire: Wire;
}

/** See the file header. */
export class ComponentPartitions {
  readonly #options: PartitionsOptions;
  readonly #pairs = new Map<string, Pair>();
  readonly #active = new Map<string, ActivePartition>();
  readonly #detours = new Map<string, Detour>();
  readonly #stops: (() => void)[];
  #lastId = 0;
  #isUpdateDue = false;

  constructor(options: PartitionsOptions) {
    this.#options = options;
    const { store } = options.kit;
    this.#stops = [PODS, SERVICES, LINKS].map((each) => store.listen(each, () => this.#changed()));
  }

  /** Leads what the pair says through wires from now on; how many there are. */
  prepare({ from, to }: Pair): number {
    const pair = { from, to };
    const key = JSON.stringify(pair);
    if (this.#pairs.size >= PAIRS_MAX && !this.#pairs.has(key))
      throw badRequest(`no more than ${PAIRS_MAX} pairs at one time`);
    this.#pairs.set(key, pair);
    this.#update();
    return addressesOf(this.#options, to).length;
  }

  /** Stops, refuses or slows down what the pair says, until it is healed. */
  begin(asked: PartitionRequest): ActivePartition {
    this.#lastId += 1;
    const active = { ...asked, id: `partition-${this.#lastId}` };
    this.#active.set(active.id, active);
    this.prepare(asked);
    return active;
  }

  /** Lets everything pass again that `id` stopped, or all; the ids of what it ended. Connections that fell silent are ended. */
  heal(id: string | undefined): string[] {
    const healed = [...this.#active.keys()].filter((each) => id === undefined || each === id);
    for (const each of healed) this.#active.delete(each);
    this.#update();
    return healed;
  }

  list(): readonly ActivePartition[] {
    return [...this.#active.values()];
  }

  /** Where a client's connection to an endpoint of a Service really goes. */
  clientWay(to: Address): Address {
    const { network } = this.#options;
    if (this.#pairs.size === 0) return network.locate(to);
    const isNamed = [...this.#pairs.values()].some(
      (pair) => pair.from === 'client' && this.#hosts(pair).has(to.host),
    );
    const detour = isNamed ? this.#detour('client', to) : undefined;
    return detour?.wire.address ?? network.locate(to);
  }

  /** Ends every wire. */
  async close(): Promise<void> {
    for (const stop of this.#stops) stop();
    await Promise.all([...this.#detours.values()].map(({ wire }) => wire.close()));
    this.#detours.clear();
  }

  #changed(): void {
    if (this.#pairs.size === 0 || this.#isUpdateDue) return;
    this.#isUpdateDue = true;
    this.#options.kit.clock.after(COALESCE_MS, () => {
      this.#isUpdateDue = false;
      this.#update();
    });
  }

  #update(): void {
    const routes = new Map<Dialler, Record<string, string>>();
    for (const { from, to } of this.#pairs.values()) {
      if (from === 'client') continue;
      const mine = routes.get(from) ?? {};
      routes.set(from, mine);
      for (const address of addressesOf(this.#options, to)) {
        const detour = this.#detour(from, address);
        if (detour) mine[formatAddress(address)] = formatAddress(detour.wire.address);
      }
    }
    this.#forget();
    for (const each of this.#detours.values()) this.#obey(each);
    const { directory } = this.#options;
    if (directory === undefined) return;
    for (const [from, mine] of routes) writeRoutes(routesFile(directory, from), mine);
  }

  /** `undefined` when there are too many: the way there stays straight. */
  #detour(from: Dialler, to: Address): Detour | undefined {
    const key = `${from}>${formatAddress(to)}`;
    const known = this.#detours.get(key);
    if (known) return known;
    const { network, kit } = this.#options;
    if (this.#detours.size >= WIRES_MAX) {
      const fields = { from, to: formatAddress(to), max: WIRES_MAX };
      kit.log.warn('too many wires: this address cannot be cut off', fields);
      return undefined;
    }
    const wire = Wire.begin({
      from: { host: '127.0.0.1', port: 0 },
      to: network.locate(to),
      clock: kit.clock,
    });
    const made = { from, to, wire };
    this.#detours.set(key, made);
    this.#obey(made);
    return made;
  }

  /** Ends the wires to whoever has gone. */
  #forget(): void {
    const pairs = [...this.#pairs.values()].map((pair) => [pair.from, this.#hosts(pair)] as const);
    for (const [key, { from, to, wire }] of this.#detours) {
      if (pairs.some(([dialler, hosts]) => dialler === from && hosts.has(to.host))) continue;
      this.#detours.delete(key);
      void wire.close();
    }
  }

  /** Of several partitions the one that lets least through counts. */
  #obey({ from, to, wire }: Detour): void {
    const met = this.list().filter((each) => each.from === from && this.#hosts(each).has(to.host));
    const asked = (['silent', 'refused'] as const).find((how) => met.some((it) => it.how === how));
    const delayMs = Math.max(0, ...met.map((each) => each.delayMs));
    if (asked === 'silent') {
      if (wire.state !== 'dead') wire.die();
    } else if (asked === 'refused') {
      if (wire.state !== 'refused') wire.refuse();
    } else {
      if (wire.state !== 'passing') wire.heal();
      wire.slow(delayMs);
    }
  }

  #hosts({ to }: Pair): ReadonlySet<string> {
    return new Set(addressesOf(this.#options, to).map((each) => each.host));
  }
}
