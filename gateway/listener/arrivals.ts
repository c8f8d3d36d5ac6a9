/**
 * Connections that have come and are yet to be served: a few begin in each turn of the event loop, one of each source in
 * turn. All that follows from a new connection, and what is kept for it, costs a gateway a tenth of a millisecond, and
 * whoever floods opens thousands at once; so others wait for some of them, not for all.
 */
import { type Flushable, flushAtTurnEnd } from '../transport/turn.ts';
import { TurnBudget } from '../transport/turn-budget.ts';

/** Begun in one turn. */
export const ARRIVALS_PER_TURN = 8;

/** What waits to begin. */
export interface Arrival {
  /** Whom it came from. */
  readonly source: string;
  /** Begins now; whoever has gone meanwhile is to notice by itself. */
  begin(): void;
}

interface Line {
  readonly waiting: Arrival[];
  /** Those before have begun. */
  next: number;
}

const begun = new TurnBudget(ARRIVALS_PER_TURN);

export class Arrivals implements Flushable {
  /** By source, whose turn is next first. */
  readonly #lines = new Map<string, Line>();

  /** Begins `arrival` now, or in a turn to come. */
  enter(arrival: Arrival): void {
    if (this.#lines.size === 0) {
      if (!begun.used) {
        begun.spent += 1;
        arrival.begin();
        return;
      }
      flushAtTurnEnd(this);
    }
    const line = this.#lines.get(arrival.source);
    if (line === undefined) this.#lines.set(arrival.source, { waiting: [arrival], next: 0 });
    else line.waiting.push(arrival);
  }

  /** For {@link flushAtTurnEnd} alone. */
  flush(): void {
    for (let left = ARRIVALS_PER_TURN; left > 0; left -= 1) {
      const [first] = this.#lines;
      if (first === undefined) return;
      const [source, line] = first;
      const arrival = line.waiting[line.next] as Arrival;
      line.next += 1;
      this.#lines.delete(source);
      if (line.next < line.waiting.length) this.#lines.set(source, line);
      arrival.begin();
    }
    if (this.#lines.size > 0) flushAtTurnEnd(this);
  }
}
