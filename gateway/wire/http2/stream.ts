/**
 * One stream of a connection (RFC 9113, section 5), and what a connection tells its owner.
 */
import type { HeaderBlock } from '../hpack/block.ts';
import type { H2Rule, Http2Error } from './error.ts';
import type { Http2Settings } from './settings.ts';

/** State of a stream; owners read it and keep their own in `owner`. */
export class Http2Stream<T> {
  readonly id: number;
  /** Whatever the owner wants to find again; set it in `onHeaders` or give it to `open`. */
  owner: T | undefined;
  /** The peer has sent END_STREAM, or either side has reset the stream. */
  remoteClosed = false;
  /** We have sent END_STREAM, or either side has reset the stream. */
  localClosed = false;
  /** The peer's final header list has come (a request, or a response that is not 1xx). */
  headersReceived = false;
  /** CONNECT: data only, no trailers. */
  connect = false;
  /** Request with HEAD: its answer may announce a length and have no data. */
  head = false;
  /** It is among those that wait for room, or for its own window; see `SendQueue`. */
  waiting = false;
  /** When it was opened, in units that keep it a small number; see `Session.peerReset`. */
  openedTick = 0;
  /** Interim responses so far. */
  interims = 0;
  /** What the peer lets us send; negative after it lowered its initial window. */
  sendWindow: number;
  /** What the peer may still send. */
  receiveWindow: number;
  /** The window we keep open for the peer. */
  windowBytes: number;
  /** Consumed by the owner, not yet announced to the peer. */
  unannounced = 0;
  /** Bytes of DATA still to come by content-length, or -1 where nothing was promised. */
  bodyLeft = -1;
  /** Payload of DATA sent, and received. */
  sentBytes = 0;
  receivedBytes = 0;
  /** It has moved much of it; see `Session.laden`. */
  laden = false;
  /** Since when what it sends ahead of others is counted, and `sentBytes` then; see `SendQueue`. */
  quickFromMs = Number.NEGATIVE_INFINITY;
  quickFromBytes = 0;
  /** When the present stall was first looked at, and `sentBytes` then; -1 when there is none. */
  stallFromMs = -1;
  stallFromBytes = 0;

  constructor(id: number, sendWindow: number, receiveWindow: number) {
    this.id = id;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
    this.windowBytes = receiveWindow;
  }
}

/**
 * The owner of a connection. Calls come from within `feed`, `takeOutput`, `sweep` and `end`, and may call
 * the connection back, `feed` excepted. After `onReset` or `onStreamClosed` a stream is never heard of again.
 */
export interface Http2Sink<T> {
  /**
   * A request (server; a CONNECT never ends with it, but with its data), or a response (client; `block.status` below 200
   * is interim and more follows).
   */
  onHeaders(stream: Http2Stream<T>, block: HeaderBlock, endStream: boolean): void;
  /** A request whose list passes the bound: answer 431, or reset. Without an answer it stays open. */
  onHeadersTooLarge(stream: Http2Stream<T>, endStream: boolean): void;
  /**
   * Data in `bytes[from, to)`, the very bytes that were fed: valid during the call only, if the owner reuses
   * its buffer. Every byte must be given to `consumed` exactly once, when it has left the owner.
   */
  onData(stream: Http2Stream<T>, bytes: Buffer, from: number, to: number, endStream: boolean): void;
  /** Trailers; the peer's side of the stream has ended. */
  onTrailers(stream: Http2Stream<T>, block: HeaderBlock): void;
  /** The stream broke off: reset by the peer, for an error of the peer's, or with the connection. */
  onReset(stream: Http2Stream<T>, code: number, byPeer: boolean): void;
  /** The peer broke `rule` on stream `id`, which we reset; for counting, `onReset` says what follows. */
  onStreamError(id: number, rule: H2Rule): void;
  /** Both sides have ended in order. */
  onStreamClosed(stream: Http2Stream<T>): void;
  /** A stream whose `sendData` took less than it was given may send again. */
  onWindow(stream: Http2Stream<T>): void;
  /** The peer leaves. Streams above `lastId` were reset with REFUSED_STREAM: nobody has seen them. */
  onGoaway(lastId: number, code: number): void;
  onSettings(settings: Readonly<Http2Settings>): void;
  /** The answer to `ping(high, low)`. */
  onPing(high: number, low: number): void;
  /** The stream has waited for window, or dribbled, for `ms`; see `sweep`. */
  onStall(stream: Http2Stream<T>, ms: number): void;
  /** Stream ids run out: open another connection and drain this one. */
  onRenew(): void;
  /** The connection is at its end for an error of the peer's: flush, then close the socket. */
  onError(error: Http2Error): void;
}
