/**
 * Whether a pair answers a small request as it should.
 */
import http from 'node:http';
import type { Address } from '#core/network.ts';
import { untilTrue } from '../kit/probe.ts';
import { ITEM_BYTES } from './traffic.ts';

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
