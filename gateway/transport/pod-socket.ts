/**
 * A connection to a pod, as all of them are made.
 */
import net, { type TcpNetConnectOpts } from 'node:net';

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
