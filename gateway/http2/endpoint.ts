/**
 * An HTTP/2 connection on a socket: what comes is fed, what is said in a turn leaves in one write, and
 * what a peer owes us in time is looked for once a second.
 *
 * Promises: `onEnded` comes exactly once, after every stream has been told; a peer that does not read
 * holds back its own connection, and is cut off only by the bounds of the codec.
 */
import type { Clock } from '#core/clock.ts';
import { HEADER_ERROR } from '#core/names.ts';
import type { Dates } from '../http/date.ts';
import { inCompany } from '../transport/company.ts';
import type { Connection } from '../transport/connections.ts';
import type { Transport, TransportOwner } from '../transport/transport.ts';
import { TurnQueue } from '../transport/turn-queue.ts';
import type { HeaderBlock } from '../wire/hpack/block.ts';
import { Http2Connection } from '../wire/http2/connection.ts';
import type { H2Rule, Http2Error } from '../wire/http2/error.ts';
import { H2_CODE } from '../wire/http2/frames.ts';
import type { Http2Limits } from '../wire/http2/limits.ts';
import type { Http2Settings } from '../wire/http2/settings.ts';
import type { Http2Sink, Http2Stream } from '../wire/http2/stream.ts';
import type { EndpointHandler, StreamOwner } from './handler.ts';
import { type Portion, type PortionReader, Portions } from './portions.ts';
import { type WindowBounds, WindowEstimator } from './window.ts';

/** A peer that has not acknowledged our SETTINGS by then is none (RFC 9113 section 6.5.3). */
const SETTLE_MS = 10_000;
/** How long a peer may take to read our last words. */
const LINGER_MS = 1_000;
/** PINGs that measure windows, told apart from others by their first word. */
const WINDOW_PING = 0x4973_7477;
const TOO_LARGE: readonly string[] = [':status', '431', HEADER_ERROR, 'HEADERS_TOO_LARGE'];

/** How an endpoint is made. */
export interface EndpointOptions {
  readonly role: 'client' | 'server';
  readonly clock: Clock;
  readonly limits: Http2Limits;
  readonly windows: WindowBounds;
  readonly portion: Portion;
  /** See `ConnectionOptions`. @default false */
  readonly countsFrames?: boolean;
  /** What answers of its own say of when they came. @default nothing, as gateways among each other */
  readonly dates?: Dates;
  readonly handler: EndpointHandler;
}

/** Connections that have ended with more streams than are told at once: one of them goes on in each turn. */
const endings = new TurnQueue<Http2Endpoint>(1, (each) => each.endMore());

