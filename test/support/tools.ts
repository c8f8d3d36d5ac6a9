/**
 * Programs that tests call where they are installed, and skip by name where they are not.
 */
import { type ExecFileException, execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Why a test cannot run: `program` is missing; false when it is there, as node:test's `skip` wants. */
export function missing(program: string, debianPackage: string): string | false {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return false;
    } catch {
      // Not in this folder.
    }
  }
  return `${program} is missing: install the Debian package ${debianPackage}`;
}

/** Runs a program to its end, 20 s at most. */
export function runTool(
  program: string,
  args: readonly string[],
): Promise<{ stdout: Buffer; stderr: string; error: ExecFileException | null }> {
  const options = { encoding: 'buffer', timeout: 20_000, maxBuffer: 64 << 20 } as const;
  return new Promise((resolve) => {
    execFile(program, [...args], options, (error, stdout, stderr) =>
      resolve({ stdout, stderr: stderr.toString(), error }),
    );
  });
}
