/**
 * Bounds and windows of the HTTP/2 connections between gateways, and with clients and pods.
 *
 * A tunnel carries the traffic of a whole cluster, so it may have more of everything than one client.
 */

import type { WindowBounds } from '../http2/window.ts';
import { HTTP2_LIMITS, type Http2Limits } from '../wire/http2/limits.ts';

const KIB = 1_024;
const MIB = 1_024 * KIB;

export const TUNNEL_LIMITS: Http2Limits = {
  ...HTTP2_LIMITS,
  concurrentStreams: 4_096,
  // What the near gateway says comes on top of what its client may send.
  headerListBytes: 72 * KIB,
  headerBlockBytes: 72 * KIB,
  // Clients that give up are no attack of the gateway that carries them.
  resets: { burst: 10_000, perSecond: 1_000 },
  provokedResets: { burst: 4_000, perSecond: 400 },
  ignoredFrames: { burst: 40_000, perSecond: 4_000 },
  windowUpdates: { burst: 100_000, perSecond: 20_000 },
  emptyFrames: { burst: 20_000, perSecond: 5_000 },
  heldBytes: 64 * MIB,
  // The heads of all streams there may be, while the link takes nothing for a moment.
  outputControlBytes: 4 * MIB,
  // The gateway at the client's side looks for clients that do not read; this is the second line.
  stallMs: 300_000,
};

/** `streamMaxBytes` is what a slow reader can make a gateway hold of one stream. */
export const TUNNEL_WINDOWS: WindowBounds = {
  streamMinBytes: 64 * KIB,
  streamMaxBytes: 4 * MIB,
  connectionMaxBytes: 16 * MIB,
};
