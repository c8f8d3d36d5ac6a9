/**
 * Answers HTTP/2 with prior knowledge: small answers to GETs, unary gRPC to POSTs.
 */
import type { Socket } from 'node:net';
import { HpackDecoder } from '#gateway/wire/hpack/decoder.ts';
import {
  ACK,
  DATA,
  DEFAULT_TABLE_SIZE,
  DEFAULT_WINDOW,
  END_HEADERS,
  END_STREAM,
  FrameReader,
  FrameWriter,
  HEADER_TABLE_SIZE,
  HEADERS,
  indexed,
  literal,
  MAX_CONCURRENT_STREAMS,
  PING,
  references,
  SETTINGS,
  settingOf,
  settings,
  WINDOW_UPDATE,
  word,
} from '../frames.ts';
import { adler32, itemBody, numberOf, requestFields } from '../traffic.ts';

const PREFACE_BYTES = 24;
/** A dynamic table size update to nothing (RFC 7541, section 6.3). */
const NO_TABLE = Buffer.from([0x20]);
const STATUS_OK = Buffer.from([0x88]);
const NOTHING = Buffer.alloc(0);
const PLAIN = fixed('application/octet-stream');
const GRPC = fixed('application/grpc');
const GRPC_OK = literal('grpc-status', '0');

/** The fields that every answer of a connection repeats: in full, then by reference, or always in full. */
function fixed(contentType: string) {
  const fields = [
    ['content-type', contentType],
    ['cache-control', 'no-store'],
  ] as const;
  return {
    first: Buffer.concat([STATUS_OK, ...fields.map(([name, value]) => indexed(name, value))]),
    later: Buffer.concat([STATUS_OK, references(fields.length)]),
    untabled: Buffer.concat([STATUS_OK, ...fields.map(([name, value]) => literal(name, value))]),
  };
}

interface Answer {
  readonly fields: Buffer;
  readonly body: Buffer;
}

const plainAnswers: (Answer | undefined)[] = [];
const grpcAnswers: (Answer | undefined)[] = [];

function answerOf(number: number, isGrpc: boolean): Answer {
  const kept = isGrpc ? grpcAnswers : plainAnswers;
  const known = kept[number];
  if (known) return known;
  const item = itemBody(number);
  const fields = Buffer.concat([
    ...(isGrpc ? [] : [literal('content-length', String(item.length))]),
    literal('etag', `"${requestFields(number).requestId}"`),
    literal('x-answer', String(number)),
    literal('x-checksum', String(adler32(item))),
  ]);
  const body = isGrpc ? Buffer.concat([Buffer.from([0]), word(item.length), item]) : item;
  const made = { fields, body };
  kept[number] = made;
  return made;
}

/** Serves one connection until its end. */
export function serveHttp2(socket: Socket): void {
  const decoder = new HpackDecoder({ maxListBytes: 65_536 });
  const writer = new FrameWriter(socket);
  const asked = new Map<number, { readonly number: number; readonly isGrpc: boolean }>();
  const waiting: (() => void)[] = [];
  let window = DEFAULT_WINDOW;
  let consumed = 0;
  let skip = PREFACE_BYTES;
  let tabled: 'plain' | 'grpc' | undefined;
  // nginx keeps no table of what a gRPC server sends.
  let mayTable = true;
  let owesUpdate = false;

  const send = (stream: number, number: number, isGrpc: boolean) => {
    const { fields, body } = answerOf(number, isGrpc);
    if (window < body.length) {
      waiting.push(() => send(stream, number, isGrpc));
      return;
    }
    window -= body.length;
    const kind = isGrpc ? 'grpc' : 'plain';
    const repeated = isGrpc ? GRPC : PLAIN;
    // A connection carries one kind; if not, the table would have to be told what is new.
    const block = !mayTable ? repeated.untabled : tabled === kind ? repeated.later : repeated.first;
    tabled = kind;
    writer.frame(HEADERS, END_HEADERS, stream, owesUpdate ? NO_TABLE : NOTHING, block, fields);
    owesUpdate = false;
    writer.frame(DATA, isGrpc ? 0 : END_STREAM, stream, body);
    if (isGrpc) writer.frame(HEADERS, END_HEADERS | END_STREAM, stream, GRPC_OK);
  };
  const finish = (stream: number) => {
    const request = asked.get(stream);
    asked.delete(stream);
    if (request) send(stream, request.number, request.isGrpc);
  };
  const reader = new FrameReader((type, flags, stream, bytes, from, to) => {
    if (type === HEADERS) {
      const { headers } = decoder.decode(bytes, from, to);
      const path = headers[headers.indexOf(':path') + 1] ?? '';
      asked.set(stream, {
        number: Math.max(0, numberOf(path)),
        isGrpc: path.startsWith('/bench.'),
      });
      if (flags & END_STREAM) finish(stream);
    } else if (type === DATA) {
      consumed += to - from;
      if (flags & END_STREAM) finish(stream);
    } else if (type === SETTINGS && !(flags & ACK)) {
      const tableSize = settingOf(HEADER_TABLE_SIZE, bytes, from, to) ?? DEFAULT_TABLE_SIZE;
      if (mayTable && tableSize < DEFAULT_TABLE_SIZE) {
        mayTable = false;
        owesUpdate = true;
      }
      writer.frame(SETTINGS, ACK, 0, NOTHING);
    } else if (type === PING && !(flags & ACK))
      writer.frame(PING, ACK, 0, bytes.subarray(from, to));
    else if (type === WINDOW_UPDATE && stream === 0) {
      window += bytes.readUInt32BE(from);
      for (const retry of waiting.splice(0)) retry();
    }
  });
  writer.frame(SETTINGS, 0, 0, settings([MAX_CONCURRENT_STREAMS, 1_000]));
  socket.on('data', (chunk: Buffer) => {
    const from = Math.min(skip, chunk.length);
    skip -= from;
    reader.take(from === 0 ? chunk : chunk.subarray(from));
    if (consumed > DEFAULT_WINDOW / 2) {
      writer.frame(WINDOW_UPDATE, 0, 0, word(consumed));
      consumed = 0;
    }
    writer.flush();
  });
  writer.flush();
}
