/**
 * HPACK against nghttp2, which node:http2 is built on, both ways.
 *
 * Blocks of our encoder, some of them mutated, go through our decoder and to a node server. Neither may crash;
 * what both decode must be equal; what nghttp2 refuses we must refuse; what only we refuse is counted by rule.
 * The server's answers, written by nghttp2's encoder, go through our decoder and must say what they echo.
 */
import { below, type Random } from '#core/random.ts';
import { HeaderBlock } from '#gateway/wire/hpack/block.ts';
import { HpackDecoder } from '#gateway/wire/hpack/decoder.ts';
import { encodedBound, HpackEncoder } from '#gateway/wire/hpack/encoder.ts';
import { HpackError } from '#gateway/wire/hpack/error.ts';
import { isAuthority } from '#gateway/wire/http1/target.ts';
import { FLAG, FRAME, H2_CODE, PREFACE } from '#gateway/wire/http2/frames.ts';
import { judge, MESSAGE } from '#gateway/wire/http2/headers.ts';
import { frame, GET } from './http2-kit.ts';
import { LAST_PING, observe } from './http2-reference.ts';
import { inParallel } from './parallel.ts';
import { countStricter, type FuzzReport, type Job, newReport, note, randomOf } from './report.ts';

/** Runs the sequences of header blocks of `job` through both. */
export async function fuzzHpack(job: Job): Promise<FuzzReport> {
  const report = newReport();
  await inParallel(job, (index) =>
    one(index, sequence(randomOf('hpack', job.seed, index)), report),
  );
  return report;
}

/** One to four blocks on one connection. */
function sequence(random: Random): Buffer[] {
  const encoder = new HpackEncoder({ indexing: below(random, 2) === 0 ? 'always' : 'repeated' });
  const blocks: Buffer[] = [];
  for (let count = 1 + below(random, 4); count > 0; count -= 1) {
    if (below(random, 5) === 0) encoder.resize(below(random, 4_097));
    const list = [...GET];
    for (let fields = below(random, 6); fields > 0; fields -= 1)
      list.push(`x-${below(random, 12)}`, value(random));
    const out = Buffer.alloc(encodedBound(list));
    const hidden = below(random, 4) === 0 ? new Set(['x-1', 'x-2']) : undefined;
    const block = out.subarray(0, encoder.encode(list, out, 0, hidden));
    blocks.push(below(random, 3) === 0 ? mutate(block, random) : block);
  }
  return blocks;
}

function value(random: Random): string {
  if (below(random, 2) === 0) return `v${below(random, 4)}`;
  let text = '';
  for (let length = below(random, 40); length > 0; length -= 1)
    text += String.fromCharCode(0x21 + below(random, below(random, 8) === 0 ? 0xdf : 0x5e));
  return text.replace('\x7f', '');
}

/** Changes, drops, doubles or inserts a few bytes. */
export function mutate(bytes: Buffer, random: Random): Buffer {
  let mutated = Buffer.from(bytes);
  for (let times = 1 + below(random, 3); times > 0 && mutated.length > 0; times -= 1) {
    const at = below(random, mutated.length);
    const head = mutated.subarray(0, at);
    const extra = Buffer.of([0x80, 0xff, 0x00, 0x3f, 0x20, 0x7f, 0xbe][below(random, 7)] ?? 0);
    switch (below(random, 5)) {
      case 0:
        mutated[at] = below(random, 256);
        break;
      case 1:
        mutated[at] = (mutated[at] ?? 0) ^ (1 << below(random, 8));
        break;
      case 2:
        mutated = Buffer.concat([head, mutated.subarray(at + 1)]);
        break;
      case 3:
        mutated = Buffer.concat([head, extra, mutated.subarray(at)]);
        break;
      default:
        mutated = Buffer.concat([mutated.subarray(0, at + 1), mutated.subarray(at)]);
    }
  }
  return mutated;
}

/** The fields of `list` with a valid name and value, as one text; a `host` has to be one. */
function sound(list: readonly string[]): string {
  return list
    .flatMap((name, at) => {
      const value = list[at + 1] ?? '';
      const valid = judge(new HeaderBlock(['x', value], undefined, false), MESSAGE.TRAILERS);
      const named = TOKEN.test(name) && (name !== 'host' || isAuthority(value));
      return at % 2 === 0 && valid === undefined && named ? [name, value] : [];
    })
    .join('\0');
}

const TOKEN = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;

async function one(index: number, blocks: readonly Buffer[], report: FuzzReport): Promise<void> {
  const ours: (readonly string[])[] = [];
  let rule: string | undefined;
  const decoder = new HpackDecoder({ maxListBytes: 65_535 });
  const bytes = Buffer.concat([
    PREFACE,
    frame(FRAME.SETTINGS, 0, 0),
    ...blocks.map((block, at) =>
      frame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, 2 * at + 1, block),
    ),
    LAST_PING,
  ]);
  const found = (kind: 'crashes' | 'hangs' | 'differences', what: string) =>
    note(report, kind, { codec: 'hpack', index, what, input: bytes.toString('hex') });
  report.inputs += 1;
  try {
    for (const block of blocks) ours.push(decoder.decode(block, 0, block.length).headers);
  } catch (error) {
    if (!(error instanceof HpackError)) return found('crashes', String(error));
    rule = error.rule;
  }
  const seen = await observe(bytes, true);
  if (seen.hung) found('hangs', 'nghttp2 does not answer');
  for (const [id, request] of seen.requests) {
    const list = ours[(id - 1) / 2];
    // Fields that no message may have are left out by nghttp2; that is no matter of HPACK.
    if (list === undefined || sound(list) === sound(request.headers)) continue;
    found('differences', `${list.join('|')} is not ${request.headers.join('|')}`);
  }
  const refused = seen.goaway === H2_CODE.COMPRESSION_ERROR;
  if (refused && rule === undefined) found('differences', 'only nghttp2 refuses');
  if (!refused && rule !== undefined) countStricter(report, rule);
  const answers = new HpackDecoder({ maxListBytes: 65_535 });
  try {
    for (const block of seen.blocks) answers.decode(block, 0, block.length);
  } catch (error) {
    found('differences', `a block of nghttp2 is refused: ${error}`);
  }
}
