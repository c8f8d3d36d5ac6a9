/**
 * Notices a worker whose event loop stands still: it says a word each second as long as its loop turns, and one in an endless loop says
 * none, ends by no signal it could hear, and keeps its share of the connections waiting.
 *
 * One that has said nothing yet is loading its program, which takes a busy machine longer, and may stand still before it gets to that.
 *
 * Silence means that only where nothing else explains it. While this process itself was late (a machine that slept, a container
 * that was paused, a debugger) nobody could be heard, so everybody is given all of the time again. Who is stopped or debugged is left alone,
 * however long that takes.
 */
import type { Clock, Timer } from '#core/clock.ts';

/** How often a worker says that its loop turns, and how often who did not is looked for. */
export const WORD_MS = 1_000;
/**
 * A worker that said nothing for so long stands still. The longest turns of a sound one, a collection of its whole heap on a busy
 * machine, take a fifth of it.
 */
const STILL_MS = 10_000;
/**
 * So long may the first word take: half a second is usual, and all workers share the cores of a machine while they start. A worker that
 * waits for its successor waits for the second one, too, before it ends (`END_MS` of `main.ts`).
 */
const FIRST_WORD_MS = 30_000;
/** Who looks so much later than it meant to may have missed words. */
const LATE_MS = WORD_MS;

/** What is known of a worker. */
interface Heard {
  /** When it said something last, was started, or could not be heard. */
  ms: number;
  hasSpoken: boolean;
  isDebugged: boolean;
}

export interface WatchdogOptions<W> {
  readonly clock: Clock;
  /** @default 10,000 */
  readonly stillMs?: number | undefined;
  /** @default 30,000 */
  readonly firstWordMs?: number | undefined;
  /** Whether the process of `worker` is stopped from outside, and cannot say anything. */
  isStopped(worker: W): boolean;
  /** `worker` has said nothing for `silentMs`, and nothing excuses it; said once. */
  standsStill(worker: W, silentMs: number): void;
}

/** Watches workers that are known by `W`, each from its start on. */
export class Watchdog<W> {
  readonly #options: WatchdogOptions<W>;
  readonly #heard = new Map<W, Heard>();
  readonly #timer: Timer;
  #lookedMs: number;

  constructor(options: WatchdogOptions<W>) {
    this.#options = options;
    this.#lookedMs = options.clock.monotonicMs();
    this.#timer = options.clock.every(WORD_MS, () => this.#look());
  }

  /** `worker` was started; `isDebugged`: it may wait for a debugger before it says anything. */
  begun(worker: W, isDebugged = false): void {
    const ms = this.#options.clock.monotonicMs();
    this.#heard.set(worker, { ms, hasSpoken: false, isDebugged });
  }

  /** `worker` said something; `isDebugged` where it told whether it is. What one says that is not watched means nothing. */
  heard(worker: W, isDebugged?: boolean): void {
    const heard = this.#heard.get(worker);
    if (heard === undefined) return;
    heard.ms = this.#options.clock.monotonicMs();
    heard.hasSpoken = true;
    heard.isDebugged = isDebugged ?? heard.isDebugged;
  }

  /** `worker` has ended. */
  end(worker: W): void {
    this.#heard.delete(worker);
  }

  /** Nobody is watched any more. */
  close(): void {
    this.#timer.cancel();
    this.#heard.clear();
  }

  #look(): void {
    const { clock, stillMs = STILL_MS, firstWordMs = FIRST_WORD_MS } = this.#options;
    const { isStopped, standsStill } = this.#options;
    const nowMs = clock.monotonicMs();
    console.log('look', this.#heard.size, [...this.#heard.values()], firstWordMs);
    const isLate = nowMs - this.#lookedMs > WORD_MS + LATE_MS;
    this.#lookedMs = nowMs;
    for (const [worker, heard] of this.#heard) {
      const silentMs = nowMs - heard.ms;
      const limitMs = heard.hasSpoken ? stillMs : firstWordMs;
      if (isLate || (silentMs >= limitMs && (heard.isDebugged || isStopped(worker)))) {
        heard.ms = nowMs;
      } else if (silentMs >= limitMs) {
        this.#heard.delete(worker);
        standsStill(worker, silentMs);
      }
    }
  }
}
