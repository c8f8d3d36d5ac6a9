/**
 * HEADERS and CONTINUATION received: blocks are put together, decoded and judged, streams opened.
 *
 * Every block is decoded, also one nobody wants, because the dynamic table must stay in step.
 */
import type { HeaderBlock } from '../hpack/block.ts';
import type { HpackDecoder } from '../hpack/decoder.ts';
import { HpackError } from '../hpack/error.ts';
import { beginOrigin, endOrigin } from '../origin.ts';
import { Http2Error } from './error.ts';
import { FLAG, FRAME, MAX_31, readUint32 } from './frames.ts';
import { judge, MESSAGE } from './headers.ts';
import { REQUEST_UNITS, type Session } from './session.ts';
import type { Http2Stream } from './stream.ts';

/** What a list that is too large counts beside other things we have to refuse. */
const LARGE_LIST_PROVOKES = 16;
/** Bytes of a HEADERS frame's priority fields (RFC 9113, section 6.2). */
const PRIORITY_BYTES = 5;
const NOTHING = Buffer.alloc(0);

/** See the header of this file. */
export class HeaderReceiver<T> {
  readonly #session: Session<T>;
  readonly #decoder: HpackDecoder;
  /** The stream whose block is incomplete; 0 when none is. */
  #openId = 0;
  #openEnds = false;
  #parts: Buffer[] = [];
  #partBytes = 0;
  #partFrames = 0;

  constructor(session: Session<T>, decoder: HpackDecoder) {
    this.#session = session;
    this.#decoder = decoder;
  }

  /** Before each frame: nothing may interrupt a block (RFC 9113, section 6.10). */
  begin(type: number, id: number, length: number): void {
    if (this.#openId === 0) {
      if (type === FRAME.CONTINUATION) throw new Http2Error('CONTINUATION_PLACE');
      return;
    }
    if (type !== FRAME.CONTINUATION || id !== this.#openId)
      throw new Http2Error('BLOCK_INTERRUPTED');
    this.#partFrames += 1;
    const { limits } = this.#session;
    if (this.#partFrames > limits.continuationFrames) throw new Http2Error('FLOOD_CONTINUATION');
    if (this.#partBytes + length > limits.headerBlockBytes) throw new Http2Error('BLOCK_SIZE');
  }

  headers(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id === 0 || (id & 1) === 0) throw new Http2Error('STREAM_ID');
    let from = start;
    let to = end;
    if ((flags & FLAG.PADDED) !== 0) {
      if (from >= to) throw new Http2Error('FRAME_SIZE');
      to -= bytes[from] as number;
      from += 1;
    }
    if ((flags & FLAG.PRIORITY) !== 0) from += PRIORITY_BYTES;
    if (from > to) throw new Http2Error((flags & FLAG.PADDED) !== 0 ? 'PADDING' : 'FRAME_SIZE');
    if ((flags & FLAG.PRIORITY) !== 0) refuseSelf(id, bytes, from - PRIORITY_BYTES);
    const ends = (flags & FLAG.END_STREAM) !== 0;
    if ((flags & FLAG.END_HEADERS) !== 0) {
      this.#complete(id, bytes, from, to, ends);
      return;
    }
    this.#openId = id;
    this.#openEnds = ends;
    this.#partFrames = 0;
    this.#keep(bytes, from, to);
  }

  continuation(flags: number, bytes: Buffer, from: number, to: number): void {
    this.#keep(bytes, from, to);
    if ((flags & FLAG.END_HEADERS) === 0) return;
    const id = this.#openId;
    const block = Buffer.concat(this.#parts);
    this.#openId = 0;
    this.#parts = [];
    this.#partBytes = 0;
    this.#complete(id, block, 0, block.length, this.#openEnds);
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    this.#parts.push(Buffer.from(bytes.subarray(from, to)));
    this.#partBytes += to - from;
  }

  #complete(id: number, bytes: Buffer, from: number, to: number, ends: boolean): void {
    if (to - from > this.#session.limits.headerBlockBytes) throw new Http2Error('BLOCK_SIZE');
    beginOrigin(bytes, 0);
    let block: HeaderBlock;
    try {
      block = this.#decoder.decode(bytes, from, to);
    } catch (error) {
      if (error instanceof HpackError) throw new Http2Error('HEADER_BLOCK', error);
      throw error;
    }
    const session = this.#session;
    const stream = session.streams.get(id);
    if (stream !== undefined) this.#onOpen(stream, block, ends);
    else if (session.role === 'server' && id > session.lastPeerId) this.#request(id, block, ends);
    else if (session.wasReset(id)) session.ignore();
    else throw new Http2Error(session.isIdle(id) ? 'STREAM_IDLE' : 'STREAM_CLOSED');
    endOrigin();
  }

  /** HEADERS that open a stream. */
  #request(id: number, block: HeaderBlock, ends: boolean): void {
    const session = this.#session;
    session.lastPeerId = id;
    if (id > session.lastServedId) {
      session.streamError(id, 'LEAVING');
      return;
    }
    if (session.streams.size >= session.limits.concurrentStreams) {
      session.streamError(id, 'STREAM_LIMIT');
      return;
    }
    if (!block.tooLarge) {
      const broken = judge(block, MESSAGE.REQUEST);
      const extended = (block.verdict & MESSAGE.EXTENDED) !== 0;
      if (broken !== undefined || (extended && !session.local.connectProtocol)) {
        session.streamError(id, broken ?? 'PSEUDO_PROTOCOL');
        return;
      }
      if (ends && block.contentLength > 0) {
        session.streamError(id, 'CONTENT_LENGTH');
        return;
      }
    }
    session.unitsLeft -= REQUEST_UNITS;
    const stream = session.addStream(id);
    stream.headersReceived = true;
    stream.remoteClosed = ends;
    if (block.tooLarge) {
      // To read such a list costs more than a hundred requests, and nobody sends it by mistake.
      session.provoked(LARGE_LIST_PROVOKES);
      session.sink.onHeadersTooLarge(stream, ends);
    } else {
      stream.connect = (block.verdict & MESSAGE.CONNECT) !== 0;
      stream.head = (block.verdict & MESSAGE.HEAD) !== 0;
      // What a tunnel carries is no content (RFC 9110, section 9.3.6).
      stream.bodyLeft = stream.connect ? -1 : block.contentLength;
      // Whoever carries a tunnel waits for the end of what it carries: that is told apart from the head.
      const told = ends && !stream.connect;
      session.sink.onHeaders(stream, block, told);
      if (ends && !told && session.streams.get(id) === stream)
        session.sink.onData(stream, NOTHING, 0, 0, true);
    }
    session.finishIfDone(stream);
  }

  /** HEADERS on a stream that is open: a response, or trailers. */
  #onOpen(stream: Http2Stream<T>, block: HeaderBlock, ends: boolean): void {
    const session = this.#session;
    if (stream.remoteClosed) session.streamError(stream.id, 'STREAM_CLOSED');
    else if (block.tooLarge) session.streamError(stream.id, 'LIST_SIZE');
    else if (stream.headersReceived) this.#trailers(stream, block, ends);
    else this.#response(stream, block, ends);
  }

  #trailers(stream: Http2Stream<T>, block: HeaderBlock, ends: boolean): void {
    const session = this.#session;
    const broken =
      (ends ? undefined : 'TRAILERS_END') ??
      (stream.connect ? 'TRAILERS_CONNECT' : undefined) ??
      judge(block, MESSAGE.TRAILERS) ??
      (stream.bodyLeft > 0 ? 'CONTENT_LENGTH' : undefined);
    if (broken !== undefined) {
      session.streamError(stream.id, broken);
      return;
    }
    stream.remoteClosed = true;
    session.sink.onTrailers(stream, block);
    session.finishIfDone(stream);
  }

