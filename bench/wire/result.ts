/**
 * Figures of the wire bench, from the rounds that were measured. pure
 */
import { median, rounded } from '#core/figures.ts';
import type { ScenarioName } from './scenarios.ts';
import { SYSTEMS, type SystemName } from './systems.ts';

/** One round of one system in one scenario. */
export interface Sample {
  /** Requests, or bytes. */
  readonly work: number;
  readonly cpuMs: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly errors: number;
  readonly rssMb: number;
}

/** One system in one scenario. Rates are medians of the rounds, errors a sum, memory the most. */
export interface SystemFigures {
  readonly requestsPerCpuSecond?: number;
  readonly megabytesPerCpuSecond?: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly errors: number;
  readonly rssMb: number;
}

/** How Isthmus compares: the median of the ratios of each round, above one where Isthmus does more. */
export interface Ratios {
  readonly haproxy: number | null;
  readonly nginx: number | null;
}

/** What a run of the wire bench is. */
export interface WireFigures {
  readonly scenarios: Readonly<
    Partial<Record<ScenarioName, Readonly<Record<SystemName, SystemFigures | null>>>>
  >;
  readonly ratios: Readonly<Partial<Record<ScenarioName, Ratios>>>;
  readonly rounds: number;
}

/** What the page says of those that were compared. */
export interface WireAbout {
  readonly versions: Readonly<Record<string, string>>;
  /** By scenario and system, such as `h2-8x16 nginx`: why there is no figure. */
  readonly cannot: Readonly<Record<string, string>>;
}

const BYTES_PER_MEGABYTE = 1_000_000;

/** Samples of one scenario, per system and round. */
export type Samples = Readonly<Record<SystemName, readonly Sample[] | null>>;

/** The figures of every system in one scenario. */
export function figuresOf(samples: Samples, inBytes: boolean) {
  const figures = {} as Record<SystemName, SystemFigures | null>;
  for (const system of SYSTEMS) {
    const rounds = samples[system];
    figures[system] = rounds && rounds.length > 0 ? summarise(rounds, inBytes) : null;
  }
  return figures;
}

/** Isthmus against each rival. */
export function ratiosOf(samples: Samples): Ratios {
  const against = (rival: SystemName): number | null => {
    const ours = samples.isthmus;
    const theirs = samples[rival];
    return ours && theirs ? ratioOf(ours, theirs) : null;
  };
  return { haproxy: against('haproxy'), nginx: against('nginx') };
}

/** The median of the ratios of each round. */
export function ratioOf(ours: readonly Sample[], theirs: readonly Sample[]): number | null {
  // What the machine did to one round it did to both.
  const each = theirs.flatMap((sample, round) => {
    const own = ours[round];
    return own && sample.work > 0 ? [rateOf(own) / rateOf(sample)] : [];
  });
  return rounded(median(each), 3);
}

/** The figures of one system in one scenario. */
export function summarise(rounds: readonly Sample[], inBytes: boolean): SystemFigures {
  const rate = median(rounds.map(rateOf)) ?? 0;
  const latencies = (of: 'p50Ms' | 'p95Ms' | 'p99Ms') =>
    rounded(median(rounds.flatMap((each) => each[of] ?? [])), 3);
  return {
    ...(inBytes
      ? { megabytesPerCpuSecond: Math.round(rate / BYTES_PER_MEGABYTE) }
      : { requestsPerCpuSecond: Math.round(rate) }),
    p50Ms: latencies('p50Ms'),
    p95Ms: latencies('p95Ms'),
    p99Ms: latencies('p99Ms'),
    errors: rounds.reduce((sum, each) => sum + each.errors, 0),
    rssMb: Math.max(...rounds.map((each) => each.rssMb)),
  };
}

function rateOf({ work, cpuMs }: Sample): number {
  return cpuMs > 0 ? (work * 1_000) / cpuMs : 0;
}
