/**
 * Whether a pod that owes answers on an HTTP/2 connection is still there: a PING into its silence tells (RFC 9113
 * section 6.7). pure
 *
 * Servers of gRPC take repeated PINGs for abuse unless they have sent an answer since the last, or five minutes have
 * passed (gRFC A8); a stream on which nothing happens for long is no fault.
 */

/** Silence after which a pod is asked. */
export const QUIET_MS = 5_000;
/** How long it may take to answer. */
export const ANSWER_MS = 5_000;
/** What servers of gRPC want to lie between two PINGs, and a little for the way. */
export const APART_MS = 305_000;

export class Liveness {
  #mayAskFromMs = Number.NEGATIVE_INFINITY;
  /** When it was asked, unless it has been heard since. */
  #askedMs: number | undefined;
  #late = false;

  /**
   * What to do at `nowMs`, about once a second while answers are owed; `receivedMs`: when the pod last sent anything.
   * `dead`: it does not answer. That takes two looks, for what it sent may have lain here unread at the first.
   */
  look(nowMs: number, receivedMs: number): 'ask' | 'dead' | undefined {
    if (this.#askedMs === undefined || receivedMs > this.#askedMs) {
      this.#askedMs = undefined;
      this.#late = false;
      if (nowMs - receivedMs < QUIET_MS || nowMs < this.#mayAskFromMs) return undefined;
      this.#askedMs = nowMs;
      this.#mayAskFromMs = nowMs + APART_MS;
      return 'ask';
    }
    if (nowMs - this.#askedMs < ANSWER_MS) return undefined;
    if (this.#late) return 'dead';
    this.#late = true;
    return undefined;
  }

  /** The head of an answer came: it may be asked again whenever it falls silent. */
  answered(): void {
    this.#mayAskFromMs = Number.NEGATIVE_INFINITY;
  }
}
