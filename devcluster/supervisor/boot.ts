/**
 * A whole clusterset from one call: address blocks, API servers, components, kubeconfigs, the end.
 *
 * Promises: what was started is gone within two seconds of `stop()`, and of this process's death,
 * whatever caused it; two clustersets on one machine never meet; files that name a token are readable
 * by the owner alone.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Clock } from '#core/clock.ts';
import { describeError, IsthmusError } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import { GLOBAL, isLabelName } from '#core/names.ts';
import type { Random } from '#core/random.ts';
import { isAlive, ownPid } from '#runtime/child.ts';
import { limitMappedNetwork, networkFromSpec } from '#runtime/network.ts';
import { formatKubeconfig, writePrivately } from './access.ts';
import { canBindBlocks, type Held, takeBlock, takeFreeBlock, takeLane } from './blocks.ts';
import { EmbeddedCluster } from './cluster.ts';

export interface BootOptions {
  /** A cluster without a block takes a free one. */
  readonly clusters: readonly { readonly name: string; readonly block?: number }[];
  /** Where everything is written: kubeconfigs, `state.json`, logs, pods. */
  readonly directory: string;
  /** `loopback`, or `mapped:<directory>`; absent: what this system can do. */
  readonly networkSpec?: string | undefined;
  readonly logLevel?: string | undefined;
  /** Where processes keep compiled modules; absent: below `directory`. */
  readonly compileCache?: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Told what is waited for when booting takes its time. */
  readonly onWait?: (text: string) => void;
  /** Aborting it while booting ends what was started. */
  readonly signal: AbortSignal;
}

/** Running clusters. */
export interface Clusterset {
  readonly clusters: readonly EmbeddedCluster[];
  readonly directory: string;
  readonly networkSpec: string;
  /** Merged kubeconfig, one context per cluster. */
  readonly kubeconfig: string;
  readonly stateFile: string;
  /** The cluster called `name`. Throws `USAGE`. */
  cluster(name: string): EmbeddedCluster;
  /** Resolves when every process is gone; at most about a second. */
  stop(): Promise<void>;
}

/** Time components have to end before they are killed. */
const STOP_GRACE_MS = 800;
/** Changes of processes are written to `state.json` at once, as one. */
const STATE_COALESCE_MS = 50;
const OWNER_FILE = 'supervisor.pid';
const NETWORK_FOLDER = 'network';

/** The network embedded clusters use here: loopback addresses where they can be bound. */
export function defaultNetworkSpec(directory: string): string {
  return canBindBlocks() ? 'loopback' : `mapped:${resolve(directory, NETWORK_FOLDER)}`;
}

/**
 * Boots every cluster at once and resolves when all components of all of them are ready. Throws
 * `ADDRESS_IN_USE`, `CLUSTER_NAME_CONFLICT`, `TIMED_OUT`, `CLUSTER_UNREACHABLE`; nothing is left then.
 */
export async function bootClusters(options: BootOptions): Promise<Clusterset> {
  checkNames(options.clusters.map((each) => each.name));
  const directory = resolve(options.directory);
  inDirectory(directory, () => claimDirectory(directory));
  const held: Held[] = [{ release: () => rmSync(join(directory, OWNER_FILE), { force: true }) }];
  const clusters: EmbeddedCluster[] = [];
  const booting = new AbortController();
  const signal = AbortSignal.any([booting.signal, options.signal]);
  try {
    const networkSpec = options.networkSpec ?? defaultNetworkSpec(directory);
    inDirectory(directory, () => cleanUp(directory, options));
    const blocks = await takeBlocks(options, networkSpec, held);
    const state = stateWriter(options.clock, join(directory, 'state.json'), clusters);
    const boots = options.clusters.map(async ({ name }, index) => {
      const cluster = await EmbeddedCluster.boot({
        ...options,
        name,
        block: blocks[index] ?? 0,
        directory,
        networkSpec,
        network: networkFromSpec(networkSpec),
        environment: childEnvironment(directory, options),
        signal,
        onChange: state.changed,
      });
      clusters.push(cluster);
    });
    await allOrNothing(boots, booting);
    sortLike(clusters, options.clusters);
    const kubeconfig = join(directory, 'kubeconfig');
    writePrivately(kubeconfig, formatKubeconfig(clusters.map((each) => each.access)));
    state.begin();
    return {
      clusters,
      directory,
      networkSpec,
      kubeconfig,
      stateFile: join(directory, 'state.json'),
      cluster: (name) => findCluster(clusters, name),
      stop: async () => {
        state.end();
        await Promise.all(clusters.map((each) => each.stop(STOP_GRACE_MS)));
        for (const each of held) each.release();
      },
    };
  } catch (error) {
    await Promise.all(clusters.map((each) => each.stop(0)));
    for (const each of held) each.release();
    // Whatever failed because booting was called off is no failure of its own.
    throw options.signal.aborted ? options.signal.reason : error;
  }
}

