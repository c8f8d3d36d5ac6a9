/** What a part of the soak costs, and how much of the machine it may have. */
import { execFileSync } from 'node:child_process';
import type { Part } from './part.ts';

/** CPU of a gateway under attack. */
export interface Spent {
  /** As a part of one core. */
  readonly cpu: number;
  /** What a newcomer waits for the gateway's own work, all but one in a hundred; milliseconds of CPU. */
  readonly turnMs: number;
}

/** An attacker has machines of its own: here it has what all others leave, and keeps nobody waiting for a core. */
export function giveWay({ pid }: Part): void {
  execFileSync('chrt', ['--idle', '--all-tasks', '--pid', '0', String(pid)]);
}

/** Watches what `part` spends from now on; the result ends it. `file`: where a profile goes, if anywhere. */
export function watch(part: Part, file: string | undefined): () => Promise<Spent> {
  const began = Promise.all([part.ask('beginTurns'), file === undefined ? 0 : part.ask('profile')]);
  return async () => {
    await began;
    const spent = await part.ask<Spent>('endTurns');
    if (file !== undefined) await part.ask('profile', file);
    return spent;
  };
}

/** The file for the profile of a gateway under the attack `name`, `which` 0 the near one; none without a `folder`. */
export function profileOf(folder: string, name: string, which: number): string | undefined {
  if (folder === '') return undefined;
  const side = which === 0 ? 'near' : 'far';
  return `${folder}/${name.replaceAll(/[^A-Za-z0-9]+/g, '-')}-${side}.cpuprofile`;
}
