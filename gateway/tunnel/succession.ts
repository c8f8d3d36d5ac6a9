/**
 * What requests do between the end of one tunnel and the next: wait, where another is to be expected.
 *
 * A gateway that leaves in peace has a successor or siblings, and is waited for longest; where a tunnel
 * broke off, another worker or replica may take the next one, but only while it is being dialled.
 */
import type { Clock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import type { TunnelPurpose } from '#core/hello.ts';
import type { Tunnel } from './tunnel.ts';

/** How long requests wait for the successor of a tunnel whose gateway left in peace. */
const LEFT_MS = 2_000;
/** How long they wait where it broke off: a busy machine takes some hundred milliseconds for a handshake. */
const BROKE_MS = 1_000;

export interface SuccessionOptions {
  readonly clock: Clock;
  /** A tunnel that ends after so much silence leads to a machine that is gone: nobody is waited for. */
  readonly silenceMs: number;
  /** The tunnel requests can take now. */
  pick(purpose: TunnelPurpose): Tunnel | undefined;
  /** Whether one for `purpose` that requests can take is being dialled. */
  dialling(purpose: TunnelPurpose): boolean;
}

interface Waiting {
  readonly purpose: TunnelPurpose;
  readonly resolve: (tunnel: Tunnel) => void;
  readonly fail: () => void;
}

export class Succession {
  readonly #options: SuccessionOptions;
  readonly #waiting = new Set<Waiting>();
  #leftMs = Number.NEGATIVE_INFINITY;
  #brokeMs = Number.NEGATIVE_INFINITY;

  constructor(options: SuccessionOptions) {
    this.#options = options;
  }

  /** The peer was asked, or asks itself, to open another tunnel instead of one that is ending. */
  left(): void {
    this.#leftMs = this.#options.clock.monotonicMs();
  }

  /** `tunnel` has ended. */
  ended(tunnel: Tunnel): void {
    if (tunnel.peerLeft) this.left();
    else if (tunnel.peer !== undefined && tunnel.silentMs() < this.#options.silenceMs)
      this.#brokeMs = this.#options.clock.monotonicMs();
  }

  /** Whether another tunnel for requests is to be expected soon. */
  get hopeful(): boolean {
    const { clock, dialling } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#leftMs < LEFT_MS) return true;
    return nowMs - this.#brokeMs < BROKE_MS && dialling('data');
  }

  /** Whether one for `purpose` is: the peer is there, and only this tunnel of it is not yet. */
  #hopefulOf(purpose: TunnelPurpose): boolean {
    const { pick, dialling } = this.#options;
    return this.hopeful || (pick('data') !== undefined && dialling(purpose));
  }

  /** A tunnel for `purpose`, as soon as there is one; `undefined` where none is to be expected. */
  wait(purpose: TunnelPurpose): Promise<Tunnel> | undefined {
    if (!this.#hopefulOf(purpose)) return undefined;
    const { clock } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<Tunnel>();
    const fail = () =>
      reject(
        new IsthmusError('PEER_UNREACHABLE', 'the gateway is gone, and no other took its place'),
      );
    const waiting = { purpose, resolve, fail };
    this.#waiting.add(waiting);
    const left = clock.monotonicMs() - this.#leftMs < LEFT_MS;
    const timer = clock.after(left ? LEFT_MS : BROKE_MS, fail);
    return promise.finally(() => {
      timer.cancel();
      this.#waiting.delete(waiting);
    });
  }

  /** Tunnels have come, gone, or could not be dialled. */
  notice(): void {
    for (const { purpose, resolve, fail } of this.#waiting) {
      const tunnel = this.#options.pick(purpose);
      if (tunnel !== undefined) resolve(tunnel);
      else if (!this.#hopefulOf(purpose)) fail();
    }
  }

  /** Nobody is to be expected any more. */
  close(): void {
    for (const { fail } of this.#waiting) fail();
  }
}
