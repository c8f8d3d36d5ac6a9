/**
 * Who stands before the pods: the mirror of both clusters, through the Service address of west as any client finds
 * it, or HAProxy.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Demo, waitForService } from '#cli/dev/demo.ts';
import type { Io } from '#cli/io.ts';
import { LABEL_SERVICE_NAME } from '#core/names.ts';
import type { Address } from '#core/network.ts';
import { endpointSlices } from '#kube/resources/builtin.ts';
import { announce, NAMESPACE, offer } from '../kit/offer.ts';
import { waitUntilListening } from '../kit/probe.ts';
import { findProgram, type Programs } from '../kit/programs.ts';
import { POD_PORT } from './scenarios.ts';

const SERVICE = 'target';
const MIRROR = `${SERVICE}-global`;
const PORTS = { http: POD_PORT };

/** Exports the pods of both clusters; where `target-global` of west answers. */
export async function offerTarget(
  io: Io,
  demo: Demo,
  home: readonly string[],
  away: readonly string[],
): Promise<Address> {
  await offer(demo.cluster('west').client, SERVICE, home, PORTS);
  await offer(demo.cluster('east').client, SERVICE, away, PORTS);
  const target = { namespace: NAMESPACE, service: MIRROR, port: POD_PORT };
  return waitForService(demo, 'west', target, io, 'loopback');
}

/** West has endpoints at `hosts` from now on. */
export function announceHome(demo: Demo, hosts: readonly string[]): Promise<void> {
  return announce(demo.cluster('west').client, SERVICE, hosts, PORTS);
}

/** The gateways of west that the mirror names as ready: where its Service address leads to. */
export async function mirrorEndpoints(demo: Demo): Promise<Address[]> {
  const slices = await demo.cluster('west').client.list(endpointSlices, {
    namespace: NAMESPACE,
    labelSelector: `${LABEL_SERVICE_NAME}=${MIRROR}`,
  });
  return slices.flatMap(({ endpoints = [], ports = [] }) =>
    endpoints
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ addresses: [host] }) =>
        ports.flatMap(({ port }) => (host && port ? [{ host, port }] : [])),
      ),
  );
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
