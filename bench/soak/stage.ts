/**
 * The stage of the soak: two gateways, linked, and a pod behind the far one, each a process; further
 * clusters, hostile and linked to the near one, that only attackers speak for; and, where it is asked for, a second pair
 * of gateways on the same machine that nobody attacks.
 */
import os from 'node:os';
import { trustDomainOf } from '#core/id.ts';
import { GATEWAY_PORT } from '#core/names.ts';
import type { Address } from '#core/network.ts';
import {
  emptySnapshot,
  type ListenerRoute,
  type LocalPort,
  type Peer,
  type Snapshot,
  type Target,
} from '#gateway/snapshot/types.ts';
import { WORKER_ENVIRONMENT, WORKER_FLAGS } from '#gateway/worker/flags.ts';
import type { Credentials } from '#identity/workload.ts';
import { gatewayCredentials } from './authority.ts';
import { type Part, startPart } from './part.ts';

/**
 * Listeners of the near gateway: to the far one, to another service there that no attacker asks for,
 * and, from there on, one to each hostile peer.
 */
export const PORTS = { good: 10_001, calm: 10_002, hostile: 10_100 } as const;
/** Peers that only attackers speak for; one run of an attack each, for a gateway remembers. */
export const HOSTILE_PEERS = 64;
const LINKED_MS = 10_000;
const TARGET = { namespace: 'shop', name: 'backend', port: 8080 };
const CALM = { namespace: 'shop', name: 'calm', port: 8080 };

/** What runs. */
export interface Stage {
  readonly near: Part;
  readonly far: Part;
  readonly pod: Part;
  /** The near gateway's address, and its Link as the hostile peer has it. */
  readonly host: string;
  readonly peer: Peer;
  /** Of the hostile peers. */
  readonly credentials: ReadonlyMap<string, Credentials>;
  /** The near gateway's address of a pair like the first, which nobody attacks; the same pods. */
  readonly calmHost: string | undefined;
  stop(): void;
}

/** What a stage may have beside the usual. */
export interface StageOptions {
  /** A second pair of gateways, see {@link Stage.calmHost}. */
  readonly calm?: boolean;
  /** Where the near gateway is to dial instead of the far one's address. */
  readonly road?: (far: Address) => Promise<Address>;
}

/** Starts everything and waits for the Link. `flags` are V8's, for the gateways. */
export async function startStage(
  nowMs: number,
  flags: readonly string[] = WORKER_FLAGS,
  { calm = false, road }: StageOptions = {},
): Promise<Stage> {
  const block = `127.${100 + (process.pid % 80)}.${(process.pid >> 5) % 250}`;
  const hostile = Array.from({ length: HOSTILE_PEERS }, (_, at) => `hostile-${at}`);
  const clusters = ['near', 'far', ...hostile].map(
    (name): Cluster => ({ name, credentials: gatewayCredentials(name, nowMs) }),
  );
  const pods = [startPart('pod'), startPart('pod')] as const;
  const [pod, calmPod] = pods;
  // What attacks do to the pod they ask for is not the gateways' doing.
  os.setPriority(pod.pid, os.constants.priority.PRIORITY_LOW);
  const podPorts = [await pod.ask<number>('start'), await calmPod.ask<number>('start')] as const;
  const pair = async (near: string, far: string, road = async (address: Address) => address) => {
    const dialled = [
      { host: near, port: GATEWAY_PORT },
      await road({ host: far, port: GATEWAY_PORT }),
    ];
    return startPair(clusters, [near, far], dialled, podPorts, flags);
  };
  const attacked = await pair(`${block}.1`, `${block}.2`, road);
  const second = calm ? await pair(`${block}.3`, `${block}.4`) : undefined;
  const gateways = [attacked.near, attacked.far, second?.near, second?.far];
  const ofHostile = clusters.slice(2).map(({ name, credentials }) => [name, credentials] as const);
  return {
    ...{ near: attacked.near, far: attacked.far, pod, host: `${block}.1`, peer: attacked.peer },
    ...{ credentials: new Map(ofHostile), calmHost: calm ? `${block}.3` : undefined },
    stop() {
      for (const part of [...gateways, ...pods]) part?.stop();
    },
  };
}

