/**
 * A signal that aborts when time runs out, or with an outer one; the time can be held and begun anew.
 */
import type { Clock, Timer } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';

export class Deadline {
  readonly #clock: Clock;
  readonly #afterMs: number;
  readonly #outer: AbortSignal | undefined;
  readonly #controller = new AbortController();
  #timer: Timer;
  #isExpired = false;

  /** Begins at once. Whoever makes one calls {@link done} or {@link abort} in the end. */
  constructor(clock: Clock, afterMs: number, outer: AbortSignal | undefined) {
    this.#clock = clock;
    this.#afterMs = afterMs;
    this.#outer = outer;
    if (outer?.aborted) this.#followOuter();
    outer?.addEventListener('abort', this.#followOuter, { once: true });
    this.#timer = this.#begin();
  }

  /** Aborts with `CLUSTER_UNREACHABLE` when time runs out, or with the reason of the outer signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether time ran out, and nobody else ended it. */
  get isExpired(): boolean {
    return this.#isExpired;
  }

  /** Time does not run until {@link restart}. */
  pause(): void {
    this.#timer.cancel();
  }

  /** The whole time is left again. */
  restart(): void {
    this.#timer.cancel();
    this.#timer = this.#begin();
  }

  /** Nothing ends {@link signal} any more. */
  done(): void {
    this.#timer.cancel();
    this.#outer?.removeEventListener('abort', this.#followOuter);
  }

  /** Ends what still goes on under {@link signal}. */
  abort(): void {
    this.done();
    this.#controller.abort(new Error('done'));
  }

  #begin(): Timer {
    return this.#clock.after(this.#afterMs, () => {
      this.#isExpired = true;
      const why = `nothing came for ${this.#afterMs} ms`;
      this.#controller.abort(new IsthmusError('CLUSTER_UNREACHABLE', why));
    });
  }

  readonly #followOuter = (): void => this.#controller.abort(this.#outer?.reason);
}
