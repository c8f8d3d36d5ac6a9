/** Every scenario, in the order in which they are played. */
import type { Scenario } from '../scenario.ts';
import { reference } from './reference.ts';

export const SCENARIOS: readonly Scenario[] = [reference];
