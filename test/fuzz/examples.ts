/**
 * Why we refuse what a reference accepts: each such rule with its section and the shortest example there is.
 *
 * Nothing here is claimed: an example counts when our codec refuses it by just that rule and the reference takes it.
 * The candidates are the corpora that the tests of the codecs use.
 */
import { HpackDecoder } from '#gateway/wire/hpack/decoder.ts';
import { HPACK_RULES, HpackError } from '#gateway/wire/hpack/error.ts';
import { RULES } from '#gateway/wire/http1/rules.ts';
import { H2_RULES } from '#gateway/wire/http2/error.ts';
import { FLAG, FRAME, H2_CODE, PREFACE } from '#gateway/wire/http2/frames.ts';
import { REFUSED } from '#test/gateway/wire/http1-corpus.ts';
import {
  ATTACKS,
  CONNECTION_ERRORS,
  SETTINGS,
  SETTINGS_ACK,
  STREAM_ERRORS,
} from '#test/gateway/wire/http2-corpus.ts';
import { runOurs, runReference } from './http1-run.ts';
import { judgeBoth } from './http2.ts';
import { block, COUNTED_LIMITS, Endpoint, frame, GET } from './http2-kit.ts';
import { LAST_PING, observe } from './http2-reference.ts';
import type { Codec } from './report.ts';

/** One rule and one input that only it refuses. */
export interface StricterExample {
  readonly codec: Codec;
  readonly rule: string;
  readonly section: string;
  /** The input in words. */
  readonly what: string;
  readonly bytes: Buffer;
}

/** The shortest example of every rule by which we are stricter, by rule. */
export async function stricterExamples(): Promise<ReadonlyMap<string, StricterExample>> {
  const shortest = new Map<string, StricterExample>();
  for (const each of [...http1(), ...(await hpack()), ...(await http2())]) {
    const known = shortest.get(each.rule);
    if (known === undefined || known.bytes.length > each.bytes.length)
      shortest.set(each.rule, each);
  }
  return shortest;
}

/** "RFC n section s" of a rule of any codec. */
export function sectionOf(rule: string): string {
  const first = (RULES as Readonly<Record<string, { rfc: number; section: string }>>)[rule];
  if (first !== undefined) return `RFC ${first.rfc} section ${first.section}`;
  const second = (H2_RULES as Readonly<Record<string, { section: string }>>)[rule];
  if (second !== undefined) {
    const [section, rfc] = second.section.split(' of ');
    return `${rfc ?? 'RFC 9113'} section ${section}`;
  }
  const third = (HPACK_RULES as Readonly<Record<string, string>>)[rule];
  return third === undefined ? 'no section' : `RFC 7541 section ${third}`;
}

function http1(): StricterExample[] {
  return REFUSED.flatMap(({ role, bytes: text, rule, asked }) => {
    const bytes = Buffer.from(text, 'latin1');
    const input = { role, bytes, methods: asked === undefined ? [] : [asked] };
    const refused = runOurs(input, []).error === rule && runReference(input).error === undefined;
    if (!refused || rule === undefined) return [];
    const what = `${asked === undefined ? '' : `to ${asked}: `}${JSON.stringify(text)}`;
    return [{ codec: 'http1' as const, rule, section: sectionOf(rule), what, bytes }];
  });
}

/** Prefixes and suffixes of a plain request's block. */
const BLOCKS: readonly (readonly [string, string, string])[] = [
  ['three size updates before the fields', '202020', ''],
  ['an integer in seven octets that would do with two', '', '0f80808080000161'],
];

async function hpack(): Promise<StricterExample[]> {
  const found: StricterExample[] = [];
  for (const [what, before, after] of BLOCKS) {
    const bytes = Buffer.concat([
      Buffer.from(before, 'hex'),
      block(GET),
      Buffer.from(after, 'hex'),
    ]);
    const rule = hpackRule(bytes);
    const headers = frame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, 1, bytes);
    const seen = await observe(Buffer.concat([PREFACE, SETTINGS, headers, LAST_PING]));
    if (rule === undefined || seen.goaway === H2_CODE.COMPRESSION_ERROR) continue;
    found.push({ codec: 'hpack', rule, section: sectionOf(rule), what, bytes });
  }
  return found;
}

function hpackRule(bytes: Buffer): string | undefined {
  try {
    new HpackDecoder({ maxListBytes: 65_535 }).decode(bytes, 0, bytes.length);
    return undefined;
  } catch (error) {
    if (error instanceof HpackError) return error.rule;
    throw error;
  }
}

async function http2(): Promise<StricterExample[]> {
  const found: StricterExample[] = [];
  const candidates: (readonly [string, Buffer])[] = [
    ...CONNECTION_ERRORS.map(([what, , , frames]) => [what, Buffer.concat(frames)] as const),
    ...STREAM_ERRORS.map(([what, , frames]) => [what, Buffer.concat(frames)] as const),
    ...ATTACKS.map(([what, , frames]) => [`a flood of ${what}`, frames] as const),
  ];
  for (const [what, bytes] of candidates) {
    const ours = new Endpoint({ role: 'server', limits: COUNTED_LIMITS });
    const all = Buffer.concat([PREFACE, SETTINGS, SETTINGS_ACK, bytes, LAST_PING]);
    ours.connection.feed(all, 0);
    const { stricter } = await judgeBoth(all, ours);
    const [rule] = stricter;
    if (rule !== undefined)
      found.push({ codec: 'http2', rule, section: sectionOf(rule), what, bytes });
  }
  return found;
}
