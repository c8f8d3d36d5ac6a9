/**
 * Two embedded clusters with the sample application, linked: what `isthmus dev` shows and what
 * `isthmus drill --dev` breaks.
 */
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { describeError, IsthmusError } from '#core/errors.ts';
import { silentLogger } from '#core/log.ts';
import type { Address } from '#core/network.ts';
import { type Patience, poll } from '#core/poll.ts';
import { bootClusters, type Clusterset } from '#devcluster/supervisor/boot.ts';
import type { EmbeddedCluster } from '#devcluster/supervisor/cluster.ts';
import { applyManifests, parseManifests } from '#kube/apply-manifests.ts';
import type { KubeClient } from '#kube/client.ts';
import { services } from '#kube/resources/builtin.ts';
import { networkFromSpec } from '#runtime/network.ts';
import { packageRoot } from '#runtime/package.ts';
import type { Io } from '../io.ts';
import { applyLink, checkPair, factsWhenUp } from '../linking.ts';

export const WEST = 'west';
export const EAST = 'east';
const POLL_MS = 20;
const WAIT_MS = 30_000;

export interface DemoOptions {
  readonly io: Io;
  readonly directory: string;
  /** Whether to link the clusters. */
  readonly link: boolean;
  /** Address blocks by cluster; free ones are taken where absent. */
  readonly blocks?: Readonly<Record<string, number>>;
  readonly networkSpec: string | undefined;
  readonly onProgress: (text: string) => void;
}

export interface Demo {
  readonly clusterset: Clusterset;
  cluster(name: string): EmbeddedCluster;
  stop(): Promise<void>;
}

/** Boots, links and deploys. Ends everything again when it fails. */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const { io, directory, networkSpec, onProgress, blocks } = options;
  onProgress(`booting clusters ${WEST} and ${EAST} …`);
  const clusterset = await bootClusters({
    clusters: [WEST, EAST].map((name) => {
      const block = blocks?.[name];
      return block === undefined ? { name } : { name, block };
    }),
    directory,
    networkSpec,
    compileCache: io.env.NODE_COMPILE_CACHE,
    clock: io.clock,
    random: io.random,
    log: silentLogger,
    onWait: onProgress,
    signal: io.signal,
  });
  const demo: Demo = {
    clusterset,
    cluster: (name) => clusterset.cluster(name),
    stop: () => clusterset.stop(),
  };
  try {
    onProgress('deploying the sample application …');
    await Promise.all([
      applySample(demo.cluster(WEST).client, ['shop.yaml', 'frontend.yaml'], io),
      applySample(demo.cluster(EAST).client, ['shop.yaml'], io),
    ]);
    if (options.link) {
      onProgress('linking …');
      await linkDemo(demo, io);
    }
    return demo;
  } catch (error) {
    await clusterset.stop();
    throw error;
  }
}

/** The Service address of `namespace/service`, waited for until it answers a GET with 200. */
export async function waitForService(
  demo: Demo,
  cluster: string,
  target: { readonly namespace: string; readonly service: string; readonly port: number },
  io: Io,
  networkSpec: string | undefined,
): Promise<Address> {
  const { namespace, service, port } = target;
  const network = networkFromSpec(networkSpec);
  let last = 'the Service does not exist';
  return poll(
    patienceOf(io),
    async () => {
      const found = await demo.cluster(cluster).client.get(services, service, namespace);
      const host = found?.spec.clusterIP;
      if (host === undefined) return undefined;
      const address = network.locate({ host, port });
      const status = await probe(address).catch((error: unknown) => describeError(error));
      last = `it answers ${status}`;
      return status === 200 ? address : undefined;
    },
    () =>
      new IsthmusError(
        'TIMED_OUT',
        `${namespace}/${service} of ${cluster} did not answer within ${WAIT_MS / 1_000} s: ${last}`,
      ),
  );
}

function patienceOf({ clock, signal }: Io): Patience {
  return { clock, everyMs: POLL_MS, forMs: WAIT_MS, signal };
}

async function linkDemo(demo: Demo, io: Io): Promise<void> {
  const facts = (name: string) =>
    factsWhenUp({ context: name, client: demo.cluster(name).client }, patienceOf(io));
  const [west, east] = await Promise.all([facts(WEST), facts(EAST)]);
  checkPair(west, east);
  await Promise.all([
    applyLink(demo.cluster(WEST).client, east),
    applyLink(demo.cluster(EAST).client, west),
  ]);
}

async function applySample(client: KubeClient, files: readonly string[], io: Io): Promise<void> {
  const objects = files.flatMap((file) =>
    parseManifests(readFileSync(join(packageRoot(), 'manifests', 'sample', file), 'utf8'), file),
  );
  await applyManifests(client, objects, { clock: io.clock, signal: io.signal });
}

function probe(address: Address): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = http.get({ ...address, agent: false, timeout: 2_000 }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error('no answer within 2 s')));
    request.on('error', reject);
  });
}
