/**
 * What both directions of a connection share: its streams, windows, settings, bounds and its end.
 */

import { Bucket } from '#core/bucket.ts';
import { H2_RULES, type H2Rule, Http2Error } from './error.ts';
import { DEFAULT_FRAME_BYTES, DEFAULT_WINDOW_BYTES, H2_CODE, MAX_31 } from './frames.ts';
import { FRAMES_PING, FramesAhead } from './frames-ahead.ts';
import type { Http2Limits } from './limits.ts';
import { SendQueue } from './send-queue.ts';
import { type Http2Settings, initialSettings } from './settings.ts';
import { type Http2Sink, Http2Stream } from './stream.ts';
import { StreamTable } from './streams.ts';
import { FrameWriter } from './writer.ts';

export type Http2Role = 'client' | 'server';

/** Of what a connection may hold: from here on slow readers' windows become smaller. */
const PRESSED_SHARE = 4;
/** And this is how small. */
const PRESSED_WINDOW_BYTES = 16 * 1024;

/**
 * Streams that are told in one go that their connection has ended: what follows from each, a client to be told or another
 * attempt, costs some ten microseconds, and a tunnel has thousands.
 */
export const ENDED_AT_ONCE = 64;

/** A stream that has moved more content either way is taken to move much. */
const LADEN_BYTES = 16 * 1_024;

const TICK_MS = 128;
/** A stream that was open for so long, not quite a second, may be reset at any rate. */
const WAITED_TICKS = 7;

/** Content from which on a frame costs no more than its bytes. */
export const FULL_FRAME_BYTES = 256;
/** Streams that cost a unit to look at: 64. */
const STREAMS_SHIFT = 6;
/** What follows from a request, beside reading its frame. */
export const REQUEST_UNITS = 7;

export class Session<T> {
  readonly role: Http2Role;
  readonly sink: Http2Sink<T>;
  readonly limits: Http2Limits;
  readonly local: Http2Settings;
  readonly peer = initialSettings();
  readonly writer = new FrameWriter(DEFAULT_FRAME_BYTES);
  readonly streams = new StreamTable<T>();
  /** Streams that have more to send than windows or output took. */
  readonly queue = new SendQueue<T>();
  /** DATA frames that the peer has not read. */
  readonly ahead: FramesAhead;
  /** A stream has stopped for the sake of others, though there was room. */
  yielded = false;
  /** The peer has acknowledged our SETTINGS: they hold for what comes from now on. */
  settled = false;
  sendWindow = DEFAULT_WINDOW_BYTES;
  receiveWindow = DEFAULT_WINDOW_BYTES;
  windowBytes = DEFAULT_WINDOW_BYTES;
  /** What of it is open at most for now: it closes as far by what comes, and opens again by what comes later. */
  openBytesMax = Number.POSITIVE_INFINITY;
  unannounced = 0;
  /** DATA received that its owners have not consumed. */
  heldBytes = 0;
  /** Highest stream id the peer has opened, and the highest we have. */
  lastPeerId = 0;
  lastOwnId = 0;
  /** Streams the peer opens above this one are refused, once we have said goodbye. */
  lastServedId = MAX_31;
  /** The peer has said goodbye: we open nothing more. */
  peerLeaving = false;
  /** We have said goodbye, for good. */
  leaving = false;
  /** The connection is over; nothing is read any more. */
  ended = false;
  /** Open streams that move much: what others send waits behind it. */
  laden = 0;
  /** PINGs of ours that are not answered yet. */
  pings = 0;
  /** Content was sent since the last PING of the peer's. */
  sentData = false;
  nowMs = 0;
  /**
   * How much more may be read now: a frame is one for every 64 bytes, one of content one in all, a request
   * {@link REQUEST_UNITS} more, a goodbye one more for every 64 streams it may leave unserved.
   */
  unitsLeft = Number.POSITIVE_INFINITY;
  /** What frames of content read now fell short of {@link FULL_FRAME_BYTES}, but for the last of a stream. */
  shortBytes = 0;
  /** Streams that may be yet to hear of the end, and its code. */
  #untold: Http2Stream<T>[] = [];
  /** Streams that the peer has refused and that have not heard of it. */
  #refused: Http2Stream<T>[] = [];
  #endCode = 0;
  /** The last of our streams that the peer serves. */
  #servedId = MAX_31;
  readonly #resets: Bucket;
  readonly #provoked: Bucket;
  readonly windowUpdates: Bucket;
  readonly #ignored: Bucket;
  /** Streams we reset lately, oldest first, whose late frames mean nothing. */
  #remembered: Set<number> | undefined;

  constructor(
    role: Http2Role,
    sink: Http2Sink<T>,
    limits: Http2Limits,
    local: Http2Settings,
    countsFrames: boolean,
  ) {
    this.role = role;
    this.sink = sink;
    this.limits = limits;
    this.local = local;
    this.ahead = new FramesAhead(countsFrames);
    this.#resets = new Bucket(limits.resets);
    this.#provoked = new Bucket(limits.provokedResets);
    this.#ignored = new Bucket(limits.ignoredFrames);
    this.windowUpdates = new Bucket(limits.windowUpdates);
  }

