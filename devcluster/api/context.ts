/**
 * What the parts of the API server share.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/log.ts';
import type { ApiFaults } from '../faults/api-faults.ts';
import type { Store } from '../storage/store.ts';
import type { Objects } from './objects.ts';
import type { Rbac } from './rbac.ts';
import type { Lists } from './read.ts';
import type { Registry } from './registry.ts';
import type { Tokens, User } from './tokens.ts';
import type { ServerVersion } from './version.ts';
import type { Watches } from './watch.ts';
import type { Writes } from './writes.ts';

/** One per API server. */
export interface ApiContext {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: Store;
  readonly registry: Registry;
  readonly objects: Objects;
  readonly lists: Lists;
  readonly watches: Watches;
  readonly tokens: Tokens;
  readonly rbac: Rbac;
  readonly writes: Writes;
  readonly faults: ApiFaults;
  /** What `/version` says. */
  readonly version: ServerVersion;
  /** Requests outside the Kubernetes API, such as faults; true when the path is theirs. */
  readonly extra: (call: Call) => Promise<boolean>;
}

/** One request on its way. */
export interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly user: User;
  readonly warnings: string[];
  /** Set where the body, not the query, says that nothing is to be done in earnest. */
  dryRun?: boolean;
}
