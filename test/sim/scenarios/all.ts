/** Every scenario, in the order in which they are played. */
import type { Scenario } from '../scenario.ts';
import { bursts, capacity, herd, queues } from './capacity.ts';
import { bothFull, distance, linkCut } from './distance.ts';
import { connections, fairness, rollingDeploy, scaling } from './fairness.ts';
import { firstPods } from './first-pods.ts';
import {
  badAnswers,
  blackHole,
  brownout,
  flapping,
  nothingLeft,
  partialOutage,
  totalOutage,
  unrepeatable,
} from './outage.ts';
import { reference } from './reference.ts';

export const SCENARIOS: readonly Scenario[] = [
  reference,
  capacity,
  herd,
  queues,
  bursts,
  fairness,
  connections,
  rollingDeploy,
  scaling,
  firstPods,
  partialOutage,
  totalOutage,
  badAnswers,
  blackHole,
  brownout,
  flapping,
  nothingLeft,
  unrepeatable,
  distance,
  bothFull,
  linkCut,
];
