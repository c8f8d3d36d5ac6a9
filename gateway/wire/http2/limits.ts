/**
 * Every bound on what a peer may do to a connection, each with the rule that names its breach.
 *
 * Rates are token buckets: `burst` tokens at first, `perSecond` more each second, never above the burst.
 * Useful work gives tokens back (below), so a busy honest peer is never mistaken for a flood.
 */
import type { Rate } from '#core/bucket.ts';

export interface Http2Limits {
  /** Streams the peer may have open; above: REFUSED_STREAM (`STREAM_LIMIT`). */
  readonly concurrentStreams: number;
  /** A header list, decoded, as SETTINGS_MAX_HEADER_LIST_SIZE counts; above: `onHeadersTooLarge`. */
  readonly headerListBytes: number;
  /** A header block, encoded, over all its frames (`BLOCK_SIZE`). */
  readonly headerBlockBytes: number;
  /** CONTINUATION frames of a block (`FLOOD_CONTINUATION`; CVE-2024-27316). */
  readonly continuationFrames: number;
  /**
   * RST_STREAM by a client (`FLOOD_RESETS`; CVE-2023-44487). A stream that ends well gives one back, so only who
   * resets more than half of what it opens is limited, and a stream that was open for a second costs nothing. A server's
   * resets are bounded by what we open.
   */
  readonly resets: Rate;
  /** RST_STREAM and 431 we send for the peer's errors (`FLOOD_PROVOKED`; CVE-2025-8671). As above. */
  readonly provokedResets: Rate;
  /** SETTINGS, acknowledgements too (`FLOOD_SETTINGS`; CVE-2019-9515). */
  readonly settings: Rate;
  /** PING without ACK (`FLOOD_PING`; CVE-2019-9512). One after content that we sent does not count. */
  readonly pings: Rate;
  /** DATA without data or end (`FLOOD_EMPTY`; CVE-2019-9518). */
  readonly emptyFrames: Rate;
  /** WINDOW_UPDATE (`FLOOD_WINDOW`). Data and ended streams we send give back. */
  readonly windowUpdates: Rate;
  /**
   * PRIORITY, unknown frames, answers to no PING, frames for streams we reset (`FLOOD_IGNORED`; CVE-2019-9513). Our
   * resets give back.
   */
  readonly ignoredFrames: Rate;
  /** Interim responses to one request (`FLOOD_INTERIM`, an error of the stream). */
  readonly interimResponses: number;
  /** Bytes of control frames and headers waiting because the peer does not read (`OUTPUT_QUEUE`; CVE-2019-9517). */
  readonly outputControlBytes: number;
  /** Bytes waiting above which no DATA is taken; not an error. */
  readonly outputDataBytes: number;
  /** Bytes of DATA received and not consumed, over all streams, above which the connection's window stays shut. */
  readonly heldBytes: number;
  /** A stream with something to send that got less than `stallBytes` of window in `stallMs` is reported. */
  readonly stallMs: number;
  readonly stallBytes: number;
  /** Own stream ids from this one on make the connection ask for its renewal. */
  readonly renewAtStreamId: number;
  /** Streams we have reset whose late frames are still ignored in peace. */
  readonly rememberedResets: number;
}

/** Bounds of a connection of the data path. */
export const HTTP2_LIMITS: Http2Limits = {
  concurrentStreams: 256,
  headerListBytes: 64 * 1024,
  headerBlockBytes: 64 * 1024,
  continuationFrames: 16,
  // Twice what can be open: all of them may be given up at once.
  resets: { burst: 512, perSecond: 100 },
  provokedResets: { burst: 512, perSecond: 100 },
  settings: { burst: 50, perSecond: 5 },
  pings: { burst: 100, perSecond: 20 },
  emptyFrames: { burst: 200, perSecond: 100 },
  windowUpdates: { burst: 20_000, perSecond: 2_000 },
  ignoredFrames: { burst: 1_000, perSecond: 100 },
  interimResponses: 32,
  outputControlBytes: 1024 * 1024,
  outputDataBytes: 256 * 1024,
  heldBytes: 16 * 1024 * 1024,
  stallMs: 60_000,
  stallBytes: 1_024,
  renewAtStreamId: 0x7fff_ffff - 2 * 1024 * 1024,
  rememberedResets: 4_096,
};
