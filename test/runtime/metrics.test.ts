/** docs/metrics.md tells of every metric there is, and of no other. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
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
