/**
 * Who hears of what comes on an HTTP/2 connection: of a stream its owner, of the connection its handler.
 */
import type { HeaderBlock } from '../wire/hpack/block.ts';
import type { H2Rule } from '../wire/http2/error.ts';
import type { Http2Settings } from '../wire/http2/settings.ts';
import type { Http2Stream } from '../wire/http2/stream.ts';

/** Whoever a stream belongs to. After `onReset` it hears nothing more. */
export interface StreamOwner {
  /** An answer's head, interim or not; only where we opened the stream. */
  onHeaders(block: HeaderBlock, end: boolean): void;
  onData(bytes: Buffer, from: number, to: number, end: boolean): void;
  onTrailers(block: HeaderBlock): void;
  /** `byPeer`; else by us, for the code of a broken rule, or CANCEL where nothing moved. */
  onReset(code: number, byPeer: boolean): void;
  /** What waits may be sent, or more be brought. */
  onWindow(): void;
}

/** What the owner of an endpoint decides. */
export interface EndpointHandler {
  /** A stream the peer opened; whoever it returns hears of it. */
  onStream(stream: Http2Stream<StreamOwner>, block: HeaderBlock, end: boolean): StreamOwner;
  /** The peer announced or changed its settings. */
  onSettings(settings: Readonly<Http2Settings>): void;
  /** The answer to a `Http2Endpoint.ping`. */
  onPong(roundTripMs: number): void;
  /** No stream can be opened any more; those open may go on. */
  onLeaving(): void;
  /** Our stream ids run out: another connection should take the place of this one, which still opens. */
  onWorn(): void;
  /** The peer broke `rule`. */
  onBroken(rule: H2Rule | 'SETTLE_TIMEOUT' | 'STREAM_STALL'): void;
  /**
   * Content that was just read came in frames that fell short of `shortBytes`, at least one: for how long nothing more
   * is to be read.
   * @default not at all
   */
  restMs?(shortBytes: number, nowMs: number): number;
  /** We have ended the connection for `error` of the peer's; `onEnded` follows. */
  onFailed?(error: Error): void;
  /** The connection is gone. */
  onEnded(error: Error | undefined): void;
}
