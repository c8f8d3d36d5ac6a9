/**
 * `isthmus dev`: two embedded clusters, linked, with a sample application and steady traffic.
 */
import { join, relative } from 'node:path';
import { Command } from 'commander';
import { pause } from '#core/clock.ts';
import { formatAddress } from '#core/network.ts';
import { networkFromSpec } from '#runtime/network.ts';
import { type Demo, EAST, startDemo, WEST, waitForService } from '../dev/demo.ts';
import { developmentNetwork } from '../dev/network.ts';
import { AddressObserver, ClusterObserver } from '../dev/observe.ts';
import { TrafficWindow } from '../dev/statistics.ts';
import { reachText, renderView, trafficLine, type ViewState } from '../dev/view.ts';
import { Load } from '../drill/load.ts';
import type { CommandContext, Io } from '../io.ts';
import { isScreen, paintFor } from '../output.ts';

/** Where the embedded clusters of a checkout live: 127.10.0.0/16 and 127.20.0.0/16. */
const BLOCKS = { [WEST]: 10, [EAST]: 20 };
const REQUESTS_PER_SECOND = 50;
const TIMEOUT_MS = 2_000;
const FRAME_MS = 500;
const LINE_MS = 5_000;

export function devCommand({ io }: CommandContext): Command {
  return new Command('dev')
    .description('boot and link two embedded clusters with a sample application')
    .option('--no-link', 'boot the clusters, but do not link them')
    .addHelpText(
      'after',
      `
Examples:
  isthmus dev
  isthmus dev --no-link       # then: isthmus link west east

Everything it makes is below .isthmus/. Ctrl-C ends it.`,
    )
    .action(async (options: { link: boolean }) => {
      const directory = join(io.cwd, '.isthmus');
      const networkSpec = await developmentNetwork(io, directory);
      const say = (text: string) => io.out(`${text}\n`);
      let demo: Demo | undefined;
      try {
        demo = await startDemo({
          io,
          directory,
          link: options.link,
          blocks: BLOCKS,
          networkSpec,
          onProgress: say,
        });
        const service = options.link ? 'backend-global' : 'backend';
        const target = { namespace: 'shop', service, port: 8080 };
        await waitForService(demo, WEST, target, io, networkSpec);
        const next = options.link ? `isthmus link ${WEST} ${EAST}` : 'isthmus dev brings it back';
        await show(demo, { ...target, next }, networkSpec, io);
      } catch (error) {
        // Ctrl-C while booting is an end like any other.
        if (!io.signal.aborted) throw error;
      } finally {
        await demo?.stop();
      }
    });
}

/** Where the traffic goes. */
interface DevTarget {
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
  /** What brings the Service back when it is gone. */
  readonly next: string;
}

/** Drives traffic and shows it until the signal aborts. */
async function show(
  demo: Demo,
  target: DevTarget,
  networkSpec: string | undefined,
  io: Io,
): Promise<void> {
  const { clock, signal } = io;
  const network = networkFromSpec(networkSpec);
  const observers = demo.clusterset.clusters.map(
    (each) => new ClusterObserver(each, network, io, signal),
  );
  const observed = new AddressObserver(demo.cluster(WEST), target, io);
  await Promise.all([observed.ready, ...observers.map((each) => each.ready)]);
  const { namespace, service, port, next: targetNext } = target;
  const address = () => {
    const host = observed.host();
    return host === undefined ? undefined : network.locate({ host, port });
  };
  const traffic = new TrafficWindow();
  const startMs = clock.monotonicMs();
  const load = new Load({
    clock,
    address,
    path: '/',
    authority: `${service}.${namespace}.svc:${port}`,
    requestsPerSecond: REQUESTS_PER_SECOND,
    timeoutMs: TIMEOUT_MS,
    onRecord: (record) => traffic.add(record),
  });
  const state = (): ViewState => {
    const at = address();
    return {
      clusters: observers.map((each) => each.state()),
      upSeconds: (clock.monotonicMs() - startMs) / 1_000,
      target: `${service} in ${WEST}`,
      targetAddress: at === undefined ? undefined : formatAddress(at),
      targetNext,
      requestsPerSecond: REQUESTS_PER_SECOND,
      traffic: traffic.statistics(clock.monotonicMs()),
      total: traffic.total,
      failed: traffic.failed,
      directory: relative(io.cwd, join(io.cwd, '.isthmus')),
    };
  };
  try {
    if (isScreen(io)) await live(state, io);
    else await plain(state, io);
  } finally {
    // Requests under way end with the clusters; nobody waits for their answers.
    load.abort();
  }
}

async function live(state: () => ViewState, io: Io): Promise<void> {
  const paint = paintFor(io);
  // The alternate screen leaves the person's scrollback as it was.
  io.out('\x1b[?1049h\x1b[?25l');
  try {
    while (!io.signal.aborted) {
      const lines = renderView(state(), io.size(), paint);
      io.out(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join('\r\n')}\x1b[J`);
      await pause(io.clock, FRAME_MS, io.signal);
    }
  } finally {
    io.out('\x1b[?25h\x1b[?1049l');
  }
}

async function plain(state: () => ViewState, io: Io): Promise<void> {
  const first = state();
  const { target, directory, clusters } = first;
  io.out(
    `ready ${clusters.map((each) => each.name).join(' and ')}: ` +
      `${reachText(first)} (${target}), kubeconfig ${directory}/kubeconfig\n`,
  );
  while (await pause(io.clock, LINE_MS, io.signal)) io.out(`${trafficLine(state())}\n`);
}
