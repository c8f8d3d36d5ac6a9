/**
 * A closed loop over HTTP/2 with prior knowledge: small GETs or unary gRPC calls, every answer verified.
 *
 * h2load sends the same header fields with every request, so this load is the bench's own.
 */
import net, { type Socket } from 'node:net';
import type { Address } from '#core/network.ts';
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
  GOAWAY,
  HEADER_TABLE_SIZE,
  HEADERS,
  INITIAL_WINDOW_SIZE,
  indexed,
  literal,
  PING,
  RST_STREAM,
  references,
  SETTINGS,
  settingOf,
  settings,
  WINDOW_UPDATE,
  word,
} from '../frames.ts';
import { ITEMS, itemBody, itemPath, requestFields } from '../traffic.ts';
import type { Load, Meter } from './meter.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const NOTHING = Buffer.alloc(0);
const RETRY_MS = 20;
const METHOD_GET = 0x82;
const METHOD_POST = 0x83;
const SCHEME_HTTP = 0x86;

const COMMON = [indexed(':authority', 'bench.shop'), indexed('user-agent', 'wire')];
const GET_FIELDS = repeatedFields(METHOD_GET, COMMON);
const GRPC_FIELDS = repeatedFields(METHOD_POST, [
  ...COMMON,
  indexed('te', 'trailers'),
  indexed('content-type', 'application/grpc'),
]);

/** What every request of a connection repeats; all but two pseudo fields are in the table later. */
function repeatedFields(method: number, fields: readonly Buffer[]) {
  return {
    pseudo: Buffer.from([method, SCHEME_HTTP]),
    first: Buffer.concat(fields),
    later: references(fields.length),
  };
}

/** A request under way. */
interface Stream {
  readonly number: number;
  readonly startMs: number;
  got: number;
  /** Of the answer's body, with the prefix of a gRPC message. */
  readonly expected: Buffer;
  status: string;
  /** A body that is not the expected one; trailers that say all is well do not heal it. */
  isWrong: boolean;
}

/** `connections`, each with `streams` requests under way at all times. */
export function http2Loop(connections: number, streams: number, isGrpc: boolean): Load {
  return (target, meter) => {
    const over = new AbortController();
    for (let at = 0; at < connections; at += 1) {
      new Connection(target, meter, streams, isGrpc, over.signal).open();
    }
    return () => over.abort();
  };
}

class Connection {
  readonly #target: Address;
  readonly #meter: Meter;
  readonly #slots: number;
  readonly #isGrpc: boolean;
  readonly #over: AbortSignal;
  #number = Math.floor(Math.random() * ITEMS);
  #socket: Socket | undefined;

