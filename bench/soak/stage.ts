/**
 * The stage of the soak: two gateways, linked, and a pod behind the far one, each a process; further
 * clusters, hostile and linked to the near one, that only attackers speak for.
 */
import os from 'node:os';
import { trustDomainOf } from '#core/id.ts';
import { GATEWAY_PORT } from '#core/names.ts';
import {
  emptySnapshot,
  type ListenerRoute,
  type LocalPort,
  type Peer,
  type Snapshot,
  type Target,
} from '#gateway/snapshot/types.ts';
import { WORKER_FLAGS } from '#gateway/worker/supervisor.ts';
import type { Credentials } from '#identity/workload.ts';
import { gatewayCredentials } from './authority.ts';
import { type Part, startPart } from './part.ts';

/**
 * Listeners of the near gateway: to the far one, to another service there that no attacker asks for,
 * and, from there on, one to each hostile peer.
 */
export const PORTS = { good: 10_001, calm: 10_002, hostile: 10_100 } as const;
/** Peers that only attackers speak for; one attack each, for a gateway remembers. */
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
  stop(): void;
}

/** Starts everything and waits for the Link. `flags` are V8's, for the gateways. */
export async function startStage(
  nowMs: number,
  flags: readonly string[] = WORKER_FLAGS,
): Promise<Stage> {
  const block = `127.${100 + (process.pid % 80)}.${(process.pid >> 5) % 250}`;
  const hostile = Array.from({ length: HOSTILE_PEERS }, (_, at) => `hostile-${at}`);
  const names = ['near', 'far', ...hostile];
  const credentials = names.map((each) => gatewayCredentials(each, nowMs));
  const hosts = names.map((_, at) => `${block}.${at + 1}`);
  const peerOf = (at: number): Peer => ({
    linkName: names[at] ?? '',
    clusterName: names[at] ?? '',
    trustDomain: trustDomainOf(names[at] ?? ''),
    trustBundle: credentials[at]?.trustBundle ?? '',
    gateways: at >= 2 ? [] : [{ host: hosts[at] ?? '', port: GATEWAY_PORT }],
    suspended: false,
    visibleExports: new Set(['shop/backend', 'shop/calm']),
  });
  const near = startPart('gateway', flags);
  const far = startPart('gateway', flags);
  const pod = startPart('pod');
  // What attacks do to the pod they ask for is not the gateways' doing.
  const calmPod = startPart('pod');
  const stop = () => {
    for (const part of [near, far, pod, calmPod]) part.stop();
  };
  os.setPriority(pod.pid, os.constants.priority.PRIORITY_LOW);
  const podPorts = [await pod.ask<number>('start'), await calmPod.ask<number>('start')] as const;
  for (const [at, part] of [near, far].entries()) {
    await part.ask('start', {
      cluster: names[at],
      host: hosts[at],
      credentials: credentials[at],
    });
  }
  await far.ask('update', farSnapshot(podPorts, [peerOf(0)]));
  const route = (
    port: number,
    cluster: string,
    target: Target = TARGET,
  ): [number, ListenerRoute] => [
    port,
    {
      listenerPort: port,
      mirror: `shop/${target.name}-${cluster}`,
      target,
      hint: 'detect',
      local: false,
      clusters: [cluster],
    },
  ];
  await near.ask('update', {
    ...farSnapshot(podPorts, names.map((_, at) => peerOf(at)).slice(1)),
    replicas: ['near-0'],
    listeners: new Map([
      route(PORTS.good, 'far'),
      route(PORTS.calm, 'far', CALM),
      ...hostile.map((each, at) => route(PORTS.hostile + at, each)),
    ]),
  } satisfies Snapshot);
  const deadlineMs = performance.now() + LINKED_MS;
  while ((await near.ask('weight', { cluster: 'far', name: 'shop/backend' })) !== 1) {
    if (performance.now() > deadlineMs) throw new Error('the gateways did not link');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const ofHostile = new Map<string, Credentials>();
  for (const [at, each] of credentials.entries()) if (at >= 2) ofHostile.set(names[at] ?? '', each);
  return { near, far, pod, host: hosts[0] ?? '', peer: peerOf(0), credentials: ofHostile, stop };
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