  #response(stream: Http2Stream<T>, block: HeaderBlock, ends: boolean): void {
    const session = this.#session;
    const broken = judge(block, MESSAGE.RESPONSE);
    if (broken !== undefined) {
      session.streamError(stream.id, broken);
      return;
    }
    if (block.status < 200) {
      stream.interims += 1;
      if (ends) session.streamError(stream.id, 'INTERIM_END');
      else if (stream.interims > session.limits.interimResponses)
        session.streamError(stream.id, 'FLOOD_INTERIM');
      else session.sink.onHeaders(stream, block, false);
      return;
    }
    stream.headersReceived = true;
    // A refused CONNECT has an ordinary answer; an accepted one, and these statuses, have no content.
    if (stream.connect && block.status >= 300) stream.connect = false;
    const bodiless = stream.head || block.status === 304 || block.status === 204;
    if (!bodiless && !stream.connect) {
      if (ends && block.contentLength > 0) {
        session.streamError(stream.id, 'CONTENT_LENGTH');
        return;
      }
      stream.bodyLeft = block.contentLength;
    } else if (bodiless) stream.bodyLeft = 0;
    stream.remoteClosed = ends;
    session.sink.onHeaders(stream, block, ends);
    session.finishIfDone(stream);
  }
}

/**
 * Priorities are not heeded (RFC 9113 section 5.3.2), but a stream that depends on itself is still an error (RFC 7540
 * section 5.3.1): who sends that is broken. `at`: where the priority fields begin.
 */
export function refuseSelf(id: number, bytes: Buffer, at: number): void {
  if ((readUint32(bytes, at) & MAX_31) === id) throw new Http2Error('SELF_DEPENDENCY');
}
