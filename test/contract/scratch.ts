/**
 * Folders that go when they are no longer needed, or with this process, whatever comes first.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders = new Set<string>();
process.on('exit', () => {
  for (const folder of folders) removeScratch(folder);
});

/** A new folder whose name begins with `prefix`. */
export function makeScratch(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  folders.add(folder);
  return folder;
}

/** Removes it with all that is in it. */
export function removeScratch(folder: string): void {
  folders.delete(folder);
  // What still ends may write one more file.
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
