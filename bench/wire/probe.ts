/**
 * Questions to what has just been started.
 */
import http from 'node:http';
import net from 'node:net';
import type { Address } from '#core/network.ts';
import { ITEM_BYTES } from './traffic.ts';

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

/** Resolves when a small request through a pair is answered; throws after a while. */
export async function waitUntilServing(target: Address): Promise<void> {
  await untilTrue(`${target.host}:${target.port} does not answer`, () => servesOnce(target));
}

function servesOnce({ host, port }: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { host, port, path: '/item/1/detail', agent: false, timeout: 1_000 };
    const request = http.get(options, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on('end', () => resolve(response.statusCode === 200 && bytes === ITEM_BYTES));
      response.on('error', () => resolve(false));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

async function untilTrue(otherwise: string, check: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + DEADLINE_MS;
  while (!(await check())) {
    if (performance.now() > deadlineMs) throw new Error(otherwise);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
