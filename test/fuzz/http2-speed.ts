/**
 * What a request costs: HEADERS and DATA in, HEADERS and DATA out, in one process, both ends; ours and node:http2's.
 *
 * Run by hand: `node test/fuzz/http2-speed.ts [requests]`.
 */
import http2 from 'node:http2';
import { Duplex } from 'node:stream';
import { Http2Connection } from '#gateway/wire/http2/connection.ts';
import { H2_CODE } from '#gateway/wire/http2/frames.ts';
import type { Http2Sink, Http2Stream } from '#gateway/wire/http2/stream.ts';

const REQUESTS = Number(process.argv[2] ?? 200_000);
const CONCURRENT = 16;
const BODY = Buffer.alloc(64, 0x61);
const REQUEST: readonly string[] = [
  ...[':method', 'POST', ':scheme', 'http', ':path', '/cart/items?page=2', ':authority', 'shop'],
  ...['content-type', 'application/json', 'user-agent', 'load/1.0', 'accept', '*/*'],
];
const RESPONSE: readonly string[] = [
  ...[':status', '200', 'content-type', 'application/json', 'server', 'shop'],
];

type Stream = Http2Stream<number>;

const nothing = (): void => undefined;

/** The least an owner does: a server answers what has ended, a client counts. */
class Bare implements Http2Sink<number> {
  done = 0;
  readonly connection: Http2Connection<number>;

  constructor(role: 'client' | 'server') {
    this.connection = new Http2Connection({ role, sink: this });
  }
  onData(stream: Stream, _bytes: Buffer, from: number, to: number, end: boolean): void {
    this.connection.consumed(stream, to - from);
    if (!end || stream.localClosed) return;
    this.connection.sendHeaders(stream, RESPONSE, false);
    this.connection.sendData(stream, BODY, 0, BODY.length, true);
  }
  onStreamClosed(): void {
    this.done += 1;
  }
  ask(at: number, varied: boolean): void {
    const headers = varied ? REQUEST.with(5, `/cart/${at}`) : REQUEST;
    const stream = this.connection.open(headers, false, at);
    if (stream !== undefined) this.connection.sendData(stream, BODY, 0, BODY.length, true);
  }
  readonly onHeaders = nothing;
  readonly onHeadersTooLarge = nothing;
  readonly onTrailers = nothing;
  readonly onReset = nothing;
  readonly onStreamError = nothing;
  readonly onWindow = nothing;
  readonly onGoaway = nothing;
  readonly onSettings = nothing;
  readonly onPing = nothing;
  readonly onStall = nothing;
  readonly onRenew = nothing;
  onError(error: Error): void {
    throw error;
  }
}

function ours(varied: boolean): number {
  const client = new Bare('client');
  const server = new Bare('server');
  const pass = (from: Bare, to: Bare) => {
    for (const part of from.connection.takeOutput()) to.connection.feed(part, performance.now());
  };
  const startMs = performance.now();
  while (client.done < REQUESTS) {
    for (let at = 0; at < CONCURRENT; at += 1) client.ask(client.done + at, varied);
    pass(client, server);
    pass(server, client);
  }
  const nanoseconds = ((performance.now() - startMs) * 1e6) / client.done;
  client.connection.end(H2_CODE.NO_ERROR);
  return nanoseconds;
}

/** Two ends of an in-memory connection. */
function duplexPair(): [Duplex, Duplex] {
  const ends: Duplex[] = [];
  for (const other of [1, 0])
    ends.push(
      new Duplex({
        read: () => undefined,
        write: (chunk, _encoding, done) => {
          ends[other]?.push(chunk);
          done();
        },
      }),
    );
  return ends as [Duplex, Duplex];
}

async function node(requests: number): Promise<number> {
  const [left, right] = duplexPair();
  const server = http2.performServerHandshake(left);
  server.on('stream', (stream) => {
    stream.resume().on('end', () => {
      const answer = stream as http2.ServerHttp2Stream;
      answer.respond({ ':status': 200, 'content-type': 'application/json', server: 'shop' });
      answer.end(BODY);
    });
  });
  const client = http2.connect('http://shop', { createConnection: () => right });
  const startMs = performance.now();
  const fields: Record<string, string> = {};
  for (let at = 0; at < REQUEST.length; at += 2) fields[REQUEST[at] ?? ''] = REQUEST[at + 1] ?? '';
  const ask = async (count: number) => {
    for (let at = 0; at < count; at += 1) {
      const stream = client.request(fields);
      stream.end(BODY);
      await new Promise((resolve) => stream.resume().on('close', resolve));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT }, () => ask(requests / CONCURRENT)));
  const nanoseconds = ((performance.now() - startMs) * 1e6) / requests;
  client.destroy();
  server.destroy();
  return nanoseconds;
}

for (let round = 0; round < 2; round += 1) {
  console.log(`ours, same headers:           ${ours(false).toFixed(0)} ns`);
  console.log(`ours, a path of its own each: ${ours(true).toFixed(0)} ns`);
}
console.log(`node:http2:                   ${(await node(16_000)).toFixed(0)} ns`);
