/**
 * Writes what the latest plan wants, key by key.
 *
 * Promises: a later plan replaces what was not begun yet; an object that cannot be written holds up no other; at most
 * {@link WRITES_MAX} are written at the same time, each peer's as its budget allows; nothing is written without leadership.
 */
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/log.ts';
import type { Random } from '#core/random.ts';
import type { Budget } from '#kube/lanes.ts';
import { WorkQueue } from '#kube/workqueue.ts';
import { type ApplyContext, runActions } from './apply.ts';
import type { Action } from './input.ts';
import { Refusals } from './refusals.ts';

/** Objects written at the same time. */
const WRITES_MAX = 16;
const RETRY = { firstMs: 50, maxMs: 5_000 };

export interface WriterOptions extends Omit<ApplyContext, 'signal'> {
  /** Who pays for `actions`, which belong together. */
  readonly budgetOf: (actions: readonly Action[]) => Budget | undefined;
  /** What {@link Writer.refused} says has changed. */
  readonly onRefusal: () => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export class Writer {
  readonly #options: WriterOptions;
  readonly #refusals = new Refusals();
  /** What is still to be written, by key. */
  #wanted = new Map<string, readonly Action[]>();
  #queue: WorkQueue | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Whether anything is written now. */
  get isLeading(): boolean {
    return this.#queue !== undefined;
  }

  /** What the API server said of writes it refused as invalid or forbidden, by key of the actions. */
  get refused(): ReadonlyMap<string, string> {
    return this.#refusals.said;
  }

  /** Keys waiting to be written, and keys that failed last time. */
  get backlog(): { readonly depth: number; readonly failing: number } {
    return { depth: this.#queue?.depth ?? 0, failing: this.#queue?.failing ?? 0 };
  }

  /** Writes what is wanted from now on, until `leading` aborts and what is under way has ended. */
  async lead(leading: AbortSignal): Promise<void> {
    const { clock, random, log, budgetOf } = this.#options;
    this.#queue = new WorkQueue(
      {
        handle: (key, signal) => this.#write(key, signal),
        budgetOf: (key) => budgetOf(this.#wanted.get(key) ?? []),
        concurrency: WRITES_MAX,
        clock,
        random,
        log,
        backoff: RETRY,
      },
      leading,
    );
    if (!leading.aborted) {
      await new Promise((resolve) => leading.addEventListener('abort', resolve, { once: true }));
    }
    await this.#queue.idle();
    this.#queue = undefined;
    this.#wanted.clear();
  }

  /** `actions` are all there is to be done, in place of what was wanted before. */
  want(actions: readonly Action[]): void {
    if (this.#queue === undefined) return;
    const wanted = new Map<string, Action[]>();
    for (const action of actions) {
      const known = wanted.get(action.key);
      if (known) known.push(action);
      else wanted.set(action.key, [action]);
    }
    this.#wanted = wanted;
    this.#refusals.keep(wanted);
    for (const [key, together] of wanted) {
      if (this.#refusals.isChanged(key, together)) this.#queue.add(key);
      else this.#queue.offer(key);
    }
  }

  async #write(key: string, signal: AbortSignal): Promise<void> {
    const actions = this.#wanted.get(key);
    if (actions === undefined) return;
    const { onRefusal } = this.#options;
    try {
      await runActions({ ...this.#options, signal }, actions);
      if (this.#refusals.note(key, actions)) onRefusal();
    } catch (error) {
      if (this.#refusals.note(key, actions, error)) onRefusal();
      throw error;
    }
    // A later plan may have replaced them meanwhile; then there is more to do.
    if (this.#wanted.get(key) === actions) this.#wanted.delete(key);
  }
}
