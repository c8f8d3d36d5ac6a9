/** docs/metrics.md tells of every metric there is, and of no other. */
import assert from 'node:assert/strict';
import { globSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRegistry } from '#runtime/metrics.ts';
import { packageRoot } from '#runtime/package.ts';

const read = (path: string) => readFileSync(join(packageRoot(), path), 'utf8');

function found(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, name = '']) => name);
}

test('every metric is documented, and every documented one is there', () => {
  const sources = globSync('{gateway,mirror,identity,runtime}/**/*.ts', { cwd: packageRoot() });
  const known = sources.flatMap((path) => found(read(path), /'(isthmus_[a-z_]+)'/g));
  const documented = found(read('docs/metrics.md'), /^\| `(isthmus_[a-z_]+)` \|/gm);
  assert.deepEqual(documented.toSorted(), [...new Set(known)].toSorted());
});

test('open files are counted, and what would list every socket is not told', async (t) => {
  if (process.platform !== 'linux') return t.skip('only Linux tells how many files are open');
  const page = await createRegistry('gateway').metrics();
  const files = Number(/^process_open_fds (\d+)$/m.exec(page)?.[1]);
  const before = readdirSync('/proc/self/fd').length;
  assert.ok(Math.abs(files - before) <= 2, `${files} of ${before}`);
  assert.doesNotMatch(page, /nodejs_active_/);
});
