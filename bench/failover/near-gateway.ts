/**
 * One of the client's own gateways, which is killed, and where its Service sends new connections meanwhile.
 *
 * A generator takes the place of kube-proxy here: only so is it known which gateway holds a connection. It is told
 * of the endpoints of the mirror as soon as the API server names others.
 */
import type { Demo } from '#cli/dev/demo.ts';
import type { Io } from '#cli/io.ts';
import { sleep } from '#core/clock.ts';
import type { Address } from '#core/network.ts';
import { processTree } from '../kit/cpu.ts';
import type { Program } from '../kit/programs.ts';
import type { FailoverTargets } from './load.ts';
import { mirrorEndpoints } from './systems.ts';

const POLL_MS = 20;
const WITHDRAWN_WAIT_MS = 4_000;

/** Failures on its connections. */
interface Lost {
  readonly held: number;
  readonly opened: number;
}

/** See the file header. */
export class NearGateway {
  /** All gateways, as the mirror names them before. */
  readonly targets: readonly Address[];
  /** Its host. */
  readonly killed: string;
  readonly #io: Io;
  readonly #demo: Demo;
  #withdrawnAfterMs = Number.NaN;

  private constructor(io: Io, demo: Demo, targets: readonly Address[], killed: string) {
    this.#io = io;
    this.#demo = demo;
    this.targets = targets;
    this.killed = killed;
  }

  /** The first of those that the mirror names. Rejects where there is no second. */
  static async find(io: Io, demo: Demo): Promise<NearGateway> {
    const targets = await mirrorEndpoints(demo);
    const [first, second] = targets;
    if (!first || !second) throw new Error('the mirror names fewer than two gateways of west');
    return new NearGateway(io, demo, targets, first.host);
  }

  /** Kills it; resolves when new connections of `generators` go to the others alone. */
  async kill(generators: readonly Program[]): Promise<void> {
    const { clock, signal } = this.#io;
    const { gateways } = this.#demo.cluster('west');
    const pids = gateways.flatMap(({ ip, pid }) => (ip === this.killed ? [pid] : []));
    for (const pid of processTree(pids)) process.kill(pid, 'SIGKILL');
    const killedMs = clock.monotonicMs();
    while (clock.monotonicMs() < killedMs + WITHDRAWN_WAIT_MS) {
      const targets = await mirrorEndpoints(this.#demo);
      if (targets.every(({ host }) => host !== this.killed)) {
        this.#withdrawnAfterMs = clock.monotonicMs() - killedMs;
        const told: FailoverTargets = { targets };
        for (const { process: generator } of generators) generator.send(told);
        return;
      }
      await sleep(clock, POLL_MS, signal);
    }
    throw new Error(`the mirror still names ${this.killed}`);
  }

  /** What became of its connections, in a line. */
  told({ held, opened }: Lost): string {
    return (
      `  withdrawn after ${Math.round(this.#withdrawnAfterMs)} ms; lost with it: ${held} requests on` +
      ` connections it held, ${opened} on new ones before that\n`
    );
  }
}
