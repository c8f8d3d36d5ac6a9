/**
 * Those who wait for a turn of the event loop to come: so many go on in each, those that waited longest first.
 */
import { type Flushable, flushAtTurnEnd } from './turn.ts';

export class TurnQueue<T> implements Flushable {
  readonly #perTurn: number;
  readonly #go: (who: T) => void;
  /** Those from {@link #next} on wait; the others have gone. */
  #waiting: T[] = [];
  #next = 0;

  /** `go` is called for `perTurn` of them at the end of each turn. */
  constructor(perTurn: number, go: (who: T) => void) {
    this.#perTurn = perTurn;
    this.#go = go;
  }

  /** Whether nobody waits. */
  get empty(): boolean {
    return this.#waiting.length === 0;
  }

  push(who: T): void {
    if (this.empty) flushAtTurnEnd(this);
    this.#waiting.push(who);
  }

  /** For {@link flushAtTurnEnd} alone. */
  flush(): void {
    for (let left = this.#perTurn; left > 0 && this.#next < this.#waiting.length; left -= 1) {
      this.#go(this.#waiting[this.#next] as T);
      this.#next += 1;
    }
    if (this.#next < this.#waiting.length) {
      flushAtTurnEnd(this);
      return;
    }
    this.#waiting = [];
    this.#next = 0;
  }
}
