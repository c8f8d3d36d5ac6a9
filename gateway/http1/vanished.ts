/**
 * Looks, about once a second, whether a pod has vanished that owes something.
 */
import { POD_KEEP_ALIVE_MS } from '../transport/pod-socket.ts';
import type { Transport } from '../transport/transport.ts';
import type { Silence } from './silence.ts';
import type { Soundings } from './soundings.ts';

/** How often the system of a pod that accepts no connection is asked for a sign of life on one that it has. */
const ASKED_EACH_MS = 1_000;

/**
 * For how long nothing was heard by `transport`, in ms, where whoever is at its other end is gone; `undefined` where it
 * is not, or nobody knows. `exchange`: as for {@link Silence.isDue}.
 */
export function vanishedMs(
  silence: Silence,
  exchange: object | undefined,
  transport: Transport,
  soundings: Soundings,
  nowMs: number,
): number | undefined {
  const movedBytes = exchange === undefined ? 0 : transport.movedBytes;
  if (!silence.isDue(exchange, movedBytes, nowMs)) return undefined;
  const { socket } = transport;
  const { localPort = 0, remotePort = 0 } = socket;
  switch (soundings.find({ localPort, remotePort }, nowMs)) {
    case 'there':
      silence.excuse(nowMs);
      socket.setKeepAlive(true, POD_KEEP_ALIVE_MS);
      return undefined;
    case 'silent':
      // What it has acknowledged is not sent again: its system is asked for a sign of life.
      socket.setKeepAlive(true, ASKED_EACH_MS);
      return undefined;
    case 'gone':
      return silence.lastsMs(nowMs);
    default:
      return undefined;
  }
}
