/**
 * One process of a gateway probes for all: who asks for what is being probed already waits for the same answer, and
 * everybody hears it.
 *
 * So a pod that is out is asked once for each backoff however many workers there are, and all of them know at once
 * that it is back. What needs real requests, every worker finds out with its own.
 */
import type { Clock } from '#core/clock.ts';
import type { Probe } from '../balance/balancer.ts';

/** What was found out is not asked again for so long: a question may have crossed its answer. */
const FRESH_MS = 100;

/** The side of the process that probes. */
export class ProbeDesk {
  readonly #probe: (probe: Probe) => Promise<boolean>;
  readonly #tell: (probe: Probe, alive: boolean) => void;
  readonly #clock: Clock;
  /** What is being found out, `undefined`, or was within {@link FRESH_MS}. */
  readonly #known = new Map<string, boolean | undefined>();

  /** `probe` asks an endpoint; `tell` lets every worker know. */
  constructor(
    probe: (probe: Probe) => Promise<boolean>,
    tell: (probe: Probe, alive: boolean) => void,
    clock: Clock,
  ) {
    this.#probe = probe;
    this.#tell = tell;
    this.#clock = clock;
  }

  /** A worker wants to know; all are told, also where it cannot be found out. */
  ask(probe: Probe): void {
    const key = keyOf(probe);
    if (this.#known.has(key)) {
      const alive = this.#known.get(key);
      if (alive !== undefined) this.#tell(probe, alive);
      return;
    }
    this.#known.set(key, undefined);
    const done = (alive: boolean) => {
      this.#known.set(key, alive);
      this.#clock.after(FRESH_MS, () => this.#known.delete(key));
      this.#tell(probe, alive);
    };
    this.#probe(probe).then(done, () => done(false));
  }
}

/** The side of a worker. */
export class ProbeClient {
  readonly #ask: (probe: Probe) => void;
  readonly #waiting = new Map<string, ((alive: boolean) => void)[]>();

  /** `ask` hands a probe to the process that probes. */
  constructor(ask: (probe: Probe) => void) {
    this.#ask = ask;
  }

  /** Whether the endpoint is well, as soon as the process that probes says so. */
  probe(probe: Probe): Promise<boolean> {
    const key = keyOf(probe);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) this.#waiting.set(key, [resolve]);
    else waiting.push(resolve);
    this.#ask(probe);
    return promise;
  }

  /** The answer to `probe`, whoever asked; false where nobody here did. */
  told(probe: Probe, alive: boolean): boolean {
    const key = keyOf(probe);
    const waiting = this.#waiting.get(key);
    this.#waiting.delete(key);
    for (const resolve of waiting ?? []) resolve(alive);
    return waiting !== undefined;
  }
}

function keyOf({ address, path, protocol }: Probe): string {
  return `${address} ${protocol ?? ''} ${path ?? ''}`;
}
