/**
 * Frame sequences, honest and mutated, through our server connection and node's.
 *
 * Ours may not crash or hang. A request that both take must have equal headers, body, trailers and end; a connection or
 * stream that only node refuses is a difference; what only we refuse is counted by our rule.
 */
import { below, type Random } from '#core/random.ts';
import { FLAG, FRAME, H2_CODE, PREFACE } from '#gateway/wire/http2/frames.ts';
import { mutate } from './hpack.ts';
import { block, COUNTED_LIMITS, Endpoint, frame, GET, headersFrame } from './http2-kit.ts';
import { LAST_PING, observe, type Seen } from './http2-reference.ts';
import { inParallel } from './parallel.ts';
import {
  countStricter,
  type FuzzReport,
  HANG_MS,
  type Job,
  newReport,
  note,
  randomOf,
} from './report.ts';

/** The answer to the last frame of every input. */
const LAST_ACK = frame(FRAME.PING, FLAG.ACK, 0, LAST_PING.subarray(9));

/** Runs the connections of `job` through both. */
export async function fuzzHttp2(job: Job): Promise<FuzzReport> {
  const report = newReport();
  await inParallel(job, async (index) => {
    const random = randomOf('http2', job.seed, index);
    const bytes = connection(random);
    const found = (kind: 'crashes' | 'hangs' | 'differences', what: string) =>
      note(report, kind, { codec: 'http2', index, what, input: bytes.toString('hex') });
    report.inputs += 1;
    const startedMs = performance.now();
    let ours: Endpoint;
    try {
      ours = feed(bytes, random);
    } catch (error) {
      return found('crashes', String(error));
    }
    if (performance.now() - startedMs > HANG_MS) found('hangs', 'more than a second');
    const verdict = await judgeBoth(bytes, ours);
    for (const rule of verdict.stricter) countStricter(report, rule);
    if (verdict.hung) found('hangs', 'nghttp2 does not answer');
    if (verdict.difference !== undefined) found('differences', verdict.difference);
  });
  return report;
}

/** A client's side of a connection. */
function connection(random: Random): Buffer {
  const frames = [frame(FRAME.SETTINGS, 0, 0, below(random, 3) === 0 ? '000400010000' : '')];
  let next = 1;
  for (let count = 1 + below(random, 7); count > 0; count -= 1) {
    const known = Math.max(1, next - 2 * below(random, 3));
    const made = step(random, next, known - (known % 2 === 0 ? 1 : 0));
    frames.push(...made);
    if (made[0]?.[3] === FRAME.HEADERS) next += 2;
  }
  if (below(random, 3) > 0) {
    const at = below(random, frames.length);
    const before = frames[at] as Buffer;
    if (below(random, 2) === 0) frames[at] = mutate(before, random);
    else {
      const payload = mutate(before.subarray(9), random);
      frames[at] = frame(before[3] ?? 0, before[4] ?? 0, before.readUInt32BE(5), payload);
    }
  }
  return Buffer.concat([PREFACE, ...frames, LAST_PING]);
}

const ODD_FIELDS: readonly (readonly string[])[] = [
  ['te', 'trailers'],
  ['te', 'gzip'],
  ['connection', 'close'],
  ['host', 'shop'],
  ['host', 'other'],
  ['X-Upper', 'a'],
  ['x', ' a'],
  ['x', 'a\x01'],
  ['content-length', '3'],
  ['content-length', '3x'],
  [':path', '/'],
  ['cookie', 'a=b'],
  ['x-ok', 'caf\u00e9'],
];

function step(random: Random, next: number, known: number): Buffer[] {
  switch (below(random, 9)) {
    case 0:
      return [frame(FRAME.PING, 0, 0, '0102030405060708')];
    case 1:
      return [frame(FRAME.WINDOW_UPDATE, 0, below(random, 2) * known, '00001000')];
    case 2:
      return [frame(FRAME.RST_STREAM, 0, known, '00000008')];
    case 3:
      return [frame(FRAME.DATA, below(random, 2), known, Buffer.alloc(below(random, 50), 0x61))];
    case 4:
      return [frame(below(random, 12), below(random, 256), known, Buffer.alloc(below(random, 12)))];
    case 5: {
      const whole = block(list(random));
      const cut = below(random, whole.length);
      return [
        frame(FRAME.HEADERS, FLAG.END_STREAM, next, whole.subarray(0, cut)),
        frame(FRAME.CONTINUATION, FLAG.END_HEADERS, next, whole.subarray(cut)),
      ];
    }
    case 6: {
      const padded = Buffer.concat([Buffer.of(3), Buffer.from('abc'), Buffer.alloc(3)]);
      return [
        headersFrame(next, list(random), false),
        frame(FRAME.DATA, FLAG.PADDED | below(random, 2), next, padded),
        headersFrame(next, below(random, 4) === 0 ? GET : ['x-sum', 'a']),
      ];
    }
    default:
      return [headersFrame(next, list(random), below(random, 2) === 0)];
  }
}

