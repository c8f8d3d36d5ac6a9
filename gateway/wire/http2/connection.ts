/**
 * One HTTP/2 connection (RFC 9113), either end, pure
 * of sockets, timers and policy: bytes come in by `feed` cut anywhere, what they mean goes to an
 * {@link Http2Sink}, and what is to be sent gathers until `takeOutput`.
 *
 * The owner flushes once per turn of its event loop, and holds back while its socket does: DATA is then no longer
 * taken (`sendData`), and a peer that does not read but makes us answer is cut off. Nothing is queued
 * here but bytes ready to go: what `sendData` does not take stays with the owner until `onWindow`.
 */
import { HpackDecoder } from '../hpack/decoder.ts';
import { Http2Error } from './error.ts';
import { H2_CODE, MAX_31, PREFACE } from './frames.ts';
import { fieldOf } from './headers.ts';
import { Inbound } from './inbound.ts';
import { HTTP2_LIMITS, type Http2Limits } from './limits.ts';
import { FrameReader } from './reader.ts';
import { type Http2Role, Session } from './session.ts';
import { type OwnSettings, ownSettings, settingsFrame } from './settings.ts';
import { tellStalls } from './stalls.ts';
import type { Http2Sink, Http2Stream } from './stream.ts';

export interface ConnectionOptions<T> extends OwnSettings {
  readonly role: Http2Role;
  readonly sink: Http2Sink<T>;
  readonly limits?: Http2Limits;
  /** The window of the connection, in bytes. */
  readonly connectionWindowBytes?: number;
  /** Sends no more DATA frames ahead than the peer reads at once: it must answer PINGs, some for each thousand. */
  readonly countsFrames?: boolean;
}

export class Http2Connection<T> {
  readonly #session: Session<T>;
  readonly #reader: FrameReader;
  #feeding = false;
  #askedToRenew = false;

