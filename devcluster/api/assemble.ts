/**
 * An API server without sockets: everything that answers requests, put together.
 *
 * Apart from listening, so that simulations can run the production code in memory, under a clock and
 * a chance of their own.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/log.ts';
import type { Random } from '#core/random.ts';
import { ApiFaults } from '../faults/api-faults.ts';
import { SkewedClock } from '../faults/skewed-clock.ts';
import { AddressPool } from '../kinds/address-pool.ts';
import { builtinResources } from '../kinds/builtins.ts';
import { customResources } from '../kinds/crd.ts';
import { Store } from '../storage/store.ts';
import { bootstrap } from './bootstrap.ts';
import type { ApiContext, Call } from './context.ts';
import { Objects } from './objects.ts';
import { Rbac } from './rbac.ts';
import { Lists } from './read.ts';
import { Registry } from './registry.ts';
import { Tokens } from './tokens.ts';
import { serverVersion } from './version.ts';
import { Watches } from './watch.ts';
import { Writes } from './writes.ts';

/** What a server needs of its surroundings to answer. */
export interface AssemblyOptions {
  readonly cluster: string;
  /** Second byte of the cluster's addresses. */
  readonly block: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Such as `1.36`; see `version.ts`. */
  readonly kubernetesVersion?: string | undefined;
  /** Requests outside the Kubernetes API; resolves to whether it answered. */
  readonly extra?: ((call: Call) => Promise<boolean>) | undefined;
}

/** A server ready to be asked. */
export interface Assembly {
  readonly context: ApiContext;
  /** Of a member of `system:masters`. */
  readonly adminToken: string;
  /** First address of the Service range: Service `kubernetes`. */
  readonly kubernetesIp: string;
  /** Creates what every cluster holds from the start; Service `kubernetes` will lead to `address`. */
  begin(address: { readonly host: string; readonly port: number }): void;
}

/** Offset of x.y.96.1, the address of Service `kubernetes`, in the range of Service addresses. */
const SERVICES_FROM = 32 * 256 + 1;
/** CRDs are kept here. */
const CRDS = 'customresourcedefinitions.apiextensions.k8s.io';

/** A server that is still empty. Throws `INVALID_CONFIG` for a wrong version. */
export function assemble(options: AssemblyOptions): Assembly {
  const { cluster, block, random, log } = options;
  const version = serverVersion(options.kubernetesVersion);
  const clock = new SkewedClock(options.clock);
  const store = new Store(clock.wallMs());
  // Room for 16,000 Services, of which the first addresses are those people know.
  const pool = new AddressPool(clock, `127.${block}.64.0/18`, SERVICES_FROM, 0);
  const registry = new Registry(builtinResources(pool));
  const kubernetesIp = `127.${block}.96.1`;
  const objects = new Objects(store, clock, random);
  const adminToken = randomBytes(24).toString('base64url');
  const lists = new Lists(store, clock);
  const watches = new Watches(store, clock, random);
  const context: ApiContext = {
    clock,
    log,
    store,
    registry,
    objects,
    lists,
    watches,
    tokens: new Tokens(clock, store, adminToken),
    rbac: new Rbac(store),
    writes: new Writes(),
    faults: new ApiFaults({ store, lists, watches, clock, random }),
    version,
    extra: options.extra ?? (() => Promise.resolve(false)),
  };
  serveCustomResources(store, registry, watches);
  return {
    context,
    adminToken,
    kubernetesIp,
    begin: (apiServer) => bootstrap({ registry, objects, cluster, kubernetesIp, apiServer }),
  };
}

function serveCustomResources(store: Store, registry: Registry, watches: Watches): void {
  store.listen(CRDS, ({ type, object }) => {
    if (type === 'DELETED') watches.endOf(object.metadata.name);
    registry.setCustom(object.metadata.name, type === 'DELETED' ? [] : customResources(object));
  });
}
