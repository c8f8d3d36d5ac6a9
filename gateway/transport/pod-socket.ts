/**
 * A connection to a pod, as all of them are made.
 */
import net, { type TcpNetConnectOpts } from 'node:net';
import type { Clock } from '#core/clock.ts';

/**
 * After so long without a byte the system asks the pod whether it is there, and gives up ten questions, a second each, later
 * (libuv). A client that waits quietly for a pod sees only us: of a pod that vanished without a word it would never hear.
 */
export const POD_KEEP_ALIVE_MS = 20_000;

/** Connects to the pod at `place`; halves end apart. */
export function connectToPod(place: Pick<TcpNetConnectOpts, 'host' | 'port'>): net.Socket {
  return net.connect({
    ...place,
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: POD_KEEP_ALIVE_MS,
  });
}

/** What the system says where nothing came back, or nobody knows the way. */
const NOTHING_CAME: ReadonlySet<string | undefined> = new Set([
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
]);

/**
 * Whether anything comes back from `place` within `limitMs` when a connection is asked for: one that is refused was
 * refused by somebody. Never rejects; true where it cannot be asked at all.
 */
export function reachesPod(
  place: Pick<TcpNetConnectOpts, 'host' | 'port'>,
  limitMs: number,
  clock: Clock,
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = net.connect(place);
  const done = (reached: boolean) => {
    timer.cancel();
    socket.destroy();
    resolve(reached);
  };
  const timer = clock.after(limitMs, () => done(false));
  socket.once('connect', () => done(true));
  socket.on('error', ({ code }: NodeJS.ErrnoException) => done(!NOTHING_CAME.has(code)));
  return promise;
}
