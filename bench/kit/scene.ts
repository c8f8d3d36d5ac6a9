/** Where a bench plays: a directory, programs and addresses of its own, gone when it is over, whatever happens. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Io } from '#cli/io.ts';
import { takeFreeBlock } from '#devcluster/supervisor/blocks.ts';
import { Programs } from './programs.ts';

export interface Scene {
  readonly io: Io;
  readonly directory: string;
  readonly programs: Programs;
  /** A loopback address nobody else on this machine uses, by number from 0 to 253. */
  host(number: number): string;
}

/** Makes a scene, plays on it, clears it; a signal ends every program. */
export async function onScene<T>(
  io: Io,
  name: string,
  play: (scene: Scene) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), `isthmus-${name}-`));
  const programs = new Programs();
  const block = await takeFreeBlock(io.random);
  const host = (number: number) => `127.${block.block}.9.${number + 1}`;
  const end = () => void programs.endAll();
  io.signal.addEventListener('abort', end);
  try {
    return await play({ io, directory, programs, host });
  } finally {
    io.signal.removeEventListener('abort', end);
    await programs.endAll();
    block.release();
    rmSync(directory, { recursive: true, force: true });
  }
}
