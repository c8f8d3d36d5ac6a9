/**
 * Two played clusters, west and east, with the sample, linked: on embedded control planes or on real ones.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EAST, WEST } from '#cli/dev/demo.ts';
import { applyLink, checkPair } from '#cli/linking.ts';
import { identityNetwork, loopbackNetwork } from '#core/network.ts';
import { systemRandom } from '#core/random.ts';
import { takeFreeBlock } from '#devcluster/supervisor/blocks.ts';
import { parseManifests } from '#kube/apply-manifests.ts';
import { packageRoot } from '#runtime/package.ts';
import { startControlPlane } from '../control-plane/start.ts';
import { startEmbedded } from '../embedded.ts';
import { PlayedCluster } from './cluster.ts';

/** Both clusters, linked. */
export interface Pair {
  readonly west: PlayedCluster;
  readonly east: PlayedCluster;
  stop(): Promise<void>;
}

/** On embedded control planes, at free blocks of loopback addresses. */
export async function startEmbeddedPair(): Promise<Pair> {
  const blocks = [await takeFreeBlock(systemRandom), await takeFreeBlock(systemRandom)];
  const start = async (name: string, block: number) =>
    PlayedCluster.start({
      target: await startEmbedded(name, block),
      name,
      prefix: `127.${block}`,
      network: loopbackNetwork,
      networkSpec: 'loopback',
    });
  const pair = await startPair((name, at) => start(name, blocks[at]?.block ?? 0));
  return {
    ...pair,
    async stop() {
      await pair.stop();
      for (const block of blocks) block.release();
    },
  };
}

/**
 * On real control planes. Addresses below 10.200 and 10.201 must be bindable: `network-namespace.ts` makes
 * a place where they are.
 */
export function startKubernetesPair(
  assets: string,
  onProgress: (text: string) => void,
): Promise<Pair> {
  return startPair(async (name, at) => {
    const prefix = `10.${200 + at}`;
    const serviceRange = `${prefix}.96.0/20`;
    const target = await startControlPlane({ assets, name, serviceRange, onProgress });
    return PlayedCluster.start({ target, name, prefix, network: identityNetwork });
  });
}

async function startPair(
  start: (name: string, at: number) => Promise<PlayedCluster>,
): Promise<Pair> {
  const started = await Promise.allSettled([WEST, EAST].map((name, at) => start(name, at)));
  const clusters = started.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
  const stop = async () => {
    await Promise.all(clusters.map((each) => each.stop()));
  };
  try {
    const failed = started.find((each) => each.status === 'rejected');
    if (failed) throw failed.reason;
    const [west, east] = clusters;
    if (!west || !east) throw new Error('two clusters were started');
    await link(west, east);
    return { west, east, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function link(west: PlayedCluster, east: PlayedCluster): Promise<void> {
  await Promise.all([
    west.apply([...sample('shop.yaml'), ...sample('frontend.yaml')]),
    east.apply(sample('shop.yaml')),
  ]);
  // What is ready before anything is linked is local from the first request on, without a ramp.
  await Promise.all([west.available('backend'), east.available('backend')]);
  const [wests, easts] = await Promise.all([west.facts(), east.facts()]);
  checkPair(wests, easts);
  await Promise.all([applyLink(west.client, easts), applyLink(east.client, wests)]);
}

function sample(file: string) {
  return parseManifests(readFileSync(join(packageRoot(), 'manifests/sample', file), 'utf8'), file);
}