export class Http2Endpoint
  implements TransportOwner, Http2Sink<StreamOwner>, Connection, PortionReader
{
  readonly connection: Http2Connection<StreamOwner>;
  readonly transport: Transport;
  readonly #options: EndpointOptions;
  readonly #estimator: WindowEstimator;
  readonly #portions: Portions;
  readonly #startedMs: number;
  /** Monotonic milliseconds of the last byte heard. */
  lastReceivedMs: number;
  #pingSentMs = 0;
  #pings = 0;
  /** The ping whose answer shows that the peer knows we are leaving. */
  #drainPing = -1;
  #error: Error | undefined;
  /** The transport is gone. */
  #closed = false;
  /** Waits among {@link endings}. */
  #inLine = false;
  #draining = false;
  #drained = false;
  #drainFromMs = 0;
  /** Since when nothing but last words is said; -1 while more is. */
  #overFromMs = -1;

  constructor(transport: Transport, options: EndpointOptions) {
    const { role, limits, windows, clock } = options;
    this.transport = transport;
    this.#options = options;
    this.#startedMs = clock.monotonicMs();
    this.lastReceivedMs = this.#startedMs;
    this.#estimator = new WindowEstimator(windows);
    this.connection = new Http2Connection<StreamOwner>({
      role,
      sink: this,
      limits,
      streamWindowBytes: windows.streamMinBytes,
      connectionWindowBytes: this.#estimator.connectionBytes,
      connectProtocol: role === 'server',
      countsFrames: options.countsFrames === true,
    });
    this.#portions = new Portions(transport, this, options.portion, clock);
    transport.owner = this;
    this.touch();
  }

  /** Whether nothing more will happen here, or all that was promised has. */
  get #over(): boolean {
    const { connection } = this;
    return connection.ended || (this.#drained && connection.streams === 0);
  }

  /** There may be output: it leaves at the end of this turn. */
  touch(): void {
    if (this.connection.hasOutput) this.transport.wantFlush();
  }

  flush(): void {
    const { connection, transport } = this;
    while (connection.hasOutput && !transport.full) transport.write(connection.takeOutput());
    if (connection.hasNext) connection.callNext();
    if (this.#over && !connection.hasOutput) this.#finish();
  }

  onBytes(bytes: Buffer, from: number, to: number): void {
    this.#portions.take(bytes, from, to);
  }

  readPortion(bytes: Buffer, from: number, to: number, units: number): number {
    const { connection } = this;
    const nowMs = this.#options.clock.monotonicMs();
    this.lastReceivedMs = nowMs;
    connection.keepOpen(this.#estimator.openBytes(inCompany()));
    const used = connection.feed(bytes, nowMs, from, to, units);
    this.touch();
    if (connection.hasNext) this.transport.wantFlush();
    if (!connection.ended) {
      // The peer has refused more streams than hear of it in one turn.
      if (connection.ending) this.#endStreams();
      return used;
    }
    // Whoever broke a rule may send on as fast as before.
    this.#portions.stop();
    this.transport.wantFlush();
    this.#endStreams();
    return to - from;
  }

  get unitsLeft(): number {
    return this.connection.unitsLeft;
  }

  restMs(): number {
    const { shortBytes } = this.connection;
    if (shortBytes === 0) return 0;
    return this.#options.handler.restMs?.(shortBytes, this.lastReceivedMs) ?? 0;
  }

  onEnd(): void {
    this.#portions.end();
  }

  readEnd(): void {
    // HTTP/2 knows no half-closed connection: whoever ends its half has gone.
    this.connection.end(H2_CODE.CANCEL);
    this.#endStreams();
    this.#finish();
  }

  onRoom(): void {
    this.transport.wantFlush();
  }

  onClosed(error: Error | undefined): void {
    this.#portions.drop();
    this.connection.end(H2_CODE.CANCEL);
    this.#error ??= error;
    this.#closed = true;
    this.#endStreams();
  }

  /** For {@link endings} alone. */
  endMore(): void {
    this.#inLine = false;
    this.connection.endMore();
    this.#endStreams();
  }

  /** Has streams that have not heard of the end told in turns to come; once all have and the transport is gone, it is over. */
  #endStreams(): void {
    if (this.#inLine) return;
    if (this.connection.ending) {
      this.#inLine = true;
      endings.push(this);
    } else if (this.#closed) this.#options.handler.onEnded(this.#error);
  }

  /** Breaks `stream` off. */
  reset(stream: Http2Stream<StreamOwner>, code: number): void {
    this.connection.reset(stream, code);
    this.touch();
    if (this.#draining) this.transport.wantFlush();
  }

  /** `bytes` given to the stream's owner have left. */
  consumed(stream: Http2Stream<StreamOwner>, bytes: number): void {
    const { connection } = this;
    connection.consumed(stream, bytes);
    // Only now: what nobody takes must not be more for it.
    const { streamBytes } = this.#estimator;
    if (stream.windowBytes < streamBytes && !connection.pressed)
      connection.growWindow(stream, streamBytes);
    this.touch();
  }

  /** Asks for a sign of life; `onPong` follows. */
  ping(): void {
    this.#pings = (this.#pings + 1) >>> 0;
    this.#pingSentMs = this.#options.clock.monotonicMs();
    this.connection.ping(0, this.#pings);
    this.touch();
  }

  sweep(nowMs: number): void {
    const { connection } = this;
    connection.sweep(nowMs);
    if (!connection.settled && !connection.ended && nowMs - this.#startedMs > SETTLE_MS) {
      this.#options.handler.onBroken('SETTLE_TIMEOUT');
      connection.close(H2_CODE.SETTINGS_TIMEOUT);
    }
    if (this.#draining && nowMs - this.#drainFromMs > LINGER_MS) this.#leave();
    this.touch();
    if (!this.#over) return;
    // Also a peer that reads nothing, not even our last words, is not waited for.
    if (this.#overFromMs < 0) this.#overFromMs = nowMs;
    if (nowMs - this.#overFromMs > LINGER_MS) this.transport.destroy();
    else this.transport.wantFlush();
  }

  /** No new streams, neither way; those open may end in peace (RFC 9113 section 6.8). */
  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#drainFromMs = this.#options.clock.monotonicMs();
    if (this.#options.role === 'client') {
      this.#leave();
      return;
    }
    // A round trip later the peer knows, and none of its streams is lost by saying which was the last.
    this.connection.announceLeaving();
    this.ping();
    this.#drainPing = this.#pings;
  }

  endIdle(): void {
    // GOAWAY has told the peer; what is left has streams.
  }

  destroy(): void {
    this.connection.close(H2_CODE.NO_ERROR);
    this.touch();
    this.flush();
    this.transport.destroy();
  }

  onHeaders(stream: Http2Stream<StreamOwner>, block: HeaderBlock, end: boolean): void {
    if (stream.owner !== undefined) stream.owner.onHeaders(block, end);
    else stream.owner = this.#options.handler.onStream(stream, block, end);
  }

  onHeadersTooLarge(stream: Http2Stream<StreamOwner>): void {
    const { dates, handler } = this.#options;
    const list = dates === undefined ? TOO_LARGE : [...TOO_LARGE, 'date', dates.text];
    this.connection.sendHeaders(stream, list, true);
    this.connection.reset(stream, H2_CODE.NO_ERROR);
    handler.onBroken('LIST_SIZE');
  }

  onData(
    stream: Http2Stream<StreamOwner>,
    bytes: Buffer,
    from: number,
    to: number,
    end: boolean,
  ): void {
    if (this.#estimator.received(to - from, this.lastReceivedMs)) {
      this.connection.ping(WINDOW_PING, 0);
    }
    if (stream.owner !== undefined) stream.owner.onData(bytes, from, to, end);
    else this.connection.consumed(stream, to - from);
  }

  onTrailers(stream: Http2Stream<StreamOwner>, block: HeaderBlock): void {
    stream.owner?.onTrailers(block);
  }

  onReset(stream: Http2Stream<StreamOwner>, code: number, byPeer: boolean): void {
    stream.owner?.onReset(code, byPeer);
  }

  onStreamError(_id: number, rule: H2Rule): void {
    this.#options.handler.onBroken(rule);
  }

  onStreamClosed(): void {
    if (this.#draining) this.transport.wantFlush();
  }

  onWindow(stream: Http2Stream<StreamOwner>): void {
    stream.owner?.onWindow();
  }

  onGoaway(): void {
    this.#options.handler.onLeaving();
  }

  onSettings(settings: Readonly<Http2Settings>): void {
    this.#options.handler.onSettings(settings);
  }

  onPing(high: number, low: number): void {
    const nowMs = this.lastReceivedMs;
    if (high !== WINDOW_PING) {
      if (this.#draining && low === this.#drainPing) this.#leave();
      this.#estimator.tookMs(nowMs - this.#pingSentMs, nowMs);
      this.connection.stretch(this.#estimator.shortestMs);
      this.#options.handler.onPong(nowMs - this.#pingSentMs);
    } else if (this.#estimator.answered(nowMs)) {
      this.connection.growWindow(undefined, this.#estimator.connectionBytes);
    }
  }

  onStall(stream: Http2Stream<StreamOwner>): void {
    this.#options.handler.onBroken('STREAM_STALL');
    stream.owner?.onReset(H2_CODE.CANCEL, false);
    this.connection.reset(stream, H2_CODE.ENHANCE_YOUR_CALM);
  }

  onRenew(): void {
    this.#options.handler.onWorn();
  }

  onError(error: Http2Error): void {
    this.#error = error;
    const { handler } = this.#options;
    handler.onBroken(error.rule);
    handler.onFailed?.(error);
  }

  #leave(): void {
    if (this.#drained) return;
    this.#drained = true;
    this.connection.drain();
    this.transport.wantFlush();
  }

  /** Last words are out: ends our half, and the rest soon after, whether the peer reads or not. */
  #finish(): void {
    if (this.#overFromMs < 0) this.#overFromMs = this.#options.clock.monotonicMs();
    this.transport.end();
  }
}
