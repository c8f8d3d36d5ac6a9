/** What npm started ends with it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const WATCHER = fileURLToPath(new URL('fixtures/npm-child.ts', import.meta.url));

for (const [what, wrap] of [
  ['its parent', (command: string) => `exec ${command}`],
  ['the parent of its shell', (command: string) => `sh -c '${command}; true'`],
] as const) {
  const skip = !existsSync('/proc/self/stat') && what !== 'its parent' && 'no /proc here';
  test(`a command that npm began ends when ${what} is killed`, { skip }, async () => {
    const command = `${process.execPath} ${WATCHER}`;
    const outer = spawn('sh', ['-c', `${wrap(command)} & wait`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pid = await new Promise<number>((resolve) =>
      outer.stdout.once('data', (chunk) => resolve(Number(String(chunk)))),
    );
    assert.ok(isRunning(pid));
    outer.kill('SIGKILL');
    const deadline = performance.now() + 2_000;
    while (isRunning(pid) && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal(isRunning(pid), false);
  });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/\) Z/.test(
      existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : '',
    );
  } catch {
    return false;
  }
}
