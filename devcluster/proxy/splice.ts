/**
 * Joins two TCP connections: bytes, half-close, resets and backpressure in both directions.
 */
import type { Socket } from 'node:net';

/** Joins `client` and `upstream`, both opened with `allowHalfOpen`. */
export function splice(client: Socket, upstream: Socket): void {
  pump(client, upstream);
  pump(upstream, client);
}

function pump(from: Socket, to: Socket): void {
  from.on('data', (chunk: Buffer) => {
    if (!to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
  from.on('end', () => to.end());
  // A reset is passed on as a reset, so that the far side never takes it for a clean end.
  from.on('error', () => to.resetAndDestroy());
  from.on('close', () => {
    if (from.readableEnded) return;
    to.resetAndDestroy();
  });
}
