/**
 * A command that was told to end before it was done. pure
 */
import { IsthmusError } from '#core/errors.ts';

/** What ends a command early, and its number: https://man7.org/linux/man-pages/man7/signal.7.html. */
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGPIPE: 13, SIGTERM: 15 } as const;
/** Shells tell a signal by this and its number. */
const SIGNAL_EXIT = 128;

export type EndingSignal = keyof typeof SIGNALS;

/** The reason `Io.signal` aborts with, and the failure of a command that it cut short. */
export class Interruption extends IsthmusError {
  readonly signalName: EndingSignal;

  /** `done` says what the command has done and undone. */
  constructor(signalName: EndingSignal, done?: string) {
    const what = `interrupted by ${signalName}`;
    super('INTERRUPTED', done === undefined ? what : `${what}: ${done}`);
    this.signalName = signalName;
  }

  get exitCode(): number {
    return SIGNAL_EXIT + SIGNALS[this.signalName];
  }
}

/** Awaits `work`, but no longer than until `signal` aborts: what still runs then is left to end by itself. */
export async function interruptible<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const left = Promise.withResolvers<never>();
  const leave = () => left.reject(signal.reason);
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });
  try {
    return await Promise.race([left.promise, work]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}

/** Awaits `work`; where an interruption ends it, the failure says what `done` tells then. */
export async function tellingWhatWasDone<T>(work: Promise<T>, done: () => string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof Interruption ? new Interruption(error.signalName, done()) : error;
  }
}
