/**
 * A work queue of keys: level-triggered reconciling with backoff.
 *
 * Promises: a key is never handled from within a change of the store; many adds before it is handled
 * are one; a failure is retried with backoff, and an optimistic conflict at once.
 */
import { backoffMs } from '#core/backoff.ts';
import type { Clock, Timer } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import type { Random } from '#core/random.ts';

const BACKOFF = { firstMs: 20, maxMs: 10_000 };

/** What a queue works with. */
export interface QueueOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Brings the world in line with what is asked for `key`. */
  readonly reconcile: (key: string) => void;
}

/** See the file header. */
export class WorkQueue {
  readonly #options: QueueOptions;
  readonly #ready = new Set<string>();
  readonly #waiting = new Map<string, Timer>();
  readonly #failures = new Map<string, number>();
  #scheduled = false;
  #closed = false;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  add(key: string): void {
    if (this.#closed) return;
    this.#ready.add(key);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#drain());
  }

  /** Adds `key` once `delayMs` has passed; an earlier appointment of the key stays. */
  addAfter(key: string, delayMs: number): void {
    if (this.#closed || this.#waiting.has(key)) return;
    const timer = this.#options.clock.after(delayMs, () => {
      this.#waiting.delete(key);
      this.add(key);
    });
    this.#waiting.set(key, timer);
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#waiting.values()) timer.cancel();
    this.#waiting.clear();
    this.#ready.clear();
  }

  #drain(): void {
    this.#scheduled = false;
    const keys = [...this.#ready];
    this.#ready.clear();
    for (const key of keys) {
      if (this.#closed) return;
      this.#handle(key);
    }
  }

  #handle(key: string): void {
    const { name, log, random, reconcile } = this.#options;
    try {
      reconcile(key);
      this.#failures.delete(key);
    } catch (error) {
      const failures = (this.#failures.get(key) ?? 0) + 1;
      this.#failures.set(key, failures);
      if (failures > 3) log.warn('a controller fails', { name, key, error: describeError(error) });
      this.addAfter(key, backoffMs(BACKOFF, failures, random));
    }
  }
}

/** `namespace/name`. */
export function keyOf(object: { metadata: { name: string; namespace?: unknown } }): string {
  return `${String(object.metadata.namespace ?? '')}/${object.metadata.name}`;
}

/** The inverse of {@link keyOf}. */
export function splitKey(key: string): [namespace: string, name: string] {
  const slash = key.indexOf('/');
  return [key.slice(0, slash), key.slice(slash + 1)];
}
