/**
 * What an attack is, and the ways all of them connect: so many connections, each opened again when the
 * gateway ends it, writing as fast as it is let.
 */
import net, { type Socket } from 'node:net';
import type { RefusalSource } from '#gateway/metrics/gateway.ts';

/** What attacks have before them. */
export interface Target {
  /** The gateway under attack, and the listener of a mirror that reaches the good cluster. */
  readonly host: string;
  readonly port: number;
  /** Where attackers connect from: who was barred for one attack must be free to begin the next. */
  readonly source: string;
  /** The hostile peer, and a listener of the same gateway whose mirror reaches it alone. */
  readonly hostile: string;
  readonly hostilePort: number;
  /** A tunnel's connection as the hostile peer, who is linked; `role` is its part in HTTP/2. */
  dial(role: 'client' | 'server'): Promise<Socket>;
}

/** How much an attack did. */
export interface Strength {
  connections: number;
  bytes: number;
}

/** Of the attacks of this process, all together: of connections that have ended. */
const done: Strength = { connections: 0, bytes: 0 };
const alive = new Set<Socket>();

/** What the attacks of this process have done so far. */
export function strength(): Strength {
  const bytes = [...alive].reduce((sum, each) => sum + each.bytesWritten, done.bytes);
  return { connections: done.connections, bytes };
}

/** Ends an attack. */
export type Stop = () => void;

/** One kind of attack. */
export interface Attack {
  readonly name: string;
  readonly source: RefusalSource;
  /** Rules it breaks, any of which must be counted; none where a bound holds without a refusal. */
  readonly rules: readonly string[];
  /** Milliseconds until the first rule can be broken, where that is a matter of time. */
  readonly ripensMs?: number;
  begin(target: Target): Stop;
}

const AGAIN_MS = 25;
const WRITES_PER_TURN = 8;

/** A plain connection to a listener. */
export function connect({ host, port, source }: Target): Socket {
  return net.connect({ host, port, localAddress: source, noDelay: true });
}

/** Keeps `count` connections open, each used by `use` once it is there. */
export function hold(
  count: number,
  open: () => Socket | Promise<Socket>,
  use: (socket: Socket) => void,
): Stop {
  let stopped = false;
  const sockets = new Set<Socket>();
  const again = () => {
    if (!stopped) setTimeout(() => void one(), AGAIN_MS);
  };
  const one = async () => {
    if (stopped) return;
    let socket: Socket;
    try {
      socket = await open();
    } catch {
      again();
      return;
    }
    if (stopped) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    alive.add(socket);
    done.connections += 1;
    socket.on('error', () => undefined);
    socket.once('close', () => {
      sockets.delete(socket);
      alive.delete(socket);
      done.bytes += socket.bytesWritten;
      again();
    });
    if (socket.connecting) socket.once('connect', () => use(socket));
    else use(socket);
  };
  for (let at = 0; at < count; at += 1) void one();
  return () => {
    stopped = true;
    for (const socket of sockets) socket.destroy();
  };
}

/** Writes what `next` gives, as fast as `socket` takes it. */
export function pump(socket: Socket, next: () => Buffer): void {
  const more = () => {
    for (let at = 0; at < WRITES_PER_TURN; at += 1) {
      if (socket.destroyed || !socket.writable) return;
      if (!socket.write(next())) {
        socket.once('drain', more);
        return;
      }
    }
    setImmediate(more);
  };
  more();
}

/** Writes what `next` gives every `periodMs`. */
export function drip(socket: Socket, periodMs: number, next: () => string | Buffer): void {
  const timer = setInterval(() => socket.write(next()), periodMs);
  socket.once('close', () => clearInterval(timer));
}