  /** A new stream, with the windows that both sides' settings give it. */
  addStream(id: number): Http2Stream<T> {
    // Until it has acknowledged ours, the peer goes by the initial value.
    const receive = this.settled ? this.local.initialWindowBytes : DEFAULT_WINDOW_BYTES;
    const stream = new Http2Stream<T>(id, this.peer.initialWindowBytes, receive);
    stream.openedTick = tickAt(this.nowMs);
    this.streams.add(stream);
    return stream;
  }

  /** Forgets `stream` once both sides have ended, and says so. */
  finishIfDone(stream: Http2Stream<T>): void {
    if (!stream.localClosed || !stream.remoteClosed || !this.forget(stream)) return;
    this.#resets.give(1);
    this.#provoked.give(1);
    this.sink.onStreamClosed(stream);
  }

  /** Takes `stream` out; false when it was gone already. */
  forget(stream: Http2Stream<T>): boolean {
    stream.localClosed = true;
    stream.remoteClosed = true;
    this.queue.forget(stream);
    if (!this.streams.delete(stream.id)) return false;
    if (stream.laden) this.laden -= 1;
    return true;
  }

  /** `stream`, which is open, has moved content. */
  moved(stream: Http2Stream<T>): void {
    if (stream.laden || Math.max(stream.sentBytes, stream.receivedBytes) <= LADEN_BYTES) return;
    stream.laden = true;
    this.laden += 1;
  }

  /** Whether `id` names a stream that nobody has opened yet (RFC 9113, section 5.1). */
  isIdle(id: number): boolean {
    const peers = (id & 1) === (this.role === 'server' ? 1 : 0);
    return id > (peers ? this.lastPeerId : this.lastOwnId);
  }

  /** Whether we reset stream `id` lately, so that the peer may not know yet. */
  wasReset(id: number): boolean {
    return this.#remembered?.has(id) === true;
  }

  /** Sends RST_STREAM and ignores what is still under way. */
  writeReset(id: number, code: number): void {
    this.#remembered ??= new Set();
    if (this.#remembered.size >= this.limits.rememberedResets) {
      const oldest = this.#remembered.values().next().value;
      if (oldest !== undefined) this.#remembered.delete(oldest);
    }
    this.#remembered.add(id);
    // A response and its trailers may still come, and cost the peer nothing.
    this.#ignored.give(4);
    this.writer.reset(id, code);
  }