interface Cluster {
  readonly name: string;
  readonly credentials: Credentials;
}

/**
 * Two linked gateways at `hosts`, of the first two of `clusters`, each dialled where `dialled` says; the near one is
 * linked to the others too.
 */
async function startPair(
  clusters: readonly Cluster[],
  hosts: readonly [string, string],
  dialled: readonly Address[],
  podPorts: readonly [number, number],
  flags: readonly string[],
): Promise<{ near: Part; far: Part; peer: Peer }> {
  const peers = clusters.map(
    ({ name, credentials }, at): Peer => ({
      linkName: name,
      clusterName: name,
      trustDomain: trustDomainOf(name),
      trust: name,
      trustBundle: credentials.trustBundle,
      gateways: dialled.slice(at, at < 2 ? at + 1 : at),
      suspended: false,
      visibleExports: new Set(['shop/backend', 'shop/calm']),
    }),
  );
  const [own, ...others] = peers as [Peer, ...Peer[]];
  const near = startPart('gateway', flags, WORKER_ENVIRONMENT);
  const far = startPart('gateway', flags, WORKER_ENVIRONMENT);
  for (const [at, part] of [near, far].entries()) {
    const cluster = clusters[at];
    await part.ask('start', {
      ...{ cluster: cluster?.name, host: hosts[at], credentials: cluster?.credentials },
    });
  }
  await far.ask('update', farSnapshot(podPorts, [own]));
  await near.ask('update', {
    ...farSnapshot(podPorts, others),
    replicas: ['near-0'],
    listeners: new Map([
      route(PORTS.good, 'far'),
      route(PORTS.calm, 'far', CALM),
      ...clusters.slice(2).map(({ name }, at) => route(PORTS.hostile + at, name)),
    ]),
  } satisfies Snapshot);
  const deadlineMs = performance.now() + LINKED_MS;
  while ((await near.ask('weight', { cluster: 'far', name: 'shop/backend' })) !== 1) {
    if (performance.now() > deadlineMs) throw new Error('the gateways did not link');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { near, far, peer: own };
}

/** A listener of the near gateway whose mirror reaches `cluster` alone. */
function route(port: number, cluster: string, target: Target = TARGET): [number, ListenerRoute] {
  const mirror = `shop/${target.name}-${cluster}`;
  return [
    port,
    { listenerPort: port, mirror, target, hint: 'detect', local: false, clusters: [cluster] },
  ];
}

function farSnapshot(podPorts: readonly [number, number], peers: readonly Peer[]): Snapshot {
  const served = [TARGET, CALM].map(({ namespace, name }, at) => {
    const endpoints = [{ host: '127.0.0.1', port: podPorts[at] ?? 0, podName: `pod-${at}` }];
    const port: LocalPort = { hint: 'detect', protocol: 'http1', endpoints };
    return { key: `${namespace}/${name}`, namespace, name, ports: new Map([[8080, port]]) };
  });
  return {
    ...emptySnapshot,
    replicas: ['far-0'],
    peers: new Map(peers.map((each) => [each.clusterName, each])),
    services: new Map(
      served.map(({ key, namespace, name, ports }) => [
        key,
        { namespace, name, exported: true, ports },
      ]),
    ),
    exports: new Map(
      served.map(({ key, namespace, name }) => [
        key,
        {
          ...{ namespace, name, createdAt: '2026-01-01T00:00:00Z', type: 'ClusterSetIP' },
          ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
          sessionAffinity: 'None',
          ...{ ipFamilies: [], exportedLabels: {}, exportedAnnotations: {} },
          ...{ readyEndpoints: 1, hostnames: [] },
        },
      ]),
    ),
  };
}
