/**
 * Writes that the API server refused as invalid or forbidden: they are told, and not tried again soon unless they change.
 */
import { createHash } from 'node:crypto';
import { isDenied, statusMessageOf } from '#kube/status.ts';
import type { Action } from './input.ts';

/** Characters kept of what the server said, which may repeat what a peer said. */
const SAID_MAX = 512;

interface Refused {
  readonly print: string;
  readonly said: string;
}

/** What was refused, by key of the actions. */
export class Refusals {
  readonly #refused = new Map<string, Refused>();

  /** What the server said, by key. */
  get said(): ReadonlyMap<string, string> {
    return new Map([...this.#refused].map(([key, { said }]) => [key, said]));
  }

  /** Notes that `actions` of `key` ended with `error`, or well; true when that changes what is known. */
  note(key: string, actions: readonly Action[], error?: unknown): boolean {
    if (error === undefined || !isDenied(error)) {
      return error === undefined && this.#refused.delete(key);
    }
    const said = (statusMessageOf(error) ?? '').slice(0, SAID_MAX);
    const changed = this.#refused.get(key)?.said !== said;
    this.#refused.set(key, { print: printOf(actions), said });
    return changed;
  }

  /** Whether `actions` are others than those of `key` that were refused, and worth a try at once. */
  isChanged(key: string, actions: readonly Action[]): boolean {
    const refused = this.#refused.get(key);
    return refused !== undefined && refused.print !== printOf(actions);
  }

  /** Forgets keys of which nothing is to be written any more. */
  keep(keys: Pick<ReadonlySet<string>, 'has'>): void {
    for (const key of this.#refused.keys()) if (!keys.has(key)) this.#refused.delete(key);
  }
}

/** The time of a transition is that of the plan, and says nothing. */
function printOf(actions: readonly Action[]): string {
  const text = JSON.stringify(actions, (name, value: unknown) =>
    name === 'lastTransitionTime' ? undefined : value,
  );
  return createHash('sha256').update(text).digest('base64');
}
