/**
 * What whoever opens HTTP/2 streams can do: clients on a listener and peers in a tunnel alike.
 */
import type { Socket } from 'node:net';
import { HEADER_TARGET } from '#core/names.ts';
import { FLAG, FRAME, H2_CODE } from '#gateway/wire/http2/frames.ts';
import { type Attack, connect, hold, pump, type Target } from './attack.ts';
import { Frames } from './frames.ts';
import { greetAs } from './peer-hello.ts';

const CONNECTIONS = 8;
const EMPTY = Buffer.alloc(0);

/** One flood, whoever it comes from. */
interface Flood {
  readonly name: string;
  readonly rules: readonly string[];
  readonly connections?: number;
  readonly windowBytes?: number;
  readonly ripensMs?: number;
  /** Not for tunnels: there it is no flood yet, or has a test of its own. */
  readonly clientsOnly?: boolean;
  /** What goes on a connection after the greeting, over and over; `undefined` once it is done. */
  flood(frames: Frames): () => Buffer | undefined;
}

const FLOODS: readonly Flood[] = [
  {
    name: 'rapid reset',
    rules: ['FLOOD_RESETS'],
    flood: (frames) => () =>
      frames.times(64, () => frames.reset(frames.request('GET', '/', true), H2_CODE.CANCEL)),
  },
  {
    name: 'made you reset',
    rules: ['FLOOD_PROVOKED'],
    flood: (frames) => () =>
      frames.times(64, () => frames.windowUpdate(frames.request('GET', '/', true), 0)),
  },
  {
    name: 'CONTINUATION flood',
    rules: ['FLOOD_CONTINUATION'],
    flood(frames) {
      const id = frames.skipId();
      frames.frame(FRAME.HEADERS, FLAG.END_STREAM, id, Buffer.from([0x82]));
      return () => frames.times(64, () => frames.frame(FRAME.CONTINUATION, 0, id, EMPTY));
    },
  },
  {
    name: 'SETTINGS flood',
    rules: ['FLOOD_SETTINGS'],
    flood: (frames) => () => frames.times(64, () => frames.frame(FRAME.SETTINGS, 0, 0, EMPTY)),
  },
  {
    name: 'PING flood',
    rules: ['FLOOD_PING'],
    flood: (frames) => () =>
      frames.times(64, () => frames.frame(FRAME.PING, 0, 0, Buffer.alloc(8))),
  },
  {
    name: 'empty DATA flood',
    rules: ['FLOOD_EMPTY'],
    flood(frames) {
      const id = frames.request('POST', '/hold', false);
      return () => frames.times(64, () => frames.data(id, EMPTY, false));
    },
  },
  {
    name: 'PRIORITY flood',
    rules: ['FLOOD_IGNORED'],
    flood: (frames) => () =>
      frames.times(64, () => frames.frame(FRAME.PRIORITY, 0, 1, Buffer.alloc(5))),
  },
  {
    name: 'WINDOW_UPDATE flood',
    rules: ['FLOOD_WINDOW', 'WINDOW_OVERFLOW'],
    flood: (frames) => () => frames.times(256, () => frames.windowUpdate(0, 1)),
  },
  {
    name: 'HPACK bomb',
    rules: ['LIST_SIZE'],
    flood(frames) {
      // A field of 4 KB in the dynamic table, then named by one byte each.
      const value = Buffer.alloc(3_900, 0x61);
      const long = Buffer.from([0x7f, ...varint(value.length, 0x7f)]);
      const field = Buffer.concat([Buffer.from([0x40, 1, 0x62]), long, value]);
      const start = Buffer.concat([Buffer.from([0x82, 0x86, 0x84, 0x41, 1, 0x61]), field]);
      const bomb = Buffer.concat([start, Buffer.alloc(12_000, 0xbe)]);
      return () =>
        frames.times(1, () =>
          frames.frame(FRAME.HEADERS, FLAG.END_STREAM | FLAG.END_HEADERS, frames.skipId(), bomb),
        );
    },
  },
  {
    name: 'header list too large',
    rules: ['LIST_SIZE', 'BLOCK_SIZE'],
    flood(frames) {
      const fields = Array.from({ length: 16 }, (_, at) => [`x-${at}`, 'v'.repeat(5_000)]).flat();
      return () => frames.times(1, () => frames.request('GET', '/', true, fields));
    },
  },
  {
    name: 'window stall',
    rules: ['STREAM_STALL'],
    windowBytes: 1,
    ripensMs: 63_000,
    connections: 32,
    clientsOnly: true,
    flood(frames) {
      let begun = false;
      return () => {
        if (begun) return undefined;
        begun = true;
        return frames.times(100, () => frames.request('GET', '/bytes/1000000', true));
      };
    },
  },
  {
    name: 'stream limit flood',
    rules: ['STREAM_LIMIT', 'FLOOD_PROVOKED'],
    flood: (frames) => () => frames.times(16, () => frames.request('GET', '/hold', true)),
    connections: 4,
  },
  {
    name: 'tiny DATA',
    rules: [],
    connections: 4,
    clientsOnly: true,
    flood(frames) {
      const ids = Array.from({ length: 100 }, () => frames.request('POST', '/hold', false));
      let left = 60_000;
      return () => {
        left -= 10;
        if (left < 0) return undefined;
        for (const id of ids) for (let at = 0; at < 10; at += 1) frames.data(id, ONE, false);
        return frames.take();
      };
    },
  },
];

const ONE = Buffer.from('x');

/** Every flood, by clients that speak HTTP/2. */
export const HTTP2_ATTACKS: readonly Attack[] = FLOODS.map((each) => ({
  name: each.name,
  source: 'http2',
  rules: each.rules,
  ...(each.ripensMs === undefined ? {} : { ripensMs: each.ripensMs }),
  begin: (target: Target) =>
    hold(
      each.connections ?? CONNECTIONS,
      () => connect(target),
      (socket) => {
        socket.resume();
        const frames = new Frames([]);
        socket.write(frames.preface(each.windowBytes).settingsAck().take());
        drive(socket, each.flood(frames));
      },
    ),
}));

/** The same floods out of a tunnel, by a peer that is linked. */
export const PEER_FLOODS: readonly Attack[] = FLOODS.filter((each) => !each.clientsOnly).map(
  (each) => ({
    name: `peer: ${each.name}`,
    source: 'tunnel',
    rules: each.rules,
    begin: (target: Target) =>
      hold(
        2,
        () => target.dial('client'),
        (socket) => {
          socket.resume();
          const frames = new Frames([HEADER_TARGET, 'shop/backend:8080']);
          greetAs(target.hostile, socket, frames, () => drive(socket, each.flood(frames)));
        },
      ),
  }),
);

function drive(socket: Socket, flood: () => Buffer | undefined): void {
  let over = false;
  pump(socket, () => {
    const bytes = over ? undefined : flood();
    if (bytes !== undefined) return bytes;
    over = true;
    return EMPTY;
  });
}

/** The rest of an integer whose prefix is full (RFC 7541 section 5.1). */
function varint(value: number, prefix: number): number[] {
  const bytes: number[] = [];
  let left = value - prefix;
  for (; left >= 0x80; left >>>= 7) bytes.push((left & 0x7f) | 0x80);
  bytes.push(left);
  return bytes;
}
