/**
 * Questions to what has just been started.
 */
import net from 'node:net';
import { systemClock } from '#core/clock.ts';
import { poll } from '#core/poll.ts';

const DEADLINE_MS = 15_000;
const POLL_MS = 20;

/** Resolves when somebody accepts connections there; throws after a while. */
export async function waitUntilListening(host: string, port: number): Promise<void> {
  await untilTrue(
    `nobody listens on ${host}:${port}`,
    () =>
      new Promise<boolean>((resolve) => {
        const socket = net.connect({ host, port });
        socket.once('connect', () => resolve(true));
        socket.once('error', () => resolve(false));
        socket.once('connect', () => socket.destroy());
      }),
  );
}

/** Resolves when `check` says so; throws an Error that says `otherwise` after a while. */
export async function untilTrue(otherwise: string, check: () => Promise<boolean>): Promise<void> {
  await poll(
    { clock: systemClock, everyMs: POLL_MS, forMs: DEADLINE_MS },
    async () => (await check()) || undefined,
    () => new Error(otherwise),
  );
}
