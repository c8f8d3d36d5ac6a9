/**
 * Every clause of the contract, in the order they are reported.
 */
import type { ContractCase } from '../case.ts';
import { applies } from './apply.ts';
import { deletions } from './deletion.ts';
import { lists } from './lists.ts';
import { patches } from './patches.ts';
import { services } from './services.ts';
import { watches } from './watches.ts';
import { writes } from './writes.ts';

/** See the file header. */
export const CASES: readonly ContractCase[] = [
  ...lists,
  ...watches,
  ...writes,
  ...applies,
  ...patches,
  ...deletions,
  ...services,
];
