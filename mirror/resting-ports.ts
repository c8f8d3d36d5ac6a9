/**
 * Listener ports that mirrors gave up lately, and whose they were: they serve nobody else yet.
 */
import type { Clock } from '#core/clock.ts';
import { isMirror } from '#kube/mirror.ts';
import type { Service } from '#kube/types.ts';
import { PORT_REST_MS, portOwner } from './ports.ts';

/** Remembers what the watch of Services tells. */
export class RestingPorts {
  readonly #clock: Clock;
  readonly #resting = new Map<number, { readonly owner: string; readonly untilMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A Service changed. */
  readonly observe = (key: string, before: Service | undefined, after: Service | undefined) => {
    if (before === undefined || !isMirror(before)) return;
    const kept = new Set(after?.spec.ports?.map((each) => each.targetPort));
    const untilMs = this.#clock.monotonicMs() + PORT_REST_MS;
    for (const { port, targetPort } of before.spec.ports ?? []) {
      if (typeof targetPort !== 'number' || kept.has(targetPort)) continue;
      this.#resting.set(targetPort, { owner: portOwner(key, port), untilMs });
    }
  };

  /** Owners by port, of those that rest still. */
  owners(): ReadonlyMap<number, string> {
    const nowMs = this.#clock.monotonicMs();
    for (const [port, { untilMs }] of this.#resting) {
      if (untilMs <= nowMs) this.#resting.delete(port);
    }
    return new Map([...this.#resting].map(([port, { owner }]) => [port, owner]));
  }
}
