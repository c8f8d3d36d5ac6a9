/**
 * All tunnels to a peer whose connections stand, whether streams can still be opened in them or not.
 *
 * One that was replaced, or whose other side has said that it leaves, is chosen no more, but carries on with what was begun
 * in it: a connection to a database may take days. So it is watched, and cut with the Link, as if it were new.
 */
import { IsthmusError } from '#core/errors.ts';
import type { TunnelPurpose } from '#core/hello.ts';
import type { Tunnel } from './tunnel.ts';

export class StandingTunnels {
  /** With what each is for; `undefined`: the peer dialled it, and its hello says so. */
  readonly #all = new Map<Tunnel, TunnelPurpose | undefined>();

  /** Keeps `tunnel` until its connection is gone; `purpose` where we dialled it. */
  add(tunnel: Tunnel, purpose?: TunnelPurpose): void {
    this.#all.set(tunnel, purpose);
    tunnel.options.connection.once('close', () => this.#all.delete(tunnel));
  }

  /** Ends those that were silent for longer than `silenceMs`, asks the others for a sign of life. */
  watch(silenceMs: number): void {
    for (const tunnel of this.#all.keys()) {
      const silentMs = tunnel.silentMs();
      if (silentMs > silenceMs)
        tunnel.close(new IsthmusError('TUNNEL_LOST', `no byte for ${Math.round(silentMs)} ms`));
      else tunnel.ping();
    }
  }

  /** Asks for no more streams of the peer's; those open go on. */
  drainServed(): void {
    for (const tunnel of this.#all.keys()) if (tunnel.options.httpRole === 'server') tunnel.drain();
  }

  /** How many may carry requests of the peer. What it follows in a control tunnel has no end, and is none. */
  get serving(): number {
    let serving = 0;
    for (const [tunnel, purpose = tunnel.peer?.purpose] of this.#all)
      if (tunnel.options.httpRole === 'server' && purpose !== 'control') serving += 1;
    return serving;
  }

  /** Ends all of them for `reason`, with every stream in them. */
  cut(reason: IsthmusError): void {
    for (const tunnel of [...this.#all.keys()]) tunnel.close(reason);
  }
}
