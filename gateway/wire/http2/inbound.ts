/**
 * Frames received: each is checked against the state of its stream and the bounds, then told to the owner.
 */

import { Bucket } from '#core/bucket.ts';
import type { HpackDecoder } from '../hpack/decoder.ts';
import { Http2Error } from './error.ts';
import { DEFAULT_WINDOW_BYTES, FLAG, FRAME, MAX_31, readUint32 } from './frames.ts';
import { FRAMES_PER_PING, FRAMES_PING } from './frames-ahead.ts';
import { HeaderReceiver, refuseSelf } from './inbound-headers.ts';
import type { FrameHandler } from './reader.ts';
import { FULL_FRAME_BYTES, type Session } from './session.ts';
import { applySettings } from './settings.ts';
import type { Http2Stream } from './stream.ts';

/** Bytes of a frame that count as much as a frame: 64. */
const UNIT_SHIFT = 6;

export class Inbound<T> implements FrameHandler {
  readonly #session: Session<T>;
  readonly #decoder: HpackDecoder;
  readonly #headers: HeaderReceiver<T>;
  readonly #settings: Bucket;
  readonly #pings: Bucket;
  readonly #empty: Bucket;
  #greeted = false;
  /** The stream of the DATA frame under way; undefined where its bytes mean nothing. */
  #dataStream: Http2Stream<T> | undefined;
  #dataEnds = false;
  /** Of DATA, since a PING was given back. */
  #dataFrames = 0;

  constructor(session: Session<T>, decoder: HpackDecoder) {
    this.#session = session;
    this.#decoder = decoder;
    this.#headers = new HeaderReceiver(session, decoder);
    this.#settings = new Bucket(session.limits.settings);
    this.#pings = new Bucket(session.limits.pings);
    this.#empty = new Bucket(session.limits.emptyFrames);
  }

  get sated(): boolean {
    return this.#session.unitsLeft <= 0;
  }

  begin(type: number, flags: number, id: number, length: number): void {
    // A block of many fields is much to read; content is only passed on.
    this.#session.unitsLeft -= type === FRAME.DATA ? 1 : 1 + (length >>> UNIT_SHIFT);
    if (!this.#greeted) {
      // Both prefaces begin with SETTINGS (RFC 9113, section 3.4).
      if (type !== FRAME.SETTINGS || (flags & FLAG.ACK) !== 0) throw new Http2Error('PREFACE');
      this.#greeted = true;
    }
    this.#headers.begin(type, id, length);
  }