  /** The peer made us refuse something: too much of that ends the connection. */
  provoked(times = 1): void {
    for (let each = 0; each < times; each += 1)
      if (!this.#provoked.take(this.nowMs)) throw new Http2Error('FLOOD_PROVOKED');
  }

  /** The peer broke `rule` on stream `id`: that stream ends, and too many of them end the connection. */
  streamError(id: number, rule: H2Rule): void {
    this.provoked();
    const { code } = H2_RULES[rule];
    this.writeReset(id, code);
    this.sink.onStreamError(id, rule);
    const stream = this.streams.get(id);
    if (stream === undefined) return;
    this.forget(stream);
    this.sink.onReset(stream, code, false);
  }

  /** Counts a frame that is only passed over. */
  ignore(): void {
    if (!this.#ignored.take(this.nowMs)) throw new Http2Error('FLOOD_IGNORED');
  }

  /**
   * The peer has reset stream `id`. Whoever waited for so long has run out of time, as all do whose pods hang; a flood opens
   * and resets as fast as it can, and one that waits has no more streams than may be open.
   */
  peerReset(id: number, code: number): void {
    const stream = this.streams.get(id);
    const waited = stream !== undefined && tickAt(this.nowMs) - stream.openedTick >= WAITED_TICKS;
    if (this.role === 'server' && !waited && !this.#resets.take(this.nowMs))
      throw new Http2Error('FLOOD_RESETS');
    if (stream === undefined) return;
    this.forget(stream);
    this.sink.onReset(stream, code, true);
  }

  /**
   * `bytes` of DATA have come. The connection's window opens again at once, so that a stream nobody
   * reads cannot close it to the others; only who holds too much in all has it closed.
   */
  received(bytes: number): void {
    this.heldBytes += bytes;
    this.unannounced += bytes;
    this.#announce();
  }

  /** `bytes` of what was {@link received} have left: those of a stream are announced for it, too. */
  consumed(stream: Http2Stream<T> | undefined, bytes: number): void {
    this.heldBytes -= bytes;
    if (this.ended) return;
    this.#announce();
    if (stream === undefined || stream.remoteClosed) return;
    stream.unannounced += bytes;
    if (this.pressed) this.#shrink(stream);
    if (stream.unannounced < half(stream.windowBytes)) return;
    this.writer.windowUpdate(stream.id, stream.unannounced);
    stream.receiveWindow += stream.unannounced;
    stream.unannounced = 0;
  }

  /** So much is held that windows are not opened as wide again as they were. */
  get pressed(): boolean {
    return this.heldBytes > this.limits.heldBytes / PRESSED_SHARE;
  }

  /** Keeps back of a stream's window what it can do without. */
  #shrink(stream: Http2Stream<T>): void {
    const less = Math.min(stream.unannounced, stream.windowBytes - PRESSED_WINDOW_BYTES);
    if (less <= 0) return;
    stream.windowBytes -= less;
    stream.unannounced -= less;
  }

  /** Opens the connection's window once that is worth a frame: half a window. */
  #announce(): void {
    if (this.heldBytes > this.limits.heldBytes) return;
    const openBytes = Math.min(this.windowBytes, this.openBytesMax);
    const more = Math.min(this.unannounced, openBytes - this.receiveWindow);
    if (more < half(openBytes)) return;
    this.writer.windowUpdate(0, more);
    this.receiveWindow += more;
    this.unannounced -= more;
  }

  /** The connection's window has opened, or output was taken: those who wait send in turn. */
  wake(): void {
    const { output } = this.writer;
    const { queue } = this;
    let before = -1;
    // Turn by turn, as long as a turn sends anything.
    while (queue.contended && output.pendingBytes > before) {
      before = output.pendingBytes;
      for (const stream of queue.turn()) {
        if (this.sendWindow <= 0 || this.holdsBack() || this.ended) return;
        this.wakeStream(stream);
      }
    }
  }

  /** The initial window has grown: who waited for its own has some of it. */
  feedStarved(): void {
    for (const stream of this.queue.starved()) if (stream.sendWindow > 0) this.wakeStream(stream);
  }

  /** Lets a stream that waits send again; if it still has more, it goes to the end of the line. */
  wakeStream(stream: Http2Stream<T>): void {
    if (!stream.waiting) return;
    this.queue.feed(stream, this.nowMs);
    if (this.sendWindow <= 0 || this.holdsBack()) return;
    this.queue.delete(stream);
    this.sink.onWindow(stream);
  }

  /** Whether DATA has to wait, whatever windows allow. */
  holdsBack(): boolean {
    return this.outputFull() || this.ahead.full;
  }

  /** A frame of DATA was written. */
  wroteData(): void {
    const mark = this.ahead.sent();
    if (mark === undefined) return;
    this.pings += 1;
    this.writer.ping(false, FRAMES_PING, mark);
  }

  /** Whether DATA has to wait until the owner has taken output. */
  outputFull(): boolean {
    return this.writer.output.pendingBytes >= this.limits.outputDataBytes;
  }

  /** Ends the connection for an error of the peer's. */
  fail(error: Http2Error): void {
    if (this.ended) return;
    this.writer.goaway(this.lastPeerId, error.h2Code, error.rule);
    this.leaving = true;
    this.end(error.h2Code);
    this.sink.onError(error);
  }

  /** No more of anything: every open stream is told, {@link ENDED_AT_ONCE} now and the others by {@link endMore}. */
  end(code: number): void {
    this.ended = true;
    this.#endCode = code;
    this.#untold = this.streams.values();
    this.endMore();
  }

  /** Whether streams are yet to be told of their end. */
  get ending(): boolean {
    return this.#refused.length > 0 || this.#untold.length > 0;
  }

  /** Tells {@link ENDED_AT_ONCE} more, those the peer has refused first: they may be asked again elsewhere. */
  endMore(): void {
    for (let left = ENDED_AT_ONCE; left > 0; ) {
      const refused = this.#refused.pop();
      const stream = refused ?? this.#untold.pop();
      if (stream === undefined) return;
      // Who has given up meanwhile hears nothing more.
      if (!this.forget(stream)) continue;
      const code = refused === undefined ? this.#endCode : H2_CODE.REFUSED_STREAM;
      this.sink.onReset(stream, code, refused !== undefined);
      left -= 1;
    }
  }

  /** The peer serves none of our streams above `lastId` (RFC 9113, section 6.8): they are told, the others by {@link endMore}. */
  peerGoaway(lastId: number, code: number): void {
    this.peerLeaving = true;
    // We open streams as a client alone, and who hears the same again knows it.
    if (this.role === 'client' && lastId < this.#servedId) {
      this.#servedId = lastId;
      this.unitsLeft -= this.streams.size >>> STREAMS_SHIFT;
      this.#refused = this.streams.values().filter(({ id }) => id > lastId);
      this.endMore();
    }
    this.sink.onGoaway(lastId, code);
  }
}

/** A moment as a whole number for years, which a stream holds without a box of its own. */
function tickAt(nowMs: number): number {
  return (nowMs / TICK_MS) | 0;
}

function half(bytes: number): number {
  return Math.max(1, bytes >>> 1);
}
