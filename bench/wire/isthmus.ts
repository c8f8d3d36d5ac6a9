/**
 * The gateways as a pair: what `isthmus dev` runs, from the output of `npm run build`.
 *
 * What differs from `isthmus dev`: each cluster has one gateway replica, so that a pair is a pair; the
 * exported Service stands for the bench's backend; there is no traffic but the bench's. Configuration is
 * the default.
 */
import { join } from 'node:path';
import type { Demo } from '#cli/dev/demo.ts';
import type { Io } from '#cli/io.ts';
import { services } from '#kube/resources/builtin.ts';
import { packageVersion } from '#runtime/package.ts';
import { bootBuilt } from '../kit/built.ts';
import { NAMESPACE, offer } from '../kit/offer.ts';
import { addCrowd, type Crowd } from './crowd.ts';
import { HTTP1_PORT, HTTP2_PORT, OPAQUE_PORT } from './ports.ts';
import { waitUntilServing } from './serving.ts';
import type { Pair } from './systems.ts';

const SERVICE = 'bench';
const MIRROR = 'bench-east';
const PORTS = { http1: HTTP1_PORT, http2: HTTP2_PORT, opaque: OPAQUE_PORT };
const MIRROR_WAIT_MS = 30_000;
const POLL_MS = 20;

/** A pair of gateways that can be ended. */
export interface IsthmusPair extends Pair {
  /** The workers, which carry the traffic: west's and east's. */
  readonly gateways: Readonly<
    Record<'west' | 'east', { readonly pid: number; readonly log: string }>
  >;
  stop(): Promise<void>;
}

/** What a pair may have beside the one Service, and how its gateways run. */
export interface IsthmusOptions {
  /** Set for the gateway pods. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly crowd?: Crowd | undefined;
}

/** Builds, boots, links and exports the backend at `pod`. */
export async function startIsthmus(
  io: Io,
  directory: string,
  pod: string,
  { environment = {}, crowd }: IsthmusOptions = {},
): Promise<IsthmusPair> {
  const demo = await bootBuilt(io, directory, { environment, replicas: 1 });
  try {
    await offer(demo.cluster('east').client, SERVICE, [pod], PORTS);
    if (crowd) await addCrowd(demo, crowd, io.err);
    const targets = await targetsOf(demo);
    await waitUntilServing(targets.http1);
    const gateways = { west: gatewayOf(demo, 'west'), east: gatewayOf(demo, 'east') };
    return {
      version: packageVersion(),
      roots: [gateways.west.pid, gateways.east.pid],
      gateways,
      targets: { ...targets, grpc: targets.http2 },
      missing: {},
      stop: () => demo.stop(),
    };
  } catch (error) {
    await demo.stop();
    throw error;
  }
}

/** Clients ask the gateway itself: the stage's service proxy is not what is measured. */
async function targetsOf(demo: Demo) {
  const west = demo.cluster('west');
  const [gateway] = west.gateways;
  const deadlineMs = performance.now() + MIRROR_WAIT_MS;
  while (performance.now() < deadlineMs) {
    const mirror = await west.client.get(services, MIRROR, NAMESPACE);
    const at = (name: string) => {
      const port = mirror?.spec.ports?.find((each) => each.name === name)?.targetPort;
      return gateway && typeof port === 'number' ? { host: gateway.ip, port } : undefined;
    };
    const [http1, http2, opaque] = [at('http1'), at('http2'), at('opaque')];
    if (http1 && http2 && opaque) return { http1, http2, opaque };
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`${MIRROR} does not appear in west`);
}

function gatewayOf(demo: Demo, name: string) {
  const cluster = demo.cluster(name);
  const [gateway, ...others] = cluster.gateways;
  if (!gateway || others.length > 0) throw new Error(`${name} has not one gateway`);
  const log = join(demo.clusterset.directory, name, 'logs', `${gateway.pod}.log`);
  return { pid: gateway.pid, log };
}