  frame(type: number, flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    const length = to - from;
    switch (type) {
      case FRAME.HEADERS:
        this.#headers.headers(flags, id, bytes, from, to);
        return;
      case FRAME.CONTINUATION:
        this.#headers.continuation(flags, bytes, from, to);
        return;
      case FRAME.WINDOW_UPDATE:
        require(length === 4);
        this.#windowUpdate(id, readUint32(bytes, from) & MAX_31);
        return;
      case FRAME.RST_STREAM:
        require(length === 4);
        if (id === 0) throw new Http2Error('STREAM_ID');
        if (this.#session.isIdle(id)) throw new Http2Error('STREAM_IDLE');
        this.#session.peerReset(id, readUint32(bytes, from));
        return;
      case FRAME.SETTINGS:
        if (id !== 0) throw new Http2Error('STREAM_ID');
        this.#settingsFrame(flags, bytes, from, to);
        return;
      case FRAME.PING:
        if (id !== 0) throw new Http2Error('STREAM_ID');
        require(length === 8);
        this.#ping(flags, readUint32(bytes, from), readUint32(bytes, from + 4));
        return;
      case FRAME.GOAWAY:
        if (id !== 0) throw new Http2Error('STREAM_ID');
        require(length >= 8);
        this.#session.ignore();
        this.#session.peerGoaway(readUint32(bytes, from) & MAX_31, readUint32(bytes, from + 4));
        return;
      case FRAME.PUSH_PROMISE:
        throw new Http2Error('PUSH');
      case FRAME.PRIORITY:
        if (id === 0) throw new Http2Error('STREAM_ID');
        // A stream error by the book (section 6.3), which section 5.4.2 lets us widen.
        require(length === 5);
        refuseSelf(id, bytes, from);
        this.#session.ignore();
        return;
      default: // Unknown frames are ignored (section 4.1).
        this.#session.ignore();
    }
  }

  dataBegin(flags: number, id: number, content: number, overhead: number): void {
    const session = this.#session;
    const length = content + overhead;
    this.#dataFrames += 1;
    // Whoever counts its frames asks for an answer after so many.
    if (2 * this.#dataFrames > FRAMES_PER_PING) {
      this.#dataFrames = 0;
      this.#pings.give(1);
    }
    if (id === 0) throw new Http2Error('STREAM_ID');
    if (session.isIdle(id)) throw new Http2Error('STREAM_IDLE');
    this.#dataEnds = (flags & FLAG.END_STREAM) !== 0;
    if (content < FULL_FRAME_BYTES && !this.#dataEnds)
      session.shortBytes += FULL_FRAME_BYTES - content;
    if (content === 0 && !this.#dataEnds && !this.#empty.take(session.nowMs))
      throw new Http2Error('FLOOD_EMPTY');
    session.receiveWindow -= length;
    if (session.receiveWindow < 0) throw new Http2Error('WINDOW_EXCEEDED');
    session.received(length);
    const stream = session.streams.get(id);
    this.#dataStream = this.#accept(stream, id, content, length);
    if (this.#dataStream === undefined) session.consumed(undefined, length);
    else if (overhead > 0) session.consumed(stream, overhead);
  }

  data(bytes: Buffer, from: number, to: number, last: boolean): void {
    const session = this.#session;
    const stream = this.#dataStream;
    if (stream === undefined) return;
    if (session.streams.get(stream.id) !== stream) {
      // Reset by the owner between two pieces of a frame.
      session.consumed(undefined, to - from);
      return;
    }
    const ends = last && this.#dataEnds;
    if (!ends) {
      if (to > from) session.sink.onData(stream, bytes, from, to, false);
      return;
    }
    stream.remoteClosed = true;
    session.sink.onData(stream, bytes, from, to, true);
    session.finishIfDone(stream);
  }

  /** The stream that may have `content` bytes of data, or `undefined` when nobody wants them. */
  #accept(
    stream: Http2Stream<T> | undefined,
    id: number,
    content: number,
    length: number,
  ): Http2Stream<T> | undefined {
    const session = this.#session;
    if (stream === undefined) {
      if (session.wasReset(id)) return undefined;
      session.streamError(id, 'STREAM_CLOSED');
      return undefined;
    }
    if (stream.remoteClosed) {
      session.streamError(id, 'STREAM_CLOSED');
      return undefined;
    }
    if (!stream.headersReceived) {
      session.streamError(id, 'DATA_BEFORE_HEADERS');
      return undefined;
    }
    stream.receiveWindow -= length;
    stream.receivedBytes += content;
    session.moved(stream);
    if (stream.receiveWindow < 0) {
      session.streamError(id, 'WINDOW_EXCEEDED');
      return undefined;
    }
    if (stream.bodyLeft >= 0) {
      stream.bodyLeft -= content;
      if (stream.bodyLeft < 0 || (this.#dataEnds && stream.bodyLeft > 0)) {
        session.streamError(id, 'CONTENT_LENGTH');
        return undefined;
      }
    }
    return stream;
  }

  #windowUpdate(id: number, bytes: number): void {
    const session = this.#session;
    if (!session.windowUpdates.take(session.nowMs)) throw new Http2Error('FLOOD_WINDOW');
    if (id === 0) {
      if (bytes === 0) throw new Http2Error('WINDOW_ZERO');
      session.sendWindow += bytes;
      if (session.sendWindow > MAX_31) throw new Http2Error('WINDOW_OVERFLOW');
      session.wake();
      return;
    }
    if (session.isIdle(id)) throw new Http2Error('STREAM_IDLE');
    const stream = session.streams.get(id);
    if (stream === undefined) return;
    if (bytes === 0) {
      session.streamError(id, 'WINDOW_ZERO');
      return;
    }
    stream.sendWindow += bytes;
    if (stream.sendWindow > MAX_31) session.streamError(id, 'WINDOW_OVERFLOW');
    else if (stream.sendWindow > 0) session.wakeStream(stream);
  }

  #settingsFrame(flags: number, bytes: Buffer, from: number, to: number): void {
    const session = this.#session;
    if (!this.#settings.take(session.nowMs)) throw new Http2Error('FLOOD_SETTINGS');
    if ((flags & FLAG.ACK) !== 0) {
      require(to === from);
      this.#acknowledged();
      return;
    }
    require((to - from) % 6 === 0);
    const before = session.peer.initialWindowBytes;
    const broken = applySettings(session.peer, bytes, from, to, session.role === 'client');
    if (broken !== undefined) throw new Http2Error(broken);
    session.writer.maxFrameBytes = session.peer.frameBytes;
    session.writer.setTableBytes(session.peer.headerTableBytes);
    session.writer.settingsAck();
    const delta = session.peer.initialWindowBytes - before;
    if (delta !== 0) {
      for (const stream of session.streams.values()) {
        stream.sendWindow += delta;
        if (stream.sendWindow > MAX_31) throw new Http2Error('WINDOW_OVERFLOW');
      }
    }
    session.sink.onSettings(session.peer);
    if (delta > 0) session.feedStarved();
  }

  /** Our SETTINGS hold from here on; they are sent once, so there is one acknowledgement. */
  #acknowledged(): void {
    const session = this.#session;
    if (session.settled) throw new Http2Error('SETTING_ACK');
    session.settled = true;
    this.#decoder.setTableMaxBytes(session.local.headerTableBytes);
    const delta = session.local.initialWindowBytes - DEFAULT_WINDOW_BYTES;
    for (const stream of session.streams.values()) {
      stream.receiveWindow += delta;
      stream.windowBytes += delta;
    }
  }

  #ping(flags: number, high: number, low: number): void {
    const session = this.#session;
    if ((flags & FLAG.ACK) !== 0) {
      if (session.pings === 0) {
        // Nobody asked, and the RFC names no error for it.
        session.ignore();
        return;
      }
      session.pings -= 1;
      if (high === FRAMES_PING) {
        session.ahead.answered(low);
        session.wake();
        return;
      }
      session.sink.onPing(high, low);
      return;
    }
    // gRPC measures its path (gRFC A9) with one PING at a time, each for content that came after the answer to the last.
    if (session.sentData) session.sentData = false;
    else if (!this.#pings.take(session.nowMs)) throw new Http2Error('FLOOD_PING');
    session.writer.ping(true, high, low);
  }
}

/** Refuses frames of a wrong length (RFC 9113, section 4.2). */
function require(length: boolean): void {
  if (!length) throw new Http2Error('FRAME_SIZE');
}
