/**
 * Watches → snapshot: the only file of the data plane that talks to Kubernetes, and it only reads.
 *
 * Promises: no snapshot before every watch has synced; changes within {@link COALESCE_MS} make one
 * snapshot; while every API server is away the last snapshot stays in force.
 */
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/log.ts';
import { SYSTEM_NAMESPACE } from '#core/names.ts';
import type { Random } from '#core/random.ts';
import { selects } from '#core/selector.ts';
import type { KubeClient, Resource, Selection } from '#kube/client.ts';
import { Reflector } from '#kube/reflector.ts';
import {
  endpointSlices,
  links,
  pods,
  serviceExports,
  services,
  trafficPolicies,
} from '#kube/resources/builtin.ts';
import type { Link } from '#kube/resources/link.ts';
import { specHash, trustHash } from '#kube/resources/link-hash.ts';
import type { KubeObject } from '#kube/types.ts';
import type { Advertise } from './advertised.ts';
import { compile, type PeerLink } from './compile.ts';
import type { Snapshot } from './types.ts';

const COALESCE_MS = 10;

export interface WatchOptions {
  readonly client: KubeClient;
  readonly cluster: string;
  readonly advertise: Advertise;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly onSnapshot: (snapshot: Snapshot) => void;
}

/** Milliseconds since the API server last said anything, by watch. */
export type WatchAges = () => ReadonlyMap<string, number>;

/** Begins to watch; calls `onSnapshot` first when everything has synced, then after every change. */
export function watchSnapshot(options: WatchOptions): WatchAges {
  const { cluster, advertise, clock, signal, onSnapshot } = options;
  const watched = {
    services: reflect(services, options),
    slices: reflect(endpointSlices, options),
    pods: reflect(pods, options),
    exports: reflect(serviceExports, options),
    // Anywhere else anybody who may write in a namespace of his own could link a cluster.
    links: reflect(links, options, { namespace: SYSTEM_NAMESPACE }),
    policies: reflect(trafficPolicies, options),
  };
  const all = Object.values(watched);
  let scheduled = false;
  const make = () => {
    scheduled = false;
    if (signal.aborted || !all.every((each) => each.hasSynced)) return;
    onSnapshot(
      compile({
        cluster,
        advertise,
        services: watched.services.cache.values(),
        slices: watched.slices.cache.values(),
        pods: watched.pods.cache.values(),
        exports: watched.exports.cache.values(),
        links: peerLinks(watched.links.cache.values()),
        policies: watched.policies.cache.values(),
      }),
    );
  };
  const schedule = () => {
    if (scheduled) return;
    scheduled = true;
    clock.after(COALESCE_MS, make);
  };
  for (const each of all) {
    each.onChange(schedule);
    // A list without objects changes nothing, but it may be the last that was waited for.
    each.synced(signal).then(schedule, () => undefined);
    each.start(signal);
  }
  return () => {
    const nowMs = clock.monotonicMs();
    const entries = Object.entries(watched);
    return new Map(entries.map(([name, each]) => [name, nowMs - each.lastEventAtMs]));
  };
}

function reflect<T extends KubeObject>(
  resource: Resource<T>,
  options: WatchOptions,
  selection: Selection = {},
): Reflector<T> {
  const { client, clock, random, log } = options;
  return new Reflector({ client, resource, selection, clock, random, log });
}

function* peerLinks(found: Iterable<Link>): Generator<PeerLink> {
  for (const { spec, status, metadata } of found) {
    // An invalid Link links nothing; the mirror controller says so on the object.
    if (spec === undefined || metadata.deletionTimestamp !== undefined) continue;
    // What was announced under another spec was taken back by whoever wrote this one.
    const announced = status.specHash === specHash(spec) ? status : {};
    yield {
      linkName: metadata.name,
      createdAt: metadata.creationTimestamp ?? '',
      clusterName: spec.clusterName,
      trustDomain: spec.trustDomain,
      trust: trustHash(spec),
      trustBundle: announced.trustBundle ?? spec.trustBundle,
      gateways: (spec.gateways.length > 0 && announced.gateways) || spec.gateways,
      suspended: spec.suspend,
      sees: (labels) => selects(spec.export.serviceSelector, labels),
    };
  }
}