function checkNames(names: readonly string[]): void {
  for (const name of names) {
    if (!isLabelName(name) || name === GLOBAL) {
      const message = `"${name}" cannot be the name of a cluster: use an RFC 1123 label`;
      throw new IsthmusError('USAGE', message, { field: 'clusters' });
    }
  }
  if (new Set(names).size !== names.length) {
    throw new IsthmusError('CLUSTER_NAME_CONFLICT', `Two clusters are called the same: ${names}`);
  }
}

/** Does what needs the right to write to `directory`. Throws `INVALID_CONFIG` where that is missing. */
function inDirectory(directory: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (error instanceof IsthmusError) throw error;
    const message = `embedded clusters cannot keep their files in ${directory}: ${describeError(error)}`;
    throw new IsthmusError('INVALID_CONFIG', message, {
      field: directory,
      next: 'Start in a folder you may write to, or remove what somebody else left there.',
      cause: error,
    });
  }
}

/** One supervisor per directory: two would write over each other's kubeconfigs. */
function claimDirectory(directory: string): void {
  if (existsSync(directory) && !statSync(directory).isDirectory()) {
    throw new IsthmusError('INVALID_CONFIG', `${directory} is no folder`, {
      field: directory,
      next: 'Move the file away: embedded clusters keep their files in a folder of this name.',
    });
  }
  mkdirSync(directory, { recursive: true });
  const path = join(directory, OWNER_FILE);
  const owner = existsSync(path) ? Number(readFileSync(path, 'utf8')) : undefined;
  if (owner !== undefined && owner !== ownPid() && isAlive(owner)) {
    throw new IsthmusError(
      'ADDRESS_IN_USE',
      `Process ${owner} already runs clusters in ${directory}`,
      {
        field: directory,
        next: `Stop process ${owner} first; if it is something else, delete ${path}.`,
      },
    );
  }
  writePrivately(path, `${ownPid()}\n`);
}

/** Removes what an earlier run left. */
function cleanUp(directory: string, options: BootOptions): void {
  const names = [...options.clusters.map((each) => each.name), NETWORK_FOLDER, 'state.json'];
  for (const name of names) rmSync(join(directory, name), { recursive: true, force: true });
}

async function takeBlocks(
  options: BootOptions,
  networkSpec: string,
  held: Held[],
): Promise<number[]> {
  const { clock, random, clusters } = options;
  const mapped = /^mapped:(.+)$/s.exec(networkSpec)?.[1];
  if (mapped !== undefined) {
    const lane = await takeLane(random);
    held.push(lane);
    limitMappedNetwork(mapped, lane.min, lane.max);
    // Addresses are names here, nobody binds them: any blocks do, as long as they differ.
    return clusters.map(({ block }, index) => block ?? 10 * (index + 1));
  }
  const blocks: number[] = [];
  for (const { block } of clusters) {
    const taken = block === undefined ? await takeFreeBlock(random) : await takeBlock(block, clock);
    held.push(taken);
    blocks.push(taken.block);
  }
  return blocks;
}

function childEnvironment(directory: string, options: BootOptions): Record<string, string> {
  return {
    // Compiled modules are shared by all processes: a start costs a fraction of the first.
    NODE_COMPILE_CACHE: options.compileCache ?? join(directory, 'compile-cache'),
    ...(options.logLevel === undefined ? {} : { ISTHMUS_LOG_LEVEL: options.logLevel }),
  };
}

/** Waits for all; the first failure aborts the others, which are awaited before it is thrown. */
async function allOrNothing(boots: readonly Promise<void>[], booting: AbortController) {
  for (const boot of boots) boot.catch((error: unknown) => booting.abort(error));
  await Promise.allSettled(boots);
  if (booting.signal.aborted) throw booting.signal.reason;
}

function sortLike(clusters: EmbeddedCluster[], order: BootOptions['clusters']): void {
  const names = order.map((each) => each.name);
  clusters.sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
}

function findCluster(clusters: readonly EmbeddedCluster[], name: string): EmbeddedCluster {
  const found = clusters.find((each) => each.name === name);
  if (!found) throw new IsthmusError('USAGE', `No cluster is called ${name}`);
  return found;
}

/** Keeps `state.json` true while processes come and go. */
function stateWriter(clock: Clock, path: string, clusters: readonly EmbeddedCluster[]) {
  let writing = false;
  let pending = false;
  const write = () => {
    pending = false;
    if (!writing) return;
    const state = Object.fromEntries(clusters.map((each) => [each.name, each.state()]));
    writePrivately(path, `${JSON.stringify({ clusters: state }, null, 2)}\n`);
  };
  return {
    begin: () => {
      writing = true;
      write();
    },
    changed: () => {
      if (!pending) clock.after(STATE_COALESCE_MS, write);
      pending = true;
    },
    end: () => {
      writing = false;
    },
  };
}
