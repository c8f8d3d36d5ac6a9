/**
 * Who wrote what, counted: benches and tests read it to know what a component costs an API server.
 */
import { qualified } from '../values/status.ts';

/** One line of the count. */
export interface WriteCount {
  readonly user: string;
  /** `services`, `deployments.apps`; with its subresource, `links.isthmus.dev/status`. */
  readonly resource: string;
  readonly verb: string;
  readonly count: number;
}

/** Distinct lines; what comes after them is counted as of the user `other`. */
const LINES_MAX = 10_000;

/** Counts of writes that were answered with success, dry runs and reviews left out. */
export class Writes {
  readonly #counts = new Map<string, { line: Omit<WriteCount, 'count'>; count: number }>();

  /** One more. */
  count(
    user: string,
    verb: string,
    of: { readonly group: string; readonly plural: string; readonly subresource: string },
  ): void {
    const name = qualified(of.group, of.plural);
    const resource = of.subresource === '' ? name : `${name}/${of.subresource}`;
    const key = `${user} ${verb} ${resource}`;
    const found = this.#counts.get(key);
    if (found) found.count += 1;
    else if (this.#counts.size < LINES_MAX || user === 'other') {
      this.#counts.set(key, { line: { user, resource, verb }, count: 1 });
    } else this.count('other', verb, of);
  }

  /** Every line, in order of user, resource and verb. */
  list(): WriteCount[] {
    return [...this.#counts.entries()]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, { line, count }]) => ({ ...line, count }));
  }
}
