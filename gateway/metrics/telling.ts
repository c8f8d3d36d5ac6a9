/**
 * How a worker tells what it counted: in portions, a turn of its event loop each, for it has requests to serve however many services
 * and peers there are.
 *
 * What is told is what came since it was last told, so whoever hears it has only to add it up, and it does not matter who
 * asked, or whether the worker ends in between.
 */
import type { BudgetRow } from './budgets.ts';
import type { PeerRow } from './peers.ts';
import type { RequestRow } from './requests.ts';

/** Rows of a portion: to take and send them costs half a millisecond. */
const ROWS = 32;
/** Rows without news cost next to nothing. */
const LOOKED = 1_024;

/** What a worker has to tell, row by row as it is taken; `undefined`: a row without news. */
export interface Untold {
  readonly requests: Iterable<RequestRow | undefined>;
  readonly budgets: Iterable<BudgetRow | undefined>;
  readonly peers: Iterable<PeerRow>;
}

/** A portion of it. */
export interface Portion {
  readonly requests?: readonly RequestRow[];
  readonly budgets?: readonly BudgetRow[];
  readonly peers?: readonly PeerRow[];
}

/** Hands all of `untold` to `send`, whose promise says when there is room for more. */
export async function tellAll(
  { requests, budgets, peers }: Untold,
  send: (portion: Portion) => Promise<void>,
): Promise<void> {
  await inPortions(requests, (rows) => send({ requests: rows }));
  await inPortions(budgets, (rows) => send({ budgets: rows }));
  await inPortions(peers, (rows) => send({ peers: rows }));
}

async function inPortions<T>(
  rows: Iterable<T | undefined>,
  send: (rows: readonly T[]) => Promise<void>,
): Promise<void> {
  let portion: T[] = [];
  let looked = 0;
  for (const row of rows) {
    if (row !== undefined) portion.push(row);
    looked += 1;
    if (portion.length < ROWS && looked < LOOKED) continue;
    if (portion.length > 0) await send(portion);
    portion = [];
    looked = 0;
    await new Promise(setImmediate);
  }
  if (portion.length > 0) await send(portion);
}
