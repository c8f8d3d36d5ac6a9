/**
 * The tunnels a peer dialled to us, until they end; and whether it may dial more.
 */
import type { IsthmusError } from '#core/errors.ts';
import type { TunnelPurpose } from '#core/hello.ts';
import { Barred, isFlood } from '../listener/barred.ts';
import type { Tunnel } from './tunnel.ts';

/** Tunnels one peer may have dialled: more than all its gateways and their workers have use for. */
export const DIALLED_MAX = 1_024;

/** Why a peer may dial no further tunnel now. */
export type DialRefusal = 'PEER_BARRED' | 'TUNNELS_OF_PEER';

export class TakenTunnels {
  /** Those in which we are the HTTP/2 client. */
  readonly #ours = new Set<Tunnel>();
  /** Those in which the peer is. */
  readonly #served = new Set<Tunnel>();
  /** Connections that stand, also of tunnels that take no more streams: whoever says goodbye may stay as long as it likes. */
  #standing = 0;
  readonly #barred = new Barred();

  /** Why the peer with the Link `linkName` may dial no further one now, if so. */
  refusal(linkName: string, nowMs: number): DialRefusal | undefined {
    if (this.#barred.has(linkName, nowMs)) return 'PEER_BARRED';
    return this.#standing >= DIALLED_MAX ? 'TUNNELS_OF_PEER' : undefined;
  }

  /** One was ended for `rule`. */
  broke(linkName: string, rule: string, nowMs: number): void {
    // A peer's clients may make its gateway send what we refuse, but not flood us.
    if (isFlood(rule)) this.#barred.offend(linkName, rule, nowMs);
  }

  /** Takes `tunnel` until it ends; then `onEnded` is told whether it was for streams of ours. */
  add(tunnel: Tunnel, onEnded: (wasOurs: boolean) => void): void {
    const set = tunnel.options.httpRole === 'client' ? this.#ours : this.#served;
    set.add(tunnel);
    this.#standing += 1;
    tunnel.options.connection.once('close', () => {
      this.#standing -= 1;
    });
    tunnel.closed.addEventListener(
      'abort',
      () => {
        set.delete(tunnel);
        onEnded(set === this.#ours);
      },
      { once: true },
    );
  }

  /** Live ones for `purpose` in which we open streams. */
  *ours(purpose: TunnelPurpose): Generator<Tunnel> {
    for (const tunnel of this.#ours)
      if (tunnel.peer?.purpose === purpose && tunnel.open) yield tunnel;
  }

  /** Live ones. */
  *live(): Generator<Tunnel> {
    for (const tunnel of this.#ours) if (tunnel.open) yield tunnel;
    for (const tunnel of this.#served) if (tunnel.open) yield tunnel;
  }

  /** Ends those in which the peer opens streams, in peace; false where there was none. */
  drainServed(): boolean {
    const served = [...this.#served];
    for (const tunnel of served) tunnel.drain();
    return served.length > 0;
  }

  /** Ends all of them: gracefully with `drain`. */
  stop(reason: IsthmusError, drain: boolean): void {
    for (const tunnel of [...this.#ours, ...this.#served]) {
      if (drain) tunnel.drain();
      else tunnel.close(reason);
    }
  }
}
