/**
 * Every clause of the contract, in the order they are reported.
 */
import type { ContractCase } from '../case.ts';
import { applied } from './applied.ts';
import { applies } from './apply.ts';
import { bindings } from './bindings.ts';
import { bodies } from './bodies.ts';
import { callers } from './callers.ts';
import { config } from './config.ts';
import { controllers } from './controllers.ts';
import { definitions } from './definitions.ts';
import { deletions } from './deletion.ts';
import { discovery } from './discovery.ts';
import { lists } from './lists.ts';
import { manifests } from './manifests.ts';
import { openApi } from './openapi.ts';
import { patches } from './patches.ts';
import { podRules } from './pod-rules.ts';
import { policies } from './policies.ts';
import { protobuf } from './protobuf.ts';
import { replacing } from './replacing.ts';
import { schemas } from './schemas.ts';
import { serviceRules } from './service-rules.ts';
import { serviceTypes } from './service-types.ts';
import { services } from './services.ts';
import { slices } from './slices.ts';
import { tokens } from './tokens.ts';
import { watches } from './watches.ts';
import { workloads } from './workloads.ts';
import { writes } from './writes.ts';

/** See the file header. */
export const CASES: readonly ContractCase[] = [
  ...lists,
  ...watches,
  ...writes,
  ...bodies,
  ...replacing,
  ...protobuf,
  ...applies,
  ...applied,
  ...patches,
  ...deletions,
  ...services,
  ...serviceTypes,
  ...serviceRules,
  ...slices,
  ...config,
  ...policies,
  ...tokens,
  ...callers,
  ...definitions,
  ...schemas,
  ...discovery,
  ...openApi,
  ...workloads,
  ...podRules,
  ...controllers,
  ...bindings,
  ...manifests,
];
