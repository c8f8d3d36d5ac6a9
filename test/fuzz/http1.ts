/**
 * The differential fuzzer of HTTP/1: our parser against llhttp, strict, seeded.
 *
 * Where both accept, messages are equal; what llhttp refuses we refuse; where we alone refuse, the rule
 * is counted. Messages complete before a refusal are equal too.
 */
import { nextCuts, nextInput } from './http1-inputs.ts';
import { type FuzzInput, type Message, runOurs, runReference } from './http1-run.ts';
import {
  countStricter,
  type FuzzReport,
  HANG_MS,
  type Job,
  newReport,
  note,
  randomOf,
} from './report.ts';

/** Runs the inputs of `job`. */
export function fuzzHttp1(job: Job): FuzzReport {
  const report = newReport();
  for (let index = job.from; index < job.to; index += 1) {
    job.onInput?.(index);
    const random = randomOf('http1', job.seed, index);
    const input = nextInput(random);
    const cuts = nextCuts(random, input.bytes.length);
    const found = (kind: 'crashes' | 'hangs' | 'differences', what: string) =>
      note(report, kind, { codec: 'http1', index, what, input: written(input) });
    const startedMs = performance.now();
    try {
      const verdict = compare(input, cuts);
      if (verdict?.rule !== undefined) countStricter(report, verdict.rule);
      else if (verdict !== undefined) found('differences', verdict.what);
    } catch (error) {
      found('crashes', String(error));
    }
    if (performance.now() - startedMs > HANG_MS) found('hangs', 'more than a second');
    report.inputs += 1;
  }
  return report;
}

/** A rule that we alone apply, or a difference. */
type Verdict = { readonly rule: string } | { readonly rule: undefined; readonly what: string };

function compare(input: FuzzInput, cuts: readonly number[]): Verdict | undefined {
  const ours = runOurs(input, cuts);
  const reference = runReference(input);
  const both = Math.min(ours.messages.length, reference.messages.length);
  for (let at = 0; at < both; at += 1) {
    const mine = render(ours.messages[at]);
    const theirs = render(reference.messages[at]);
    if (mine !== theirs) return differs(`message ${at}: ${mine} / ${theirs}`);
  }
  if (ours.messages.length > reference.messages.length)
    return differs(`we accept more: llhttp ${reference.error}, we ${ours.error}`);
  if (ours.error === undefined) {
    if (reference.error !== undefined) return differs(`llhttp refuses: ${reference.error}`);
    if (both < reference.messages.length) return differs('llhttp has more messages');
  } else if (reference.error === undefined) return { rule: ours.error };
  return undefined;
}

function differs(what: string): Verdict {
  return { rule: undefined, what };
}

function render(message: Message | undefined): string {
  if (message === undefined) return '';
  const headers = message.headers.map((each, at) => (at % 2 === 0 ? each.toLowerCase() : each));
  return JSON.stringify({ ...message, headers });
}

function written({ role, methods, bytes }: FuzzInput): string {
  const asked = role === 'response' ? ` to ${methods.join()}` : '';
  return `${role}${asked} ${JSON.stringify(bytes.toString('latin1'))}`;
}
