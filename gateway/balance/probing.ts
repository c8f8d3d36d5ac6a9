/**
 * The probes of a service's local endpoints that are out, outside the picker; remote clusters come back by
 * themselves. pure
 *
 * Who refused connections is asked for one; who answered badly, for the path a TrafficPolicy names, or else by one
 * real request for each backoff (`exploration.ts`), and for a connection where no such request comes along.
 */
import { eject, probing, revive, usualWaitMs } from './ejection.ts';
import type { Endpoint } from './endpoint.ts';
import type { Exploration } from './exploration.ts';
import type { EndpointGroup } from './group.ts';
import { NOBODY } from './pick.ts';
import { FLAG } from './table.ts';

export class Probing {
  readonly #local: EndpointGroup;
  readonly #guessMs: (slot: number) => number;
  readonly #due: Endpoint[] = [];

  /** `guessMs`: what an endpoint is taken to need that is back. */
  constructor(local: EndpointGroup, guessMs: (slot: number) => number) {
    this.#local = local;
    this.#guessMs = guessMs;
  }

  /** Looks for endpoints whose probe is due; those that a real request may probe are left to `exploration`. */
  tick(nowMs: number, exploration: Exploration): void {
    const local = this.#local;
    const { probeAtMs } = local.table;
    exploration.tick();
    this.#due.length = 0;
    for (const slot of local.dueAt(nowMs)) {
      const byConnection = this.#refused(slot) || local.ejection.probePath !== undefined;
      // Where no request that may be repeated comes along, a connection must do.
      const isOverdue = nowMs - (probeAtMs[slot] as number) >= usualWaitMs(local, slot);
      const due = byConnection || isOverdue ? this.#due : exploration.due;
      due.push(local.endpointOf(slot));
    }
  }

  /** One that is to be asked now; once each. */
  take(nowMs: number): Endpoint | undefined {
    const endpoint = this.#due.pop();
    if (endpoint !== undefined && endpoint.slot !== NOBODY)
      probing(this.#local, endpoint.slot, nowMs);
    return endpoint;
  }

  /** What a probe of `endpoint` asks for: nothing after connection errors, or where the settings name nothing. */
  pathOf({ slot }: Endpoint): string | undefined {
    return this.#refused(slot) ? undefined : this.#local.ejection.probePath;
  }

  /** What became of a probe that {@link take} asked for; true where the endpoint was out until now. */
  probed({ slot }: Endpoint, alive: boolean, nowMs: number): boolean {
    if (!this.#isOut(slot)) return false;
    if (alive) revive(this.#local, slot, nowMs, this.#guessMs(slot));
    else eject(this.#local, slot, nowMs, this.#refused(slot));
    return true;
  }

  /** The same of a probe somebody else made, for `path`; nothing to whoever is out for another reason. */
  heard(key: string, path: string | undefined, alive: boolean, nowMs: number): boolean {
    const local = this.#local;
    const slot = local.find(key)?.slot ?? NOBODY;
    if (!this.#isOut(slot)) return false;
    const sameReason = path === undefined ? this.#refused(slot) : path === local.ejection.probePath;
    if (!sameReason) return false;
    if (alive) revive(local, slot, nowMs, this.#guessMs(slot));
    else probing(local, slot, nowMs);
    return alive;
  }

  #refused(slot: number): boolean {
    return slot !== NOBODY && this.#local.table.is(slot, FLAG.REFUSED);
  }

  #isOut(slot: number): boolean {
    const { table } = this.#local;
    return slot !== NOBODY && table.is(slot, FLAG.EJECTED) && !table.is(slot, FLAG.GONE);
  }
}
