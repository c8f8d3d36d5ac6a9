/**
 * Linking two clusters: what each tells about itself becomes a Link in the other.
 */
import type { Clock } from '#core/clock.ts';
import { codeOf, IsthmusError } from '#core/errors.ts';
import { isTrustDomain, trustDomainOf } from '#core/id.ts';
import {
  API_GROUP,
  API_VERSION,
  CLUSTER_CONFIG_MAP,
  GATEWAY_SERVICE,
  GLOBAL,
  isLabelName,
  LABEL_MANAGED_BY,
  LABEL_MIRROR,
  LABEL_SERVICE_NAME,
  MANAGER,
  SYSTEM_NAMESPACE,
  TRUST_BUNDLE_CONFIG_MAP,
} from '#core/names.ts';
import { type Patience, poll } from '#core/poll.ts';
import { advertisedAddresses, parseAdvertise } from '#gateway/snapshot/advertised.ts';
import type { KubeClient } from '#kube/client.ts';
import { configMaps, endpointSlices, links, services } from '#kube/resources/builtin.ts';
import { LINK_CATALOG_SYNCED, LINK_CONNECTED, type Link } from '#kube/resources/link.ts';
import type { KubeObject } from '#kube/types.ts';
import type { ClusterContext } from './contexts.ts';
import type { Io } from './io.ts';
import { ownLink } from './own-link.ts';
import { apiServerOf, waitFor } from './waiting.ts';

const POLL_MS = 50;

/** What a cluster says of itself. */
export interface ClusterFacts {
  readonly name: string;
  readonly trustDomain: string;
  readonly trustBundle: string;
  readonly gateways: readonly { readonly host: string; readonly port: number }[];
}

/** Reads what `context` says of itself. Throws `NOT_INSTALLED` when Isthmus is not there. */
export async function readFacts({ context, client }: ClusterContext): Promise<ClusterFacts> {
  const [cluster, bundle, slices, found] = await Promise.all([
    client.get(configMaps, CLUSTER_CONFIG_MAP, SYSTEM_NAMESPACE),
    client.get(configMaps, TRUST_BUNDLE_CONFIG_MAP, SYSTEM_NAMESPACE),
    client.list(endpointSlices, {
      namespace: SYSTEM_NAMESPACE,
      labelSelector: `${LABEL_SERVICE_NAME}=${GATEWAY_SERVICE}`,
    }),
    client.list(services, { namespace: SYSTEM_NAMESPACE }),
  ]);
  const name = cluster?.data?.clusterName;
  const trustBundle = bundle?.data?.['ca.crt'];
  if (name === undefined || trustBundle === undefined) {
    const missing = name === undefined ? CLUSTER_CONFIG_MAP : TRUST_BUNDLE_CONFIG_MAP;
    throw new IsthmusError(
      'NOT_INSTALLED',
      `context ${context}: ConfigMap ${SYSTEM_NAMESPACE}/${missing} is missing`,
    );
  }
  if (!isLabelName(name) || name === GLOBAL || !isTrustDomain(trustDomainOf(name))) {
    throw new IsthmusError('INVALID_CONFIG', `context ${context}: "${name}" is no cluster name`, {
      field: `ConfigMap ${CLUSTER_CONFIG_MAP} data.clusterName`,
      next: `Use an RFC 1123 label other than "${GLOBAL}".`,
    });
  }
  const pods = slices.flatMap((slice) => slice.endpoints.flatMap((each) => each.addresses));
  const advertise = parseAdvertise(cluster?.data?.advertise ?? 'service');
  return {
    name,
    trustDomain: trustDomainOf(name),
    trustBundle,
    gateways: advertisedAddresses(advertise, found, pods).map(({ host, port }) => ({ host, port })),
  };
}

/** The same, for people who wait. */
export function factsOf(io: Io, cluster: ClusterContext): Promise<ClusterFacts> {
  return waitFor(io, apiServerOf(cluster.context), readFacts(cluster));
}

/** Refuses two contexts of one cluster, or of two that are called the same. Throws `CLUSTER_NAME_CONFLICT`. */
export function checkNames(a: ClusterFacts, b: ClusterFacts, next?: string): void {
  if (a.name !== b.name) return;
  throw new IsthmusError('CLUSTER_NAME_CONFLICT', `both clusters are called "${a.name}"`, {
    field: `ConfigMap ${CLUSTER_CONFIG_MAP} data.clusterName`,
    next,
  });
}

/** Refuses two clusters that cannot be linked. Throws `CLUSTER_NAME_CONFLICT`. */
export function checkPair(a: ClusterFacts, b: ClusterFacts): void {
  checkNames(a, b);
  if (a.gateways.length === 0 && b.gateways.length === 0) {
    throw new IsthmusError(
      'PEER_UNREACHABLE',
      `neither ${a.name} nor ${b.name} has an address at which its gateways are reached`,
      {
        next: 'Wait for the load balancer of isthmus-gateway-external, or set advertise in ConfigMap isthmus-cluster.',
      },
    );
  }
}

