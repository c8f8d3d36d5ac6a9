/**
 * The tunnels of a peer that streams may be opened in, kept ready for whoever chooses one: every request does.
 */
import type { TunnelPurpose } from '#core/hello.ts';
import { type Bundle, chosenOf, TOGETHER_MAX } from './choice.ts';
import type { Tunnel } from './tunnel.ts';

/** Those for one purpose: each by itself, and together those that end in one process of the peer's. */
interface Known {
  readonly each: readonly Bundle<Tunnel>[];
  readonly bundles: readonly Bundle<Tunnel>[];
}

const NOTHING: Known = { each: [], bundles: [] };

export class KnownTunnels {
  readonly #ours: (purpose: TunnelPurpose) => Iterable<Tunnel>;
  #known = nothingKnown();

  /** `ours`: those there are now. */
  constructor(ours: (purpose: TunnelPurpose) => Iterable<Tunnel>) {
    this.#ours = ours;
  }

  /** There may be others now. */
  forget(): void {
    this.#known = nothingKnown();
  }

  /** A live tunnel for `purpose`, as {@link chosenOf} says. */
  pick(purpose: TunnelPurpose): Tunnel | undefined {
    const found = this.#choose(purpose);
    if (found !== undefined) return found;
    // Whatever made those useless, others may be there.
    this.#known[purpose] = knownOf([...this.#ours(purpose)]);
    return this.#choose(purpose);
  }

  #choose(purpose: TunnelPurpose): Tunnel | undefined {
    const { each, bundles } = this.#known[purpose];
    // Opaque connections last, and are spread for what they will bring.
    if (purpose === 'opaque') return chosenOf(each, 0);
    // Large content wants the windows of all tunnels, and small content not to wait behind it.
    return chosenOf(isLaden(each) ? each : bundles, TOGETHER_MAX);
  }
}

function nothingKnown(): Record<TunnelPurpose, Known> {
  return { control: NOTHING, data: NOTHING, opaque: NOTHING };
}

function knownOf(tunnels: readonly Tunnel[]): Known {
  const bundles = Map.groupBy(tunnels, ({ peer }) => `${peer?.replica} ${peer?.worker}`);
  return { each: tunnels.map((tunnel) => [tunnel]), bundles: [...bundles.values()] };
}

/** Whether what is sent in any of them may wait behind much else. */
function isLaden(each: readonly Bundle<Tunnel>[]): boolean {
  for (const [tunnel] of each) if (tunnel?.laden === true) return true;
  return false;
}
