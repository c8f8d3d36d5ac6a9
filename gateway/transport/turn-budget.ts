/**
 * What may be done in one turn of the event loop of something that many could ask for at once. What is beyond waits for
 * the next turn, so that whoever asks for little is never behind all of it.
 */
import { atTurnEnd } from './turn.ts';

export class TurnBudget {
  /** Spent in this turn, in units of the owner's. */
  spent = 0;
  readonly #perTurn: number;

  /** Lives as long as the process: one for each kind of work. */
  constructor(perTurn: number) {
    this.#perTurn = perTurn;
    atTurnEnd(() => {
      this.spent = 0;
    });
  }

  /** Whether nothing is left for this turn. */
  get used(): boolean {
    return this.spent >= this.#perTurn;
  }
}
