/**
 * What tests and fuzzers of HTTP/2 share: an owner for connections that keeps everything it hears and sends
 * what it is given, a socket under it, and frames by hand.
 */
import type { Socket } from 'node:net';
import type { HeaderBlock } from '#gateway/wire/hpack/block.ts';
import { encodedBound, HpackEncoder } from '#gateway/wire/hpack/encoder.ts';
import { type ConnectionOptions, Http2Connection } from '#gateway/wire/http2/connection.ts';
import type { H2Rule, Http2Error } from '#gateway/wire/http2/error.ts';
import { FLAG, FRAME, H2_CODE, writeFrameHeader } from '#gateway/wire/http2/frames.ts';
import { HTTP2_LIMITS, type Http2Limits } from '#gateway/wire/http2/limits.ts';
import type { Http2Settings } from '#gateway/wire/http2/settings.ts';
import type { Http2Sink, Http2Stream } from '#gateway/wire/http2/stream.ts';

/** One stream as its owner sees it. */
export class Talk {
  headers: readonly string[] = [];
  interim: (readonly string[])[] = [];
  trailers: readonly string[] | undefined;
  chunks: Buffer[] = [];
  bytes = 0;
  ended = false;
  closed = false;
  resetCode = -1;
  /** What is still to be sent, and whether the end follows. */
  queue: Buffer[] = [];
  queueAt = 0;
  queueEnds = false;
  queueTrailers: readonly string[] | undefined;

  get body(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

export type Stream = Http2Stream<Talk>;

/** As nghttp2 counts: a connection's window opens by what is consumed, not by what has come. */
export const COUNTED_LIMITS: Http2Limits = { ...HTTP2_LIMITS, heldBytes: 0 };

/** An owner that remembers; subclasses or `on…` fields add behaviour. */
export class Endpoint implements Http2Sink<Talk> {
  readonly connection: Http2Connection<Talk>;
  readonly talks = new Map<number, Talk>();
  error: Http2Error | undefined;
  goaway: { lastId: number; code: number } | undefined;
  pings: number[] = [];
  stalls: number[] = [];
  /** Rules broken, by stream. */
  rules = new Map<number, H2Rule>();
  tooLarge: number[] = [];
  renewals = 0;
  settings = 0;
  /** Called when a message is complete. */
  onEnd: ((stream: Stream, talk: Talk) => void) | undefined;
  onStart: ((stream: Stream, talk: Talk) => void) | undefined;
  onAnything: (() => void) | undefined;
  /** Whether data is acknowledged at once. */
  autoConsume = true;

  constructor(options: Omit<ConnectionOptions<Talk>, 'sink'>) {
    this.connection = new Http2Connection({ ...options, sink: this });
  }

  open(headers: readonly string[], body: readonly Buffer[], trailers?: readonly string[]): Stream {
    const talk = new Talk();
    const bare = body.length === 0 && trailers === undefined;
    const stream = this.connection.open(headers, bare, talk);
    if (stream === undefined) throw new Error('cannot open');
    this.talks.set(stream.id, talk);
    if (!bare) this.send(stream, body, trailers);
    return stream;
  }

  /** Sends `body` as windows allow, then the end. */
  send(stream: Stream, body: readonly Buffer[], trailers?: readonly string[]): void {
    const talk = stream.owner as Talk;
    talk.queue.push(...body);
    talk.queueEnds = true;
    talk.queueTrailers = trailers;
    this.#push(stream);
  }

  onHeaders(stream: Stream, block: HeaderBlock, endStream: boolean): void {
    if (stream.owner === undefined) {
      stream.owner = new Talk();
      this.talks.set(stream.id, stream.owner);
    }
    const talk = stream.owner;
    if (block.status >= 100 && block.status < 200) {
      talk.interim.push(block.headers);
      return;
    }
    talk.headers = block.headers;
    this.onStart?.(stream, talk);
    if (endStream) this.#ended(stream, talk);
  }

  onHeadersTooLarge(stream: Stream): void {
    this.tooLarge.push(stream.id);
    this.connection.sendHeaders(stream, [':status', '431'], true);
    this.connection.reset(stream, H2_CODE.NO_ERROR);
  }

  onData(stream: Stream, bytes: Buffer, from: number, to: number, endStream: boolean): void {
    const talk = stream.owner as Talk;
    talk.chunks.push(Buffer.from(bytes.subarray(from, to)));
    talk.bytes += to - from;
    if (this.autoConsume) this.connection.consumed(stream, to - from);
    if (endStream) this.#ended(stream, talk);
  }

  onTrailers(stream: Stream, block: HeaderBlock): void {
    const talk = stream.owner as Talk;
    talk.trailers = block.headers;
    this.#ended(stream, talk);
  }

  onReset(stream: Stream, code: number): void {
    if (stream.owner !== undefined) stream.owner.resetCode = code;
    this.onAnything?.();
  }

  onStreamError(id: number, rule: H2Rule): void {
    this.rules.set(id, rule);
  }

  onStreamClosed(stream: Stream): void {
    if (stream.owner !== undefined) stream.owner.closed = true;
    this.onAnything?.();
  }

  onWindow(stream: Stream): void {
    this.#push(stream);
  }

  onGoaway(lastId: number, code: number): void {
    this.goaway = { lastId, code };
    this.onAnything?.();
  }

  onSettings(_settings: Readonly<Http2Settings>): void {
    this.settings += 1;
  }

  onPing(high: number, low: number): void {
    this.pings.push(high, low);
    this.onAnything?.();
  }

  onStall(stream: Stream): void {
    this.stalls.push(stream.id);
  }

  onRenew(): void {
    this.renewals += 1;
  }

  onError(error: Http2Error): void {
    this.error = error;
    this.onAnything?.();
  }

  #ended(stream: Stream, talk: Talk): void {
    talk.ended = true;
    this.onEnd?.(stream, talk);
    this.onAnything?.();
  }

  #push(stream: Stream): void {
    const talk = stream.owner as Talk;
    const { connection } = this;
    while (talk.queue.length > 0) {
      const next = talk.queue[0] as Buffer;
      const ends = talk.queueEnds && talk.queue.length === 1 && talk.queueTrailers === undefined;
      talk.queueAt += connection.sendData(stream, next, talk.queueAt, next.length, ends);
      if (talk.queueAt < next.length) return;
      talk.queue.shift();
      talk.queueAt = 0;
    }
    if (!talk.queueEnds || stream.localClosed) return;
    if (talk.queueTrailers !== undefined) connection.sendHeaders(stream, talk.queueTrailers, true);
    else connection.sendData(stream, Buffer.alloc(0), 0, 0, true);
  }
}

