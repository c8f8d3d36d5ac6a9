/**
 * Which tunnel a stream is opened in. pure
 */

/** What is known of a tunnel where one is chosen. */
export interface Choosable {
  /** Whether streams can be opened. */
  readonly open: boolean;
  /** Streams open now. */
  readonly inFlight: number;
  /** Whether it has something to send at the end of this turn. */
  readonly sending: boolean;
}

/** Tunnels that end in one process of the peer's, or one that is taken by itself. */
export type Bundle<T extends Choosable> = readonly T[];

/**
 * How many streams more than the least loaded one a bundle may have that has something to send in this turn: one record,
 * one write and one read carry all that a turn says in a tunnel. Processes take turns so, not requests.
 */
export const TOGETHER_MAX = 8;

/**
 * So many streams are opened in the first tunnel of a bundle before another is used: there, too, what is answered in a
 * turn leaves in one write.
 */
export const PACKED_MAX = 256;

/**
 * A tunnel of the least loaded of `bundles`, or of one with at most `together` streams more that is about to send;
 * `undefined`: none is open.
 */
export function chosenOf<T extends Choosable>(
  bundles: readonly Bundle<T>[],
  together: number,
): T | undefined {
  let least: T | undefined;
  let leastLoad = Number.POSITIVE_INFINITY;
  let sending: T | undefined;
  let sendingLoad = Number.POSITIVE_INFINITY;
  for (const bundle of bundles) {
    const tunnel = bundle.length === 1 ? bundle[0] : firstOf(bundle);
    if (tunnel === undefined || !tunnel.open) continue;
    const load = loadOf(bundle);
    if (load < leastLoad) {
      least = tunnel;
      leastLoad = load;
    }
    if (load < sendingLoad && tunnel.sending) {
      sending = tunnel;
      sendingLoad = load;
    }
  }
  return sending !== undefined && sendingLoad <= leastLoad + together ? sending : least;
}

/** The first tunnel that has room, or else the one with the fewest streams that is open. */
function firstOf<T extends Choosable>(bundle: Bundle<T>): T | undefined {
  let least: T | undefined;
  for (const tunnel of bundle) {
    if (!tunnel.open) continue;
    if (tunnel.inFlight < PACKED_MAX) return tunnel;
    if (least === undefined || tunnel.inFlight < least.inFlight) least = tunnel;
  }
  return least;
}

function loadOf<T extends Choosable>(bundle: Bundle<T>): number {
  let load = 0;
  for (const tunnel of bundle) load += tunnel.inFlight;
  return load;
}