function list(random: Random): string[] {
  const fields = [...GET];
  if (below(random, 4) === 0)
    fields[1] = ['POST', 'CONNECT', 'HEAD', 'a b'][below(random, 4)] ?? '';
  if (below(random, 8) === 0) fields[5] = ['*', '', 'x', '/a b', '/%20?q'][below(random, 5)] ?? '';
  if (below(random, 12) === 0) fields.splice(2 * below(random, 4), 2);
  if (below(random, 3) === 0) fields.push(...(ODD_FIELDS[below(random, ODD_FIELDS.length)] ?? []));
  return fields;
}

function feed(bytes: Buffer, random: Random): Endpoint {
  const ours = new Endpoint({ role: 'server', limits: COUNTED_LIMITS });
  for (let at = 0; at < bytes.length; ) {
    const to = Math.min(bytes.length, at + 1 + below(random, 60));
    ours.connection.feed(bytes, 0, at, to);
    at = to;
  }
  return ours;
}

/** What comparing the two says of one connection. */
export interface Verdict {
  /** Rules that we alone applied. */
  readonly stricter: readonly string[];
  readonly difference: string | undefined;
  readonly hung: boolean;
}

/** Compares what our server, fed before, and node's make of the same bytes; the last frame is LAST_PING. */
export async function judgeBoth(bytes: Buffer, ours: Endpoint): Promise<Verdict> {
  const answered = Buffer.concat(ours.connection.takeOutput()).includes(LAST_ACK);
  const seen = await observe(bytes);
  const refuses = seen.goaway > H2_CODE.NO_ERROR;
  const verdict = (stricter: readonly string[], difference?: string): Verdict => ({
    stricter,
    difference,
    hung: seen.hung,
  });
  // An incomplete frame at the end: both wait for the rest of it, and node may refuse before it has come.
  if (!answered && ours.error === undefined) return verdict([]);
  if (ours.error !== undefined) return verdict(refuses ? [] : [ours.error.rule]);
  // Both refuse, we a stream and nghttp2 the connection: RFC 9113 section 5.4.2 leaves the choice.
  if (refuses && ours.rules.size > 0) return verdict([]);
  // A client's own GOAWAY with an error makes node close at once; the RFC does not ask for it.
  if ((ours.goaway?.code ?? 0) > 0) return verdict([]);
  // So does an answer to a PING nobody sent, which the RFC calls no error, and h2spec wants passed over.
  if (refuses && answersPing(bytes)) return verdict([]);
  const stricter: string[] = [];
  const difference = refuses ? `only node refuses (${seen.goaway})` : streams(ours, seen, stricter);
  return verdict(stricter, difference);
}

/** Whether `bytes`, a client's side of a connection, hold a PING with ACK. */
function answersPing(bytes: Buffer): boolean {
  for (let at = PREFACE.length; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3))
    if (bytes[at + 3] === FRAME.PING && ((bytes[at + 4] ?? 0) & FLAG.ACK) !== 0) return true;
  return false;
}

/** The first stream on which the two do not agree, where neither ended the connection. */
function streams(ours: Endpoint, seen: Seen, stricter: string[]): string | undefined {
  const ids = new Set([...ours.talks.keys(), ...ours.rules.keys(), ...seen.requests.keys()]);
  for (const id of ids) {
    const talk = ours.talks.get(id);
    const request = seen.requests.get(id);
    const rule = ours.rules.get(id);
    if (rule !== undefined) {
      if (!seen.resets.has(id)) stricter.push(rule);
      continue;
    }
    // After a client's own GOAWAY node serves no stream that is opened later; the RFC asks nobody to refuse it.
    if (request === undefined && ours.goaway !== undefined) continue;
    if (talk === undefined || request === undefined) return `stream ${id} is seen by one side only`;
    if (talk.headers.join('\0') !== request.headers.join('\0')) return `headers of ${id}`;
    if ((seen.resets.get(id) ?? 0) !== H2_CODE.NO_ERROR)
      return `only node refuses stream ${id} (${seen.resets.get(id)})`;
    if (talk.resetCode >= 0) continue;
    if (!talk.body.equals(Buffer.concat(request.chunks))) return `body of ${id}`;
    if (talk.trailers?.join('\0') !== request.trailers?.join('\0')) return `trailers of ${id}`;
    if (talk.ended !== request.ended) return `end of ${id}: ${talk.ended}`;
  }
  return undefined;
}
