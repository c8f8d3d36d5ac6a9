/**
 * The differential fuzzer of HTTP/1: our parser against llhttp, strict, seeded.
 *
 * Where both accept, messages are equal; what llhttp refuses we refuse; where we alone refuse, the rule
 * is counted. Messages complete before a refusal are equal too.
 */
import { seededRandom } from '#core/random.ts';
import { nextCuts, nextInput } from './http1-inputs.ts';
import { type FuzzInput, type Message, runOurs, runReference } from './http1-run.ts';

/** What a run found. */
export interface FuzzReport {
  inputs: number;
  crashes: number;
  hangs: number;
  /** The first hundred, each with its input as a JSON string. */
  differences: string[];
  /** Inputs that only we refuse, by rule. */
  stricter: Record<string, number>;
}

/** How to run. */
export interface FuzzOptions {
  readonly inputs: number;
  readonly seed: number;
  /** Called every 1,000 inputs. */
  readonly onProgress?: (report: FuzzReport) => void;
}

const HANG_MS = 1_000;
const DIFFERENCES_MAX = 100;

/** Runs `inputs` inputs that follow from `seed`. */
export function fuzzHttp1(options: FuzzOptions): FuzzReport {
  const random = seededRandom(options.seed);
  const report: FuzzReport = { inputs: 0, crashes: 0, hangs: 0, differences: [], stricter: {} };
  while (report.inputs < options.inputs) {
    const input = nextInput(random);
    const cuts = nextCuts(random, input.bytes.length);
    const startedMs = performance.now();
    try {
      compare(input, cuts, report);
    } catch (error) {
      report.crashes += 1;
      note(report, input, `crash: ${String(error)}`);
    }
    if (performance.now() - startedMs > HANG_MS) report.hangs += 1;
    report.inputs += 1;
    if (report.inputs % 1_000 === 0) options.onProgress?.(report);
  }
  return report;
}

function compare(input: FuzzInput, cuts: readonly number[], report: FuzzReport): void {
  const ours = runOurs(input, cuts);
  const reference = runReference(input);
  const both = Math.min(ours.messages.length, reference.messages.length);
  for (let at = 0; at < both; at += 1) {
    const mine = render(ours.messages[at]);
    const theirs = render(reference.messages[at]);
    if (mine !== theirs) {
      note(report, input, `message ${at}: ${mine} / ${theirs}`);
      return;
    }
  }
  if (ours.messages.length > reference.messages.length) {
    note(report, input, `we accept more: llhttp ${reference.error}, we ${ours.error}`);
    return;
  }
  if (ours.error === undefined) {
    if (reference.error !== undefined) note(report, input, `llhttp refuses: ${reference.error}`);
    else if (both < reference.messages.length) note(report, input, 'llhttp has more messages');
  } else if (reference.error === undefined) {
    report.stricter[ours.error] = (report.stricter[ours.error] ?? 0) + 1;
  }
}

function render(message: Message | undefined): string {
  if (message === undefined) return '';
  const headers = message.headers.map((each, at) => (at % 2 === 0 ? each.toLowerCase() : each));
  return JSON.stringify({ ...message, headers });
}

function note(report: FuzzReport, input: FuzzInput, what: string): void {
  if (report.differences.length >= DIFFERENCES_MAX) return;
  const { role, methods } = input;
  report.differences.push(
    `${what} · ${role} ${methods.join()} ${JSON.stringify(input.bytes.toString('latin1'))}`,
  );
}
