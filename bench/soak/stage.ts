/**
 * The stage of the soak: two gateways, linked, and a pod behind the far one, each a process; further
 * clusters, hostile and linked to the near one, that only attackers speak for.
 */
import { trustDomainOf } from '#core/id.ts';
import { GATEWAY_PORT } from '#core/names.ts';
import {
  emptySnapshot,
  type ListenerRoute,
  type Peer,
  type Snapshot,
} from '#gateway/snapshot/types.ts';
import { WORKER_FLAGS } from '#gateway/worker/supervisor.ts';
import type { Credentials } from '#identity/workload.ts';
import { gatewayCredentials } from './authority.ts';
import { type Part, startPart } from './part.ts';

/** Listeners of the near gateway: to the far one, and, from there on, one to each hostile peer. */
export const PORTS = { good: 10_001, hostile: 10_100 } as const;
/** Peers that only attackers speak for; one attack each, for a gateway remembers. */
export const HOSTILE_PEERS = 64;
const LINKED_MS = 10_000;
const TARGET = { namespace: 'shop', name: 'backend', port: 8080 };

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
    visibleExports: new Set(['shop/backend']),
  });
  const near = startPart('gateway', flags);
  const far = startPart('gateway', flags);
  const pod = startPart('pod');
  const stop = () => {
    for (const part of [near, far, pod]) part.stop();
  };
  const podPort = await pod.ask<number>('start');
  for (const [at, part] of [near, far].entries()) {
    await part.ask('start', {
      cluster: names[at],
      host: hosts[at],
      credentials: credentials[at],
    });
  }
  await far.ask('update', farSnapshot(podPort, [peerOf(0)]));
  const route = (port: number, cluster: string): [number, ListenerRoute] => [
    port,
    {
      listenerPort: port,
      mirror: `shop/backend-${cluster}`,
      target: TARGET,
      hint: 'detect',
      local: false,
      clusters: [cluster],
    },
  ];
  await near.ask('update', {
    ...farSnapshot(podPort, names.map((_, at) => peerOf(at)).slice(1)),
    replicas: ['near-0'],
    listeners: new Map([
      route(PORTS.good, 'far'),
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

function farSnapshot(podPort: number, peers: readonly Peer[]): Snapshot {
  const endpoints = [{ host: '127.0.0.1', port: podPort, podName: 'pod' }];
  const { namespace, name } = TARGET;
  return {
    ...emptySnapshot,
    replicas: ['far-0'],
    peers: new Map(peers.map((each) => [each.clusterName, each])),
    services: new Map([
      [
        'shop/backend',
        {
          ...{ namespace, name, exported: true },
          ports: new Map([[8080, { hint: 'detect', protocol: 'http1', endpoints }]]),
        },
      ],
    ]),
    exports: new Map([
      [
        'shop/backend',
        {
          ...{ namespace, name, createdAt: '2026-01-01T00:00:00Z', type: 'ClusterSetIP' },
          ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
          sessionAffinity: 'None',
          ...{ ipFamilies: [], exportedLabels: {}, exportedAnnotations: {} },
          ...{ readyEndpoints: 1, hostnames: [] },
        },
      ],
    ]),
  };
}
