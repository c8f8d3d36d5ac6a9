/**
 * What the budgets of services allowed and refused, for Prometheus: read from plain numbers when somebody asks.
 */
import { Counter, type Registry } from 'prom-client';
import type { BudgetCounts } from './resilience/guard.ts';

/** Registers retries and hedges in `registry`, by service and by what the budget said; `counts` never go back. */
export function budgetMetrics(
  registry: Registry,
  counts: () => ReadonlyMap<string, Readonly<BudgetCounts>>,
): void {
  const add = (name: string, help: string, of: (each: BudgetCounts) => [number, number]) =>
    new Counter({
      name,
      help,
      labelNames: ['service', 'outcome'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [service, each] of counts()) {
          const [allowed, refused] = of(each);
          this.inc({ service, outcome: 'allowed' }, allowed);
          this.inc({ service, outcome: 'refused' }, refused);
        }
      },
    });
  add(
    'isthmus_retry_budget_total',
    'Retries that were wanted, by service and whether its retry budget allowed or refused them.',
    ({ retriesAllowed, retriesRefused }) => [retriesAllowed, retriesRefused],
  );
  add(
    'isthmus_hedge_budget_total',
    'Hedges that were wanted, by service and whether its hedge and retry budgets allowed or refused them.',
    ({ hedgesAllowed, hedgesRefused }) => [hedgesAllowed, hedgesRefused],
  );
}
