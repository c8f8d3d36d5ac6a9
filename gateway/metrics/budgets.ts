/**
 * What the budgets of services allowed and refused, for Prometheus: told by workers as what came since they last did, and added up by
 * the process that looks after them.
 */

import type { BudgetCounts } from '../resilience/guard.ts';
import { Family, labelled } from './text.ts';

/** What the budgets of a service said since it was last told; also the first time, when they have said nothing yet. */
export interface BudgetRow extends Readonly<BudgetCounts> {
  /** `namespace/name` of the exported Service. */
  readonly service: string;
}

/** The sum of all rows of one service. */
export class BudgetTotal implements BudgetCounts {
  retriesAllowed = 0;
  retriesRefused = 0;
  hedgesAllowed = 0;
  hedgesRefused = 0;
  readonly #allowed: string;
  readonly #refused: string;

  constructor(service: string) {
    this.#allowed = labelled({ service, outcome: 'allowed' });
    this.#refused = labelled({ service, outcome: 'refused' });
  }

  add(row: BudgetRow): void {
    this.retriesAllowed += row.retriesAllowed;
    this.retriesRefused += row.retriesRefused;
    this.hedgesAllowed += row.hedgesAllowed;
    this.hedgesRefused += row.hedgesRefused;
  }

  write({ retries, hedges }: BudgetFamilies): void {
    retries.add(this.#allowed, this.retriesAllowed);
    retries.add(this.#refused, this.retriesRefused);
    hedges.add(this.#allowed, this.hedgesAllowed);
    hedges.add(this.#refused, this.hedgesRefused);
  }
}

/** The metrics of a page that tell of budgets. */
export class BudgetFamilies {
  readonly retries = new Family(
    'isthmus_retry_budget_total',
    'counter',
    'Retries that were wanted, by service and whether its retry budget allowed or refused them.',
  );
  readonly hedges = new Family(
    'isthmus_hedge_budget_total',
    'counter',
    'Hedges that were wanted, by service and whether its hedge and retry budgets allowed or refused them.',
  );

  get text(): string {
    return this.retries.text + this.hedges.text;
  }
}
