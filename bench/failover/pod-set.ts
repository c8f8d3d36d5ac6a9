/**
 * The pods of one cluster for one system, from outside: a process that can be told how to be, killed and started
 * again, cold.
 */
import type { Program, Programs } from '../kit/programs.ts';
import type { PodsOrder, PodsReport } from './pods.ts';
import { POD } from './scenarios.ts';

export class PodSet {
  readonly cluster: string;
  readonly hosts: readonly string[];
  readonly #programs: Programs;
  #program: Program;

  private constructor(
    programs: Programs,
    cluster: string,
    hosts: readonly string[],
    program: Program,
  ) {
    this.#programs = programs;
    this.cluster = cluster;
    this.hosts = hosts;
    this.#program = program;
  }

  /** Starts warm pods at addresses that `take` gives. */
  static async start(programs: Programs, cluster: string, take: () => string): Promise<PodSet> {
    const hosts = Array.from({ length: POD.count }, take);
    return new PodSet(programs, cluster, hosts, await launch(programs, cluster, 'warm', hosts));
  }

  /** Ends them with SIGKILL, whatever is in flight. */
  kill(): void {
    this.#program.process.kill('SIGKILL');
  }

  /** Starts them again, cold. */
  async revive(programs: Programs): Promise<void> {
    this.#program = await launch(programs, this.cluster, 'cold', this.hosts);
  }

  async be(state: PodsOrder['be']): Promise<void> {
    await this.#ask({ be: state });
  }

  report(): Promise<PodsReport> {
    return this.#ask({ be: 'same' });
  }

  async #ask(order: PodsOrder): Promise<PodsReport> {
    return (await this.#programs.ask(this.#program, order)) as PodsReport;
  }
}

function launch(
  programs: Programs,
  cluster: string,
  cold: 'warm' | 'cold',
  hosts: readonly string[],
) {
  return programs.startScript(new URL('./pods.ts', import.meta.url), [cluster, cold, ...hosts]);
}
