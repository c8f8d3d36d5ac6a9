/**
 * Who stands before the pods: the mirror of both clusters, through the Service address of west as any client finds
 * it, or HAProxy.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Demo, waitForService } from '#cli/dev/demo.ts';
import type { Io } from '#cli/io.ts';
import { LABEL_EXPORT } from '#core/names.ts';
import type { Address } from '#core/network.ts';
import type { KubeClient } from '#kube/client.ts';
import { endpointSlices, services } from '#kube/resources/builtin.ts';
import { waitUntilListening } from '../wire/probe.ts';
import { findProgram, type Programs } from '../wire/programs.ts';
import { POD_PORT } from './scenarios.ts';

const NAMESPACE = 'shop';
const SERVICE = 'target';
const PORTS = [{ name: 'http', port: POD_PORT, protocol: 'TCP' as const }];

/** Exports the pods of both clusters; where `target-global` of west answers. */
export async function offerTarget(
  io: Io,
  demo: Demo,
  home: readonly string[],
  away: readonly string[],
): Promise<Address> {
  for (const [cluster, hosts] of [
    ['west', home],
    ['east', away],
  ] as const) {
    const { client } = demo.cluster(cluster);
    await applySlice(client, hosts);
    await client.apply(services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: SERVICE, namespace: NAMESPACE, labels: { [LABEL_EXPORT]: 'true' } },
      spec: { ports: PORTS },
    } as never);
  }
  const target = { namespace: NAMESPACE, service: `${SERVICE}-global`, port: POD_PORT };
  return waitForService(demo, 'west', target, io, 'loopback');
}

/** West has endpoints at `hosts` from now on. */
export async function announce(demo: Demo, hosts: readonly string[]): Promise<void> {
  await applySlice(demo.cluster('west').client, hosts);
}

async function applySlice(client: KubeClient, hosts: readonly string[]): Promise<void> {
  await client.apply(endpointSlices, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: SERVICE,
      namespace: NAMESPACE,
      labels: { 'kubernetes.io/service-name': SERVICE },
    },
    addressType: 'IPv4',
    endpoints: hosts.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: PORTS,
  } as never);
}

/** Where HAProxy is to listen, and for whom. */
export interface HaproxyPlace {
  readonly programs: Programs;
  readonly directory: string;
  readonly host: string;
  readonly home: readonly string[];
  readonly away: readonly string[];
}

/** Starts HAProxy; resolves when it listens. */
export async function startHaproxy(place: HaproxyPlace): Promise<Address> {
  const line = (kind: string, backup: string) => (host: string, index: number) =>
    `  server ${kind}${index + 1} ${host}:${POD_PORT}${backup}`;
  const servers = [
    ...place.home.map(line('home', '')),
    ...place.away.map(line('away', ' backup')),
  ].join('\n');
  const listen = `${place.host}:${POD_PORT}`;
  const template = readFileSync(new URL('./configs/haproxy.cfg', import.meta.url), 'utf8');
  const values: Readonly<Record<string, string>> = { listen, servers };
  const file = join(place.directory, 'haproxy.cfg');
  writeFileSync(
    file,
    template.replace(/\{\{(\w+)\}\}/g, (_, key: string) => values[key] ?? ''),
  );
  place.programs.startForeign(findProgram('haproxy', 'haproxy'), ['-db', '-f', file]);
  await waitUntilListening(place.host, POD_PORT);
  return { host: place.host, port: POD_PORT };
}
