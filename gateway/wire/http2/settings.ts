/**
 * SETTINGS (RFC 9113, section 6.5; RFC 8441, section 3): the values of one side, read, checked, written.
 */
import { DEFAULT_TABLE_BYTES } from '../hpack/decoder.ts';
import type { H2Rule } from './error.ts';
import {
  DEFAULT_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  FRAME,
  FRAME_HEADER_BYTES,
  MAX_31,
  readUint32,
  SETTING,
  writeFrameHeader,
  writeUint32,
} from './frames.ts';
import type { Http2Limits } from './limits.ts';

const ENTRY_BYTES = 6;
const FRAME_BYTES_MAX = 0xff_ffff;

/** What one side has announced. */
export interface Http2Settings {
  headerTableBytes: number;
  enablePush: boolean;
  concurrentStreams: number;
  initialWindowBytes: number;
  frameBytes: number;
  headerListBytes: number;
  /** RFC 8441: extended CONNECT is understood. */
  connectProtocol: boolean;
  /** RFC 9218 section 2.1: 1 where priorities of RFC 7540 mean nothing; -1 before the first SETTINGS. */
  noPriorities: number;
}

/** The values before any SETTINGS. */
export function initialSettings(): Http2Settings {
  return {
    headerTableBytes: DEFAULT_TABLE_BYTES,
    enablePush: true,
    concurrentStreams: Number.POSITIVE_INFINITY,
    initialWindowBytes: DEFAULT_WINDOW_BYTES,
    frameBytes: DEFAULT_FRAME_BYTES,
    headerListBytes: Number.POSITIVE_INFINITY,
    connectProtocol: false,
    noPriorities: -1,
  };
}

/** What we choose of our own values. */
export interface OwnSettings {
  /** The window of each new stream, in bytes. */
  readonly streamWindowBytes?: number;
  /** Our SETTINGS_HEADER_TABLE_SIZE. */
  readonly headerTableBytes?: number;
  /** Server: serve extended CONNECT (RFC 8441). */
  readonly connectProtocol?: boolean;
}

/** Our values, within what `limits` let a peer do. */
export function ownSettings(
  { streamWindowBytes, headerTableBytes, connectProtocol }: OwnSettings,
  {
    concurrentStreams,
    headerListBytes,
  }: Pick<Http2Limits, 'concurrentStreams' | 'headerListBytes'>,
): Http2Settings {
  const initial = initialSettings();
  return {
    ...initial,
    headerTableBytes: headerTableBytes ?? initial.headerTableBytes,
    enablePush: false,
    concurrentStreams,
    headerListBytes,
    initialWindowBytes: streamWindowBytes ?? initial.initialWindowBytes,
    connectProtocol: connectProtocol === true,
  };
}

/** Applies the payload `bytes[from, to)` of a peer's SETTINGS to `settings`; the rule it breaks, if any. */
export function applySettings(
  settings: Http2Settings,
  bytes: Buffer,
  from: number,
  to: number,
  peerIsServer: boolean,
): H2Rule | undefined {
  for (let at = from; at < to; at += ENTRY_BYTES) {
    const id = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
    const value = readUint32(bytes, at + 2);
    switch (id) {
      case SETTING.HEADER_TABLE_SIZE:
        settings.headerTableBytes = value;
        break;
      case SETTING.ENABLE_PUSH:
        if (value > 1 || (value === 1 && peerIsServer)) return 'SETTING_VALUE';
        settings.enablePush = value === 1;
        break;
      case SETTING.MAX_CONCURRENT_STREAMS:
        settings.concurrentStreams = value;
        break;
      case SETTING.INITIAL_WINDOW_SIZE:
        if (value > MAX_31) return 'SETTING_WINDOW';
        settings.initialWindowBytes = value;
        break;
      case SETTING.MAX_FRAME_SIZE:
        if (value < DEFAULT_FRAME_BYTES || value > FRAME_BYTES_MAX) return 'SETTING_VALUE';
        settings.frameBytes = value;
        break;
      case SETTING.MAX_HEADER_LIST_SIZE:
        settings.headerListBytes = value;
        break;
      case SETTING.ENABLE_CONNECT_PROTOCOL:
        if (value > 1 || (value === 0 && settings.connectProtocol)) return 'SETTING_VALUE';
        settings.connectProtocol = value === 1;
        break;
      case SETTING.NO_RFC7540_PRIORITIES:
        // Neither 0 nor 1, or another than the first SETTINGS said (RFC 9218 section 2.1).
        if (value > 1 || (settings.noPriorities >= 0 && settings.noPriorities !== value)) {
          return 'SETTING_VALUE';
        }
        settings.noPriorities = value;
        break;
      default: // Unknown settings are ignored (section 6.5.2).
    }
  }
  if (settings.noPriorities < 0) settings.noPriorities = 0;
  return undefined;
}

/** A SETTINGS frame that announces `ours`, in the role of a client or a server. */
export function settingsFrame(ours: Http2Settings, role: 'client' | 'server'): Buffer {
  const pairs: number[] = [
    SETTING.HEADER_TABLE_SIZE,
    ours.headerTableBytes,
    SETTING.MAX_CONCURRENT_STREAMS,
    ours.concurrentStreams,
    SETTING.INITIAL_WINDOW_SIZE,
    ours.initialWindowBytes,
    SETTING.MAX_FRAME_SIZE,
    ours.frameBytes,
    SETTING.MAX_HEADER_LIST_SIZE,
    ours.headerListBytes,
  ];
  if (role === 'client') pairs.push(SETTING.ENABLE_PUSH, 0);
  if (role === 'server' && ours.connectProtocol) pairs.push(SETTING.ENABLE_CONNECT_PROTOCOL, 1);
  const length = (pairs.length / 2) * ENTRY_BYTES;
  const frame = Buffer.alloc(FRAME_HEADER_BYTES + length);
  let at = writeFrameHeader(frame, 0, length, FRAME.SETTINGS, 0, 0);
  for (let index = 0; index < pairs.length; index += 2) {
    frame[at + 1] = pairs[index] as number;
    at = writeUint32(frame, at + 2, pairs[index + 1] as number);
  }
  return frame;
}
