/**
 * HTTP/2 on one TLS connection between the halves, with the gateways' codec: each stream belongs to a {@link Speaker}.
 */
import type { Socket } from 'node:net';
import { Transport, type TransportOwner } from '#gateway/transport/transport.ts';
import type { HeaderBlock } from '#gateway/wire/hpack/block.ts';
import { Http2Connection } from '#gateway/wire/http2/connection.ts';
import type { Http2Error } from '#gateway/wire/http2/error.ts';
import type { Http2Sink, Http2Stream } from '#gateway/wire/http2/stream.ts';
import type { Speaker } from './speaker.ts';

const STREAM_WINDOW_BYTES = 1_024 * 1_024;
const CONNECTION_WINDOW_BYTES = 16 * 1_024 * 1_024;

export type Stream = Http2Stream<Speaker>;

/** Who hears of streams. */
export interface StreamsHear {
  onHeaders(stream: Stream, block: HeaderBlock, end: boolean): void;
  onBody(stream: Stream, bytes: Buffer, from: number, to: number, end: boolean): void;
}

const nothing = () => undefined;

export class Streams implements TransportOwner, Http2Sink<Speaker> {
  readonly connection: Http2Connection<Speaker>;
  readonly #transport: Transport;
  readonly #hear: StreamsHear;
  // Nothing follows from these: windows never close, and the pair ends with the bench.
  readonly onHeadersTooLarge = nothing;
  readonly onTrailers = nothing;
  readonly onReset = nothing;
  readonly onStreamError = nothing;
  readonly onStreamClosed = nothing;
  readonly onWindow = nothing;
  readonly onGoaway = nothing;
  readonly onSettings = nothing;
  readonly onPing = nothing;
  readonly onStall = nothing;
  readonly onRenew = nothing;
  readonly onRoom = nothing;
  readonly onClosed = nothing;

  constructor(socket: Socket, role: 'client' | 'server', hear: StreamsHear) {
    this.#hear = hear;
    this.#transport = new Transport(socket, this);
    this.connection = new Http2Connection<Speaker>({
      role,
      sink: this,
      streamWindowBytes: STREAM_WINDOW_BYTES,
      connectionWindowBytes: CONNECTION_WINDOW_BYTES,
    });
    this.said();
  }

  /** Something is to be sent: it leaves at the end of this turn. */
  said(): void {
    this.#transport.wantFlush();
  }

  flush(): void {
    while (this.connection.hasOutput) this.#transport.write(this.connection.takeOutput());
  }

  onBytes(bytes: Buffer, from: number, to: number): void {
    this.connection.feed(bytes, performance.now(), from, to);
    if (this.connection.hasOutput) this.said();
  }

  onHeaders(stream: Stream, block: HeaderBlock, end: boolean): void {
    this.#hear.onHeaders(stream, block, end);
  }

  onData(stream: Stream, bytes: Buffer, from: number, to: number, end: boolean): void {
    this.connection.consumed(stream, to - from);
    this.#hear.onBody(stream, bytes, from, to, end);
  }

  onError(error: Http2Error): void {
    throw error;
  }

  onEnd(): void {
    this.#transport.end();
  }
}
