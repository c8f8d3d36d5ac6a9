/**
 * Whether anybody is at a place: one connection that is asked for and ended at once.
 */
import net, { type TcpNetConnectOpts } from 'node:net';
import type { Clock } from '#core/clock.ts';

/** What came of it; `refused`: by somebody, or it cannot be asked for at all. */
export type Reception = 'accepted' | 'refused' | 'silence';

/** What the system says where nothing came back, or nobody knows the way. */
const NOTHING_CAME: ReadonlySet<string | undefined> = new Set([
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
]);

/** What comes back from `place` within `limitMs`. Never rejects. */
export function knock(
  place: Pick<TcpNetConnectOpts, 'host' | 'port'>,
  limitMs: number,
  clock: Clock,
): Promise<Reception> {
  const { promise, resolve } = Promise.withResolvers<Reception>();
  const socket = net.connect(place);
  const done = (reception: Reception) => {
    timer.cancel();
    socket.destroy();
    resolve(reception);
  };
  const timer = clock.after(limitMs, () => done('silence'));
  socket.once('connect', () => done('accepted'));
  socket.on('error', ({ code }: NodeJS.ErrnoException) =>
    done(NOTHING_CAME.has(code) ? 'silence' : 'refused'),
  );
  return promise;
}

/** Whether anything comes back: who refuses is there. */
export async function reachesPod(...asked: Parameters<typeof knock>): Promise<boolean> {
  return (await knock(...asked)) !== 'silence';
}
