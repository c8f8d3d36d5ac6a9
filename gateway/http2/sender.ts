/**
 * What a stream has still to send: DATA that windows did not take, then its end.
 *
 * Never holds more than its source has been given credit for, so it needs no bound of its own.
 */
import type { NeverIndexed, RawHeaders } from '../http/message.ts';
import { addPiece, type Piece } from '../http/piece.ts';
import type { Http2Stream } from '../wire/http2/stream.ts';
import type { Http2Endpoint } from './endpoint.ts';
import type { StreamOwner } from './handler.ts';

const EMPTY = Buffer.alloc(0);

export class StreamSender {
  readonly #endpoint: Http2Endpoint;
  readonly #stream: Http2Stream<StreamOwner>;
  #pieces: Piece[] | undefined;
  #ends = false;
  #trailers: RawHeaders | undefined;
  #neverIndexed: NeverIndexed;

  constructor(endpoint: Http2Endpoint, stream: Http2Stream<StreamOwner>) {
    this.#endpoint = endpoint;
    this.#stream = stream;
  }

  /** Whether everything given has been sent, the end too. */
  get done(): boolean {
    return this.#stream.localClosed;
  }

  /** Sends `bytes[from, to)`, now or when it may; returns how much left at once. */
  body(bytes: Buffer, from: number, to: number, end: boolean): number {
    if (this.#pieces !== undefined) {
      addPiece(this.#pieces, bytes, from, to);
      this.#ends ||= end;
      return 0;
    }
    const { connection } = this.#endpoint;
    const taken = connection.sendData(this.#stream, bytes, from, to, end);
    if (taken < to - from) {
      this.#pieces = [{ bytes, from: from + taken, to }];
      this.#ends = end;
    }
    this.#endpoint.touch();
    return taken;
  }

  /** Ends our side, behind what waits. */
  end(trailers: RawHeaders, neverIndexed?: NeverIndexed): void {
    if (this.#pieces !== undefined) {
      this.#ends = true;
      this.#trailers = trailers;
      this.#neverIndexed = neverIndexed;
      return;
    }
    this.#finish(trailers, neverIndexed);
    this.#endpoint.touch();
  }

  /** There may be room again: sends what waits and returns how much of it left. */
  pump(): number {
    const pieces = this.#pieces;
    if (pieces === undefined) return 0;
    const { connection } = this.#endpoint;
    let sent = 0;
    for (let piece = pieces[0]; piece !== undefined; piece = pieces[0]) {
      const last = pieces.length === 1 && this.#ends && this.#trailers === undefined;
      const size = piece.to - piece.from;
      const taken = connection.sendData(this.#stream, piece.bytes, piece.from, piece.to, last);
      sent += taken;
      piece.from += taken;
      if (taken < size) break;
      pieces.shift();
    }
    if (pieces.length === 0) {
      this.#pieces = undefined;
      if (this.#ends && this.#trailers !== undefined)
        this.#finish(this.#trailers, this.#neverIndexed);
    }
    this.#endpoint.touch();
    return sent;
  }

  #finish(trailers: RawHeaders, neverIndexed: NeverIndexed): void {
    const { connection } = this.#endpoint;
    if (trailers.length > 0) connection.sendHeaders(this.#stream, trailers, true, neverIndexed);
    else connection.sendData(this.#stream, EMPTY, 0, 0, true);
  }
}
