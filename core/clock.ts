/**
 * Time as an argument.
 *
 * Everything that reads the time or waits takes a {@link Clock}, so that a test or a simulation can
 * run the production code under a clock of its own. This file is the only one that may name the
 * global timers.
 */

/** A pending call; `cancel()` is idempotent and safe after the call has run. */
export interface Timer {
  cancel(): void;
}

/** A source of time and of delayed calls. */
export interface Clock {
  /** Milliseconds that never go back; only differences mean anything. */
  monotonicMs(): number;
  /** Milliseconds since the Unix epoch; may jump. */
  wallMs(): number;
  /**
   * Runs `callback` once after `delayMs`, or after {@link TIMER_MS_MAX} where that is sooner. A timer never keeps the
   * process alive by itself.
   */
  after(delayMs: number, callback: () => void): Timer;
  /** Runs `callback` every `periodMs` until cancelled. Never keeps the process alive by itself. */
  every(periodMs: number, callback: () => void): Timer;
}

/** The longest wait of the machine's timers, 24 days: what is longer they would take for none at all. */
export const TIMER_MS_MAX = 2 ** 31 - 1;

/** The machine's clock. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, callback) {
    const handle = setTimeout(callback, Math.min(delayMs, TIMER_MS_MAX));
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  every(periodMs, callback) {
    const handle = setInterval(callback, periodMs);
    handle.unref();
    return { cancel: () => clearInterval(handle) };
  },
};

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as it aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const abort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
    signal?.addEventListener('abort', abort, { once: true });
  });
}

/** True after `delayMs`, false as soon as `signal` aborts: for loops that have nothing to say when they are ended. */
export async function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(clock, delayMs, signal);
    return true;
  } catch (error) {
    if (!signal.aborted) throw error;
    return false;
  }
}