/** The Link that stands for `peer`. pure */
export function linkManifest(peer: ClusterFacts): KubeObject & { readonly spec: object } {
  return {
    apiVersion: `${API_GROUP}/${API_VERSION}`,
    kind: 'Link',
    metadata: {
      name: peer.name,
      namespace: SYSTEM_NAMESPACE,
      labels: { [LABEL_MANAGED_BY]: MANAGER },
    },
    spec: {
      clusterName: peer.name,
      trustDomain: peer.trustDomain,
      trustBundle: peer.trustBundle,
      gateways: peer.gateways.map((each) => ({ ...each, transport: 'tls' })),
    },
  };
}

/** Creates or brings up to date the Link of `peer`. Throws `CLUSTER_NAME_CONFLICT` where another is in its place. */
export async function applyLink(client: KubeClient, peer: ClusterFacts): Promise<void> {
  ownLink(await allLinks(client), peer.name, undefined);
  await client.apply(links, linkManifest(peer));
}

/** Reads whether a Link for `peer` can be written or removed. Throws `CLUSTER_NAME_CONFLICT` where another is in its place. */
export async function checkLink({ context, client }: ClusterContext, peer: string): Promise<void> {
  ownLink(await allLinks(client), peer, context);
}

function allLinks(client: KubeClient): Promise<readonly Link[]> {
  return client.list(links, { namespace: SYSTEM_NAMESPACE });
}

/** Waits until the Link `name` is connected and has its catalog. Throws `TIMED_OUT` with the reason. */
export async function waitLinked(
  { context, client }: ClusterContext,
  name: string,
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  let missing: string | undefined;
  await poll(
    { clock, everyMs: POLL_MS, forMs: timeoutMs, signal },
    async () => {
      const link = await client.get(links, name, SYSTEM_NAMESPACE);
      missing = link ? unmet(link) : 'the Link does not exist';
      return missing === undefined ? link : undefined;
    },
    () => new IsthmusError('TIMED_OUT', `context ${context}: Link ${name} is not up: ${missing}`),
  );
}

/** Removes the Link of `peer`. False when there was none; throws `CLUSTER_NAME_CONFLICT` where another is in its place. */
export async function removeLink(
  { context, client }: ClusterContext,
  peer: string,
): Promise<boolean> {
  const link = ownLink(await allLinks(client), peer, context);
  if (link === undefined) return false;
  const { name, uid } = link.metadata;
  return client.delete(links, name, SYSTEM_NAMESPACE, uid === undefined ? {} : { uid });
}

/** Waits until the mirrors of the Link `name` are gone. Throws `TIMED_OUT` with how many are left. */
export async function waitUnlinked(
  { context, client }: ClusterContext,
  name: string,
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  let left = 0;
  await poll(
    { clock, everyMs: POLL_MS, forMs: timeoutMs, signal },
    async () => {
      const mirrors = await client.list(services, {
        labelSelector: `${LABEL_MANAGED_BY}=${MANAGER},${LABEL_MIRROR}=${name}`,
      });
      left = mirrors.length;
      return left === 0 ? mirrors : undefined;
    },
    () => {
      const mirrors = left === 1 ? '1 mirror is' : `${left} mirrors are`;
      return new IsthmusError(
        'TIMED_OUT',
        `context ${context}: ${mirrors} still there of ${name}`,
        { next: 'Check that the mirror controller runs: kubectl get pods -n isthmus-system.' },
      );
    },
  );
}

/**
 * What a cluster that is coming up says of itself, once it has an address: gateways and identity announce themselves a
 * moment after they are up. Throws why it does not, where that lasts.
 */
export function factsWhenUp(cluster: ClusterContext, patience: Patience): Promise<ClusterFacts> {
  let why: unknown;
  return poll(
    patience,
    async () => {
      try {
        const facts = await readFacts(cluster);
        if (facts.gateways.length > 0) return facts;
        why = new IsthmusError('TIMED_OUT', `${facts.name} has no address for its gateways`);
      } catch (error) {
        if (!isTransient(error)) throw error;
        why = error;
      }
      return undefined;
    },
    () => why,
  );
}

/** Whether a failed call may work once the cluster has come up. */
function isTransient(error: unknown): boolean {
  return codeOf(error) === 'CLUSTER_UNREACHABLE' || codeOf(error) === 'NOT_INSTALLED';
}

/** What `link` still lacks; a condition of an earlier generation says nothing about this one. */
function unmet(link: Link): string | undefined {
  const { problems, status, metadata } = link;
  if (problems[0]) return `${problems[0].field}: ${problems[0].message}`;
  for (const type of [LINK_CONNECTED, LINK_CATALOG_SYNCED]) {
    const condition = status.conditions?.find((each) => each.type === type);
    const observed = condition?.observedGeneration ?? status.observedGeneration;
    if (condition === undefined || observed !== metadata.generation)
      return `${type}: not observed yet`;
    if (condition.status !== 'True') return `${type}: ${condition.message}`;
  }
  return undefined;
}