  /** Sends the preface and SETTINGS at once: take the output. */
  constructor(options: ConnectionOptions<T>) {
    const limits = options.limits ?? HTTP2_LIMITS;
    const local = ownSettings(options, limits);
    const { role, sink, countsFrames = false } = options;
    this.#session = new Session(role, sink, limits, local, countsFrames);
    const decoder = new HpackDecoder({ maxListBytes: limits.headerListBytes });
    const inbound = new Inbound(this.#session, decoder);
    this.#reader = new FrameReader(inbound, local.frameBytes, options.role === 'server');
    const { writer } = this.#session;
    if (options.role === 'client') writer.raw(PREFACE);
    writer.raw(settingsFrame(local, options.role));
    if (options.connectionWindowBytes !== undefined)
      this.growWindow(undefined, options.connectionWindowBytes);
  }

  /** Streams open now, either way. */
  get streams(): number {
    return this.#session.streams.size;
  }

  /** Whether there is anything to send. */
  get hasOutput(): boolean {
    return this.#session.writer.output.pendingBytes > 0;
  }

  /** The connection is over: flush what there is, then close the socket. */
  get ended(): boolean {
    return this.#session.ended;
  }

  /** Whether streams are open that move much content: what others send waits behind it. */
  get laden(): boolean {
    return this.#session.laden > 0;
  }

  /** Whether so much is held that no stream's window should grow. */
  get pressed(): boolean {
    return this.#session.pressed;
  }

  /** Whether the peer has acknowledged our SETTINGS; how long it may take is the owner's matter. */
  get settled(): boolean {
    return this.#session.settled;
  }

  /** Whether `open` would open a stream now. */
  get canOpen(): boolean {
    const session = this.#session;
    return (
      session.role === 'client' &&
      !session.ended &&
      !session.leaving &&
      !session.peerLeaving &&
      session.streams.size < session.peer.concurrentStreams &&
      session.lastOwnId <= MAX_31 - 2
    );
  }

  /** Of the units of the last {@link feed}, those that were not needed. */
  get unitsLeft(): number {
    return this.#session.unitsLeft;
  }

  /** What frames of content in the last {@link feed} fell short of `FULL_FRAME_BYTES`, but for the last of a stream. */
  get shortBytes(): number {
    return this.#session.shortBytes;
  }

  /**
   * Reads `bytes[from, to)`, received at `nowMs` (monotonic). What is wrong with them ends in `onError`.
   * Stops between two frames when `units` are spent, as the session counts them.
   * Returns how many bytes were read.
   */
  feed(
    bytes: Buffer,
    nowMs: number,
    from = 0,
    to = bytes.length,
    units = Number.POSITIVE_INFINITY,
  ): number {
    const session = this.#session;
    if (session.ended || this.#feeding) return to - from;
    session.nowMs = nowMs;
    session.unitsLeft = units;
    session.shortBytes = 0;
    this.#feeding = true;
    let read = to - from;
    try {
      read = this.#reader.feed(bytes, from, to) - from;
      if (session.writer.output.controlBytes > session.limits.outputControlBytes)
        throw new Http2Error('OUTPUT_QUEUE');
    } catch (error) {
      if (!(error instanceof Http2Error)) throw error;
      session.fail(error);
    } finally {
      this.#feeding = false;
      if (session.ended) this.#reader.stopped = true;
    }
    return read;
  }

  /** All output so far, to be written in this order. Streams that waited for room may add more at once. */
  takeOutput(): Buffer[] {
    const session = this.#session;
    const waited = session.outputFull() || session.yielded;
    const list = session.writer.output.take();
    session.yielded = false;
    if (waited) session.wake();
    return list;
  }

  /** Whether more of `stream` would only stand in line with that of others; `onWindow` follows when it would not. */
  crowded(stream: Http2Stream<T>): boolean {
    return this.#session.queue.crowded(stream);
  }

  /** Whether {@link callNext} has somebody to call. */
  get hasNext(): boolean {
    return this.#session.queue.hasNext;
  }

  /** Tells those who are not {@link crowded} any more, as many as the line has room for. */
  callNext(): void {
    const { queue, sink } = this.#session;
    for (const stream of queue.next()) sink.onWindow(stream);
  }

  /**
   * Opens a stream (client) with a request: lower-case names, pseudo-headers first.
   * `undefined` when the connection takes no more; see {@link canOpen}.
   */
  open(
    headers: readonly string[],
    endStream: boolean,
    owner: T,
    sensitive?: ReadonlySet<string>,
  ): Http2Stream<T> | undefined {
    if (!this.canOpen) return undefined;
    const session = this.#session;
    const id = session.lastOwnId === 0 ? 1 : session.lastOwnId + 2;
    // First of all, for it throws where a header cannot be sent.
    session.writer.headers(id, headers, endStream, sensitive);
    session.lastOwnId = id;
    if (endStream) session.windowUpdates.give(2);
    const stream = session.addStream(id);
    stream.owner = owner;
    const method = fieldOf(headers, ':method');
    stream.head = method === 'HEAD';
    stream.connect = method === 'CONNECT';
    stream.localClosed = endStream;
    if (id >= session.limits.renewAtStreamId && !this.#askedToRenew) {
      this.#askedToRenew = true;
      session.sink.onRenew();
    }
    return stream;
  }

  /**
   * Sends a response, an interim response or trailers. Nothing happens on a stream that is closed for us.
   * @param sensitive names to be sent as never indexed, such as `block.sensitive` of what is passed on.
   */
  sendHeaders(
    stream: Http2Stream<T>,
    headers: readonly string[],
    endStream: boolean,
    sensitive?: ReadonlySet<string>,
  ): void {
    const session = this.#session;
    if (stream.localClosed || session.ended) return;
    session.writer.headers(stream.id, headers, endStream, sensitive);
    if (!endStream) return;
    session.windowUpdates.give(2);
    this.#endLocal(stream);
  }

  /**
   * Sends of `bytes[from, to)` what windows and output allow and returns how many bytes that was; when it was not
   * all, `onWindow` follows, and `endStream` has not been sent. Bytes taken must not change until written.
   */
  sendData(
    stream: Http2Stream<T>,
    bytes: Buffer,
    from: number,
    to: number,
    endStream: boolean,
  ): number {
    const session = this.#session;
    if (stream.localClosed || session.ended) return to - from;
    let at = from;
    const { maxFrameBytes } = session.writer;
    // While others wait, each has a turn of one frame: a large answer holds back no small one.
    const { queue } = session;
    const turnEnd = queue.contended ? from + queue.turnBytes(stream, maxFrameBytes) : to;
    while (at < to) {
      const open = Math.min(to - at, maxFrameBytes, stream.sendWindow, session.sendWindow);
      const room = Math.min(open, turnEnd - at);
      if (room <= 0 || session.holdsBack()) {
        session.yielded ||= open > 0;
        queue.add(stream, session.nowMs);
        session.windowUpdates.give((at - from) / 512);
        return at - from;
      }
      const ends = endStream && at + room === to;
      if (session.writer.data(stream.id, bytes, at, at + room, ends)) session.wroteData();
      stream.sendWindow -= room;
      session.sendWindow -= room;
      stream.sentBytes += room;
      at += room;
      session.sentData = true;
      session.moved(stream);
    }
    if (from === to && endStream) {
      session.writer.data(stream.id, bytes, to, to, true);
      session.sentData = true;
    }
    stream.stallFromMs = -1;
    session.windowUpdates.give((endStream ? 2 : 0) + (to - from) / 512);
    if (endStream) this.#endLocal(stream);
    return to - from;
  }

  /** Breaks `stream` off, both ways; the sink is not called. */
  reset(stream: Http2Stream<T>, code: number): void {
    const session = this.#session;
    if (!session.forget(stream) || session.ended) return;
    session.writeReset(stream.id, code);
  }

  /** `bytes` of `onData` have left the owner: the peer may send as many again. */
  consumed(stream: Http2Stream<T>, bytes: number): void {
    this.#session.consumed(stream, bytes);
  }

  /** Grows the window kept open for a stream, or with `undefined` for the connection, to `bytes`. */
  growWindow(stream: Http2Stream<T> | undefined, bytes: number): void {
    const session = this.#session;
    const target = Math.min(bytes, MAX_31);
    const holder = stream ?? session;
    const more = target - holder.windowBytes;
    if (more <= 0 || session.ended || stream?.remoteClosed === true) return;
    holder.windowBytes = target;
    holder.receiveWindow += more;
    session.writer.windowUpdate(stream?.id ?? 0, more);
  }

  /** Keeps no more than `bytes` of the connection's window open from now on, as what comes closes it. */
  keepOpen(bytes: number): void {
    this.#session.openBytesMax = bytes;
  }

  /** A round trip takes no less than `ms`: see `countsFrames`. */
  stretch(ms: number): void {
    this.#session.ahead.stretch(ms);
  }

  /** Asks for a sign of life: `onPing` follows with the same two words of 32 bits. */
  ping(high: number, low: number): void {
    if (this.#session.ended) return;
    this.#session.pings += 1;
    this.#session.writer.ping(false, high, low);
  }

  /** Asks the peer to open no more streams; those under way are still served (section 6.8). */
  announceLeaving(): void {
    const session = this.#session;
    if (!session.ended && !session.leaving)
      session.writer.goaway(MAX_31, H2_CODE.NO_ERROR, 'leaving');
  }

  /** Serves no stream newer than those known, and opens none; call a round trip after {@link announceLeaving}. */
  drain(): void {
    const session = this.#session;
    if (session.ended || session.leaving) return;
    session.leaving = true;
    session.lastServedId = session.lastPeerId;
    session.writer.goaway(session.lastPeerId, H2_CODE.NO_ERROR, 'leaving');
  }

  /** Ends the connection with a GOAWAY of `code`; every open stream gets `onReset`, see {@link ending}. */
  close(code: number): void {
    const session = this.#session;
    if (session.ended) return;
    session.writer.goaway(session.lastPeerId, code, '');
    this.end(code);
  }

  /** The transport is gone: every open stream gets `onReset`, see {@link ending}. */
  end(code: number): void {
    this.#reader.stopped = true;
    if (!this.#session.ended) this.#session.end(code);
  }

  /** Streams are yet to be told of their end: {@link endMore} until there are none. */
  get ending(): boolean {
    return this.#session.ending;
  }

  /** Tells `ENDED_AT_ONCE` more streams. */
  endMore(): void {
    this.#session.endMore();
  }

  /** Looks for streams that wait for window, or get it by the spoonful; call every second or so. */
  sweep(nowMs: number): void {
    tellStalls(this.#session, nowMs);
  }

  #endLocal(stream: Http2Stream<T>): void {
    stream.localClosed = true;
    this.#session.finishIfDone(stream);
  }
}
