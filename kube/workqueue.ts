/**
 * Work by key: each key at most once in the queue and never twice at a time, failures retried with a
 * backoff of their own, so that one object that fails never holds up another, and those of one budget hold up none of another.
 */
import { type BackoffLimits, backoffMs } from '#core/backoff.ts';
import type { Clock, Timer } from '#core/clock.ts';
import { codeOf, describeError } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import type { Random } from '#core/random.ts';
import { sparing } from '#core/sparing.ts';
import { type Budget, Lanes } from './lanes.ts';
import { isDenied, retryAfterMsOf } from './status.ts';

const BACKOFF: BackoffLimits = { firstMs: 50, maxMs: 30_000 };
/** What the API server refuses as invalid or forbidden it will refuse again. */
const DENIED: BackoffLimits = { firstMs: 1_000, maxMs: 5 * 60_000 };

export interface WorkQueueOptions {
  /** Reads the present state and acts on it; called again for a key that was added meanwhile. */
  readonly handle: (key: string, signal: AbortSignal) => Promise<void>;
  /** Keys worked on at the same time. */
  readonly concurrency: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly backoff?: BackoffLimits;
  /** What pays for work on `key`, failed work included. Absent or undefined: nothing has to. */
  readonly budgetOf?: (key: string) => Budget | undefined;
}

/** A key that waits for its budget is looked at again after this. */
const BUDGET_POLL_MS = 20;

export class WorkQueue {
  readonly #options: WorkQueueOptions;
  /** A quota or a server in trouble makes thousands fail at once, and again. */
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  readonly #waiting = new Lanes();
  readonly #working = new Set<string>();
  readonly #again = new Set<string>();
  readonly #timers = new Map<string, Timer>();
  readonly #failures = new Map<string, number>();
  #slowedDown: Timer | undefined;
  #idle: PromiseWithResolvers<void> | undefined;

  /** Works until `signal` aborts. */
  constructor(options: WorkQueueOptions, signal: AbortSignal) {
    this.#options = options;
    this.#log = sparing(options.log, options.clock);
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#stop(), { once: true });
  }

  /** Keys waiting or being worked on, those in backoff not counted. */
  get depth(): number {
    return this.#waiting.size + this.#working.size;
  }

  /** Keys that failed last time. */
  get failing(): number {
    return this.#failures.size;
  }

  /** Works on `key` soon, and once more when it is being worked on now. Ends a backoff. */
  add(key: string): void {
    if (this.#signal.aborted) return;
    this.#timers.get(key)?.cancel();
    this.#timers.delete(key);
    if (this.#working.has(key)) this.#again.add(key);
    else this.#wait(key);
    this.#pump();
  }

  /** Like {@link add}, but a key that failed waits out its backoff. */
  offer(key: string): void {
    if (!this.#timers.has(key)) this.add(key);
  }

  /** Works on `key` after `delayMs`; the earlier of two such calls is forgotten. */
  addAfter(key: string, delayMs: number): void {
    if (this.#signal.aborted) return;
    this.#timers.get(key)?.cancel();
    const timer = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(key);
      this.add(key);
    });
    this.#timers.set(key, timer);
  }

  /** Resolves when nothing waits or is being worked on; keys in backoff do not count. */
  idle(): Promise<void> {
    if (this.depth === 0) return Promise.resolve();
    this.#idle ??= Promise.withResolvers<void>();
    return this.#idle.promise;
  }

  #wait(key: string): void {
    this.#waiting.add(key, this.#options.budgetOf?.(key));
  }

  #pump(): void {
    const { clock, concurrency } = this.#options;
    while (this.#working.size < concurrency) {
      const key = this.#waiting.next(clock.monotonicMs());
      if (key === undefined) break;
      this.#working.add(key);
      void this.#work(key);
    }
    if (this.#waiting.size > 0 && this.#working.size < concurrency) {
      this.#slowedDown ??= clock.after(BUDGET_POLL_MS, () => {
        this.#slowedDown = undefined;
        this.#pump();
      });
    }
    if (this.depth === 0) {
      this.#idle?.resolve();
      this.#idle = undefined;
    }
  }

  async #work(key: string): Promise<void> {
    let failed = false;
    try {
      await this.#options.handle(key, this.#signal);
      this.#failures.delete(key);
    } catch (error) {
      failed = !this.#signal.aborted;
      if (failed) this.#fail(key, error);
    }
    this.#working.delete(key);
    if (this.#signal.aborted) this.#again.clear();
    // What was added meanwhile still waits out the backoff of a failing key.
    if (this.#again.delete(key) && !failed) this.#wait(key);
    this.#pump();
  }

  #fail(key: string, error: unknown): void {
    const { random, backoff: usual = BACKOFF } = this.#options;
    const backoff = isDenied(error) ? DENIED : usual;
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    // A server that asks to be left alone is.
    const delayMs = Math.max(backoffMs(backoff, failures, random), retryAfterMsOf(error) ?? 0);
    this.#log.warn('work failed and will be repeated', {
      key,
      code: codeOf(error),
      error: describeError(error),
      failures,
      delayMs: Math.round(delayMs),
    });
    this.addAfter(key, delayMs);
  }

  #stop(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    this.#slowedDown?.cancel();
    this.#waiting.clear();
    this.#pump();
  }
}