/** Runs `endpoint` over `socket`; call the result after using the connection from outside. */
export function attach(endpoint: Endpoint, socket: Socket): () => void {
  const { connection } = endpoint;
  let waiting = false;
  const flush = (): void => {
    while (!waiting && connection.hasOutput) {
      socket.cork();
      for (const part of connection.takeOutput()) waiting = !socket.write(part) || waiting;
      socket.uncork();
    }
    if (connection.ended) socket.end();
  };
  socket.on('data', (chunk: Buffer) => {
    connection.feed(chunk, performance.now());
    flush();
  });
  socket.on('drain', () => {
    waiting = false;
    flush();
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => connection.end(H2_CODE.CANCEL));
  flush();
  return flush;
}

/** A frame by hand. */
export function frame(
  type: number,
  flags: number,
  id: number,
  payload: Buffer | string = '',
): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload, 'hex') : payload;
  const head = Buffer.alloc(9);
  writeFrameHeader(head, 0, body.length, type, flags, id);
  return Buffer.concat([head, body]);
}

/** A header block that leaves the dynamic table alone. */
export function block(headers: readonly string[]): Buffer {
  const out = Buffer.alloc(encodedBound(headers));
  return out.subarray(0, new HpackEncoder().encode(headers, out, 0));
}

/** HEADERS in one frame. */
export function headersFrame(id: number, headers: readonly string[], end = true): Buffer {
  const flags = FLAG.END_HEADERS | (end ? FLAG.END_STREAM : 0);
  return frame(FRAME.HEADERS, flags, id, block(headers));
}

/** A plain request. */
export const GET: readonly string[] = [
  ...[':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'shop'],
];