  constructor(target: Address, meter: Meter, slots: number, isGrpc: boolean, over: AbortSignal) {
    this.#target = target;
    this.#meter = meter;
    this.#slots = slots;
    this.#isGrpc = isGrpc;
    this.#over = over;
    over.addEventListener('abort', () => this.#socket?.destroy());
  }

  /** Connects, and again whenever the connection is lost, until all is over. */
  open(): void {
    if (this.#over.aborted) return;
    const socket = net.connect({ ...this.#target, noDelay: true });
    this.#socket = socket;
    const writer = new FrameWriter(socket);
    const decoder = new HpackDecoder({ maxListBytes: 65_536 });
    const under = new Map<number, Stream>();
    let next = 1;
    let consumed = 0;
    const ask = () => {
      this.#number = (this.#number + 1) % ITEMS;
      const stream: Stream = {
        number: this.#number,
        startMs: performance.now(),
        got: 0,
        expected: expectedBody(this.#number, this.#isGrpc),
        status: '',
        isWrong: false,
      };
      const { path, rest } = ownFields(this.#number, this.#isGrpc);
      const { pseudo, first, later } = this.#isGrpc ? GRPC_FIELDS : GET_FIELDS;
      const repeated = next === 1 ? first : later;
      const flags = this.#isGrpc ? END_HEADERS : END_HEADERS | END_STREAM;
      writer.frame(HEADERS, flags, next, pseudo, path, repeated, rest);
      if (this.#isGrpc) writer.frame(DATA, END_STREAM, next, stream.expected);
      under.set(next, stream);
      next += 2;
    };
    const ended = (id: number, stream: Stream) => {
      under.delete(id);
      const wanted = this.#isGrpc ? '0' : '200';
      if (stream.isWrong) this.#meter.failed('another body than expected');
      else if (stream.status === wanted && stream.got === stream.expected.length)
        this.#meter.answered(stream.startMs);
      else this.#meter.failed(`status ${stream.status}, ${stream.got} bytes`);
      ask();
    };
    const reader = new FrameReader((type, flags, id, bytes, from, to) => {
      const stream = under.get(id);
      if (type === HEADERS) {
        const { headers } = decoder.decode(bytes, from, to);
        if (!stream) return;
        const name = this.#isGrpc ? 'grpc-status' : ':status';
        const at = headers.indexOf(name);
        if (at >= 0) stream.status = headers[at + 1] ?? '';
        if (flags & END_STREAM) ended(id, stream);
      } else if (type === DATA) {
        consumed += to - from;
        if (!stream) return;
        const end = stream.got + to - from;
        if (end <= stream.expected.length) {
          if (stream.expected.compare(bytes, from, to, stream.got, end) !== 0)
            stream.isWrong = true;
        }
        stream.got = end;
        if (flags & END_STREAM) ended(id, stream);
      } else if (type === RST_STREAM && stream) {
        stream.status = `reset with ${bytes.readUInt32BE(from)}`;
        ended(id, stream);
      } else if (type === SETTINGS && !(flags & ACK)) {
        const tableSize = settingOf(HEADER_TABLE_SIZE, bytes, from, to) ?? DEFAULT_TABLE_SIZE;
        // Nobody who is measured asks for that; if one did, our blocks would be wrong from here on.
        if (tableSize < DEFAULT_TABLE_SIZE) this.#meter.failed(`a table of ${tableSize} bytes`);
        writer.frame(SETTINGS, ACK, 0, NOTHING);
      } else if (type === PING && !(flags & ACK))
        writer.frame(PING, ACK, 0, bytes.subarray(from, to));
      else if (type === GOAWAY) {
        this.#meter.failed(`GOAWAY with ${bytes.readUInt32BE(from + 4)}`);
        under.clear();
        socket.destroy();
      }
    });
    writer.raw(PREFACE);
    writer.frame(SETTINGS, 0, 0, settings([INITIAL_WINDOW_SIZE, DEFAULT_WINDOW]));
    for (let at = 0; at < this.#slots; at += 1) ask();
    writer.flush();
    socket.on('data', (chunk: Buffer) => {
      reader.take(chunk);
      if (consumed > DEFAULT_WINDOW / 2) {
        writer.frame(WINDOW_UPDATE, 0, 0, word(consumed));
        consumed = 0;
      }
      if (!socket.destroyed) writer.flush();
    });
    socket.on('error', (error) => {
      if (!this.#over.aborted) this.#meter.failed(error.message);
    });
    socket.on('close', () => {
      if (this.#over.aborted) return;
      if (under.size > 0) this.#meter.failed(`a connection ended with ${under.size} requests`);
      setTimeout(() => this.open(), RETRY_MS);
    });
  }
}

interface OwnFields {
  readonly path: Buffer;
  readonly rest: Buffer;
}

const ownOfGets: (OwnFields | undefined)[] = [];
const ownOfCalls: (OwnFields | undefined)[] = [];

/** The fields that differ. */
function ownFields(number: number, isGrpc: boolean): OwnFields {
  const own = isGrpc ? ownOfCalls : ownOfGets;
  let fields = own[number];
  if (!fields) {
    const { requestId, traceparent, cookie } = requestFields(number);
    fields = {
      path: literal(':path', isGrpc ? `/bench.Items/Get${number}` : itemPath(number)),
      rest: Buffer.concat([
        literal('x-request-id', requestId),
        literal('traceparent', traceparent),
        literal('cookie', cookie),
      ]),
    };
    own[number] = fields;
  }
  return fields;
}

function expectedBody(number: number, isGrpc: boolean): Buffer {
  const item = itemBody(number);
  return isGrpc ? Buffer.concat([Buffer.from([0]), word(item.length), item]) : item;
}
