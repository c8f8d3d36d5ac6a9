/**
 * Which network embedded clusters use on this machine.
 */
import net from 'node:net';
import { join } from 'node:path';
import type { Io } from '../io.ts';

/** Any address of 127/8 but 127.0.0.1 tells whether the system binds them all. */
const SAMPLE_HOST = '127.254.254.254';

/**
 * `loopback` where the system binds every address of 127.0.0.0/8 (Linux, Windows), else a mapped
 * network recorded below `directory` (macOS). `ISTHMUS_NETWORK` overrides.
 */
export async function developmentNetwork(io: Io, directory: string): Promise<string> {
  const named = io.env.ISTHMUS_NETWORK;
  if (named === 'mapped') return mapped(directory);
  if (named) return named;
  return (await binds(SAMPLE_HOST)) ? 'loopback' : mapped(directory);
}

function mapped(directory: string): string {
  return `mapped:${join(directory, 'network')}`;
}

function binds(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen({ host, port: 0 }, () => server.close(() => resolve(true)));
  });
}
