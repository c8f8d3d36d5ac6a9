/**
 * Attempts of a simulation: at a pod, and through a tunnel at another cluster.
 */
import type { Clock, Timer } from '#core/clock.ts';
import { AttemptError } from '#gateway/http/attempt-error.ts';
import type { Attempt, AttemptListener } from '#gateway/http/exchange.ts';
import { type AnswerHead, NO_HEADERS } from '#gateway/http/message.ts';
import { SimExchange } from './exchange.ts';
import type { SimServer } from './server.ts';

/** Bytes of an answer that does not come in one piece. */
const CONTENT = Buffer.alloc(1);

function headOf(status: number, length: number): AnswerHead {
  return { status, headers: NO_HEADERS, upgrade: '', length, seen: 0 };
}

/** What both kinds share: it ends once, and says so. */
abstract class SimAttempt implements Attempt {
  protected over = false;
  protected readonly listener: AttemptListener;
  readonly #closed: () => void;

  constructor(listener: AttemptListener, closed: () => void) {
    this.listener = listener;
    this.#closed = closed;
  }

  body(): void {
    // Simulated requests have no content.
  }

  end(): void {
    // As above.
  }

  consumed(): void {
    // Nothing is held back.
  }

  cancel(): void {
    this.close();
  }

  /** Whether this is the end: false when it was over before. */
  protected close(): boolean {
    if (this.over) return false;
    this.over = true;
    this.#closed();
    return true;
  }

  protected fail(error: AttemptError): void {
    if (this.close()) this.listener.onFailed(error);
  }
}

export interface PodAttemptOptions {
  readonly clock: Clock;
  readonly server: SimServer | undefined;
  readonly listener: AttemptListener;
  /** One way between gateway and pod. */
  readonly wireMs: () => number;
  /** How long after its head the content of an answer ends; 0: both at once. */
  readonly contentMs: number;
  readonly closed: () => void;
}

/** An attempt at a pod; one that is gone refuses connections. */
export class PodAttempt extends SimAttempt {
  readonly #options: PodAttemptOptions;

  constructor(options: PodAttemptOptions) {
    super(options.listener, options.closed);
    this.#options = options;
    options.clock.after(options.wireMs(), () => this.#arrive());
  }

  #arrive(): void {
    const { clock, server, wireMs, contentMs } = this.#options;
    if (this.over || server?.health === 'silent') return;
    if (server === undefined || server.health === 'refusing') {
      this.fail(new AttemptError('UPSTREAM_CONNECT', 'refused', { neverSent: true }));
      return;
    }
    server.serve((status) => {
      clock.after(wireMs(), () => this.#answer(status, contentMs));
    });
  }

  #answer(status: number, contentMs: number): void {
    if (this.over) return;
    if (contentMs === 0) {
      if (this.close()) this.listener.onAnswer(headOf(status, 0), true);
      return;
    }
    this.listener.onAnswer(headOf(status, CONTENT.length), false);
    this.#options.clock.after(contentMs, () => {
      if (this.close()) this.listener.onAnswerBody(CONTENT, 0, CONTENT.length, true);
    });
  }
}

export interface TunnelAttemptOptions {
  readonly clock: Clock;
  readonly listener: AttemptListener;
  /** One way between the gateways. */
  readonly wireMs: number;
  /** Whether bytes pass right now. */
  readonly passes: () => boolean;
  /** Hands the request to the far gateway. */
  readonly arrive: (exchange: SimExchange) => void;
  /** Who is told when the tunnel is found dead. */
  readonly tunnel: { watch(tell: () => void): void; forget(tell: () => void): void };
  readonly head: SimExchange['head'];
  readonly closed: () => void;
}

/** An attempt at another cluster: there, through its gateway, and back. */
export class TunnelAttempt extends SimAttempt {
  readonly #options: TunnelAttemptOptions;
  #far: SimExchange | undefined;
  #timer: Timer | undefined;

  constructor(options: TunnelAttemptOptions) {
    const onDead = () =>
      this.fail(new AttemptError('PEER_UNREACHABLE', 'the tunnel is dead', { neverSent: false }));
    super(options.listener, () => {
      options.tunnel.forget(onDead);
      options.closed();
    });
    options.tunnel.watch(onDead);
    this.#options = options;
    this.#later(() => this.#arrive());
  }

  override cancel(): void {
    if (!this.close()) return;
    this.#timer?.cancel();
    const far = this.#far;
    if (far !== undefined && this.#options.passes())
      this.#options.clock.after(this.#options.wireMs, () => far.leave());
  }

  #arrive(): void {
    const far = new SimExchange(this.#options.head, (status, code = 'UPSTREAM_RESET') =>
      this.#later(() => {
        if (!this.close()) return;
        if (status > 0 && code === 'UPSTREAM_RESET')
          this.listener.onAnswer(headOf(status, 0), true);
        else {
          const neverSent = code === 'NO_ENDPOINT' || code === 'UPSTREAM_CONNECT';
          this.listener.onFailed(new AttemptError(code, 'said the far gateway', { neverSent }));
        }
      }),
    );
    this.#far = far;
    this.#options.arrive(far);
  }

  /** After the way, if bytes pass. */
  #later(what: () => void): void {
    const { clock, wireMs, passes } = this.#options;
    if (!passes()) return;
    this.#timer = clock.after(wireMs, () => {
      if (passes()) what();
    });
  }
}
