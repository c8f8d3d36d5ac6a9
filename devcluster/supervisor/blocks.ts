/**
 * Address blocks and port ranges, so that embedded clusters never meet those of another run.
 *
 * A block B is 127.B.0.0/16. Whoever uses it holds a listening socket in it, which the system takes
 * back at the holder's death, whatever killed it: no lock file survives a crash. On a mapped network,
 * where such addresses cannot be bound, the same is done with a range of ports of 127.0.0.1.
 */
import { BoundSocket, createServer, type Server } from 'node:net';
import type { Clock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import { poll } from '#core/poll.ts';
import { below, type Random } from '#core/random.ts';
import { MAPPED_PORT_MAX, MAPPED_PORT_MIN } from '#runtime/network.ts';

/** Blocks that are taken when none is asked for; `isthmus dev` uses 10 and 20. */
export const FREE_BLOCK_MIN = 30;
export const FREE_BLOCK_MAX = 250;
/** Port of the API server in every block. */
export const API_SERVER_PORT = 6_443;
/** Next to the API server: held for as long as the block is in use. */
const LOCK_PORT = 6_442;
/** Ports of one mapped network, its lock included. */
const LANE_PORTS = 1_000;
/** Components of a killed run need up to this long to end. */
export const LEFTOVER_WAIT_MS = 2_500;
const LEFTOVER_POLL_MS = 100;

/** Something held until `release()`, or until this process ends. */
export interface Held {
  release(): void;
}

export interface HeldBlock extends Held {
  readonly block: number;
}

/** A lane of ports of a mapped network, held until released. */
export interface HeldLane extends Held {
  readonly min: number;
  readonly max: number;
}

/** Host of the API server of block `block`. */
export function apiServerHost(block: number): string {
  return `127.${block}.0.1`;
}

/** Whether addresses such as 127.10.0.1 can be bound here (Linux: yes, macOS: no). */
export function canBindBlocks(): boolean {
  return isFree(apiServerHost(FREE_BLOCK_MAX), 0);
}

/**
 * Takes block `block`. Waits a moment for what a killed run left, then throws `ADDRESS_IN_USE`.
 */
export async function takeBlock(block: number, clock: Clock): Promise<HeldBlock> {
  return poll(
    { clock, everyMs: LEFTOVER_POLL_MS, forMs: LEFTOVER_WAIT_MS },
    () => tryBlock(block),
    () =>
      new IsthmusError(
        'ADDRESS_IN_USE',
        `The addresses 127.${block}.0.0/16 are in use by another program or another run`,
        { field: `127.${block}.0.0/16` },
      ),
  );
}

/** Takes any free block. Throws `ADDRESS_IN_USE` when there is none. */
export async function takeFreeBlock(random: Random): Promise<HeldBlock> {
  const count = FREE_BLOCK_MAX - FREE_BLOCK_MIN + 1;
  const first = below(random, count);
  for (let step = 0; step < count; step++) {
    const held = await tryBlock(FREE_BLOCK_MIN + ((first + step) % count));
    if (held) return held;
  }
  throw new IsthmusError('ADDRESS_IN_USE', 'Every address block of 127.0.0.0/8 is in use');
}

/** Takes a range of ports for one mapped network. Throws `NETWORK_EXHAUSTED` when there is none. */
export async function takeLane(random: Random): Promise<HeldLane> {
  const count = Math.floor((MAPPED_PORT_MAX - MAPPED_PORT_MIN + 1) / LANE_PORTS);
  const first = below(random, count);
  for (let step = 0; step < count; step++) {
    const lock = MAPPED_PORT_MIN + ((first + step) % count) * LANE_PORTS;
    const server = await hold('127.0.0.1', lock);
    if (server) {
      return { min: lock + 1, max: lock + LANE_PORTS - 1, release: () => server.close() };
    }
  }
  throw new IsthmusError('NETWORK_EXHAUSTED', 'Every port range of the mapped network is in use');
}

async function tryBlock(block: number): Promise<HeldBlock | undefined> {
  const host = apiServerHost(block);
  const server = await hold(host, LOCK_PORT);
  if (!server) return undefined;
  if (isFree(host, API_SERVER_PORT)) return { block, release: () => server.close() };
  server.close();
  return undefined;
}

/** A socket that listens and answers nothing; `undefined` when the address is taken. */
function hold(host: string, port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.unref();
    server.once('error', () => resolve(undefined));
    server.listen({ host, port, exclusive: true }, () => resolve(server));
  });
}

function isFree(host: string, port: number): boolean {
  try {
    new BoundSocket({ host, port }).close();
    return true;
  } catch {
    // Whatever the reason, the address cannot be had.
    return false;
  }
}
