/**
 * How long a gateway keeps a newcomer waiting by its own work: CPU spent between two looks at the clock, not time, so
 * that what other processes do on the machine is not counted.
 */

const LOOK_MS = 1;

/** Looks each millisecond, where it is let, at the CPU the thread has used. */
export class Turns {
  #timer: NodeJS.Timeout | undefined;
  #atMs = 0;
  #fromMs = 0;
  readonly #gapsMs: number[] = [];

  begin(): void {
    this.#gapsMs.length = 0;
    this.#atMs = cpuMs();
    this.#fromMs = performance.now();
    this.#timer = setInterval(() => {
      const nowMs = cpuMs();
      this.#gapsMs.push(nowMs - this.#atMs);
      this.#atMs = nowMs;
    }, LOOK_MS);
  }

  /** CPU since then as a part of a core, and the wait that all but one in a hundred stay below who come at any moment. */
  end(): { cpu: number; turnMs: number } {
    clearInterval(this.#timer);
    const tookMs = performance.now() - this.#fromMs;
    const usedMs = this.#gapsMs.reduce((sum, each) => sum + each, 0);
    return { cpu: usedMs / tookMs, turnMs: this.#waitMs(tookMs / 100) };
  }

  #waitMs(partMs: number): number {
    // Who comes at any moment finds a turn with a chance as its length, and half of it left on average.
    const longest = this.#gapsMs.sort((one, other) => other - one);
    let leftMs = partMs;
    for (const gapMs of longest) {
      leftMs -= gapMs;
      if (leftMs <= 0) return gapMs;
    }
    return 0;
  }
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
