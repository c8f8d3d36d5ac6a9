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

/**
 * How many streams more than the least loaded tunnel one may have that has something to send in this turn: one record,
 * one write and one read carry all that a turn says in a tunnel. Tunnels take turns so, not requests.
 */
export const TOGETHER_MAX = 8;

/** The least loaded of `tunnels`, or one with at most `together` streams more that is about to send; `undefined`: none is open. */
export function chosenOf<T extends Choosable>(
  tunnels: readonly T[],
  together: number,
): T | undefined {
  let least: T | undefined;
  let sending: T | undefined;
  for (const tunnel of tunnels) {
    if (!tunnel.open) continue;
    if (least === undefined || tunnel.inFlight < least.inFlight) least = tunnel;
    if (tunnel.sending && (sending === undefined || tunnel.inFlight < sending.inFlight))
      sending = tunnel;
  }
  if (least === undefined || sending === undefined) return least;
  return sending.inFlight <= least.inFlight + together ? sending : least;
}
