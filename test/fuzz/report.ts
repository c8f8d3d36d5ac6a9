/**
 * What every fuzzer is asked and what it answers: a range of inputs in, counts and findings out.
 *
 * An input follows from the run's seed, its codec and its number alone, so a result does not depend on how
 * a run is cut into jobs, nor on who runs them.
 */
import { type Random, seededRandom } from '#core/random.ts';

/** The codecs that are fuzzed, each against its reference. */
export const CODECS = ['http1', 'hpack', 'http2'] as const;
export type Codec = (typeof CODECS)[number];

/** Inputs `from` up to, not including, `to`. */
export interface Job {
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  /** One input at a time, each announced before it begins. */
  readonly onInput?: (index: number) => void;
}

/** Something that must not be. */
export interface Finding {
  readonly codec: Codec;
  readonly index: number;
  readonly what: string;
  /** The bytes: text for HTTP/1, hexadecimal for the others. */
  readonly input: string;
}

/** What came out of a job or a run. */
export interface FuzzReport {
  inputs: number;
  crashes: number;
  hangs: number;
  differences: number;
  /** Inputs that only we refuse, by rule. */
  stricter: Record<string, number>;
  /** The first {@link FINDINGS_MAX}. */
  findings: Finding[];
}

/** Findings kept of a run. */
export const FINDINGS_MAX = 100;

/** An input may take this long. */
export const HANG_MS = 1_000;

export function newReport(): FuzzReport {
  return { inputs: 0, crashes: 0, hangs: 0, differences: 0, stricter: {}, findings: [] };
}

/** Counts and keeps what went wrong. */
export function note(
  report: FuzzReport,
  kind: 'crashes' | 'hangs' | 'differences',
  finding: Finding,
): void {
  report[kind] += 1;
  if (report.findings.length < FINDINGS_MAX) report.findings.push(finding);
}

/** Counts an input that `rule` alone refuses. */
export function countStricter(report: FuzzReport, rule: string, times = 1): void {
  report.stricter[rule] = (report.stricter[rule] ?? 0) + times;
}

/** Adds `part` to `whole`. */
export function merge(whole: FuzzReport, part: FuzzReport): void {
  whole.inputs += part.inputs;
  whole.crashes += part.crashes;
  whole.hangs += part.hangs;
  whole.differences += part.differences;
  for (const [rule, times] of Object.entries(part.stricter)) countStricter(whole, rule, times);
  // All are kept until the end, so that the first hundred are the first by number, not by arrival.
  whole.findings.push(...part.findings);
}

/** The chance input `index` is made of. */
export function randomOf(codec: Codec, seed: number, index: number): Random {
  let mixed = Math.imul(seed ^ Math.imul(CODECS.indexOf(codec) + 1, 0x9e3779b1), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 15) ^ Math.imul(index, 0x27d4eb2f), 0x2c1b3c6d);
  mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39);
  return seededRandom(mixed ^ (mixed >>> 15));
}
