/**
 * What the project's own tools say of themselves, and to arguments they do not know.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const TOOLS = {
  bench: '../../bench/main.ts',
  soak: '../../bench/soak/main.ts',
  sim: '../sim/main.ts',
  'test:contract': '../contract/main.ts',
  fuzz: '../fuzz/main.ts',
} as const;

for (const [name, path] of Object.entries(TOOLS)) {
  test(`npm run ${name} explains itself in 80 columns, and refuses what it does not know`, () => {
    const program = fileURLToPath(new URL(path, import.meta.url));
    const run = (...words: string[]) =>
      spawnSync(process.execPath, ['--expose-gc', program, ...words], { encoding: 'utf8' });
    const help = run('--help');
    assert.equal(help.status, 0, help.stderr);
    assert.ok(help.stdout.startsWith(`npm run ${name} -- `));
    assert.match(help.stdout, /^Examples:\n {2}npm run /m);
    const widest = Math.max(...help.stdout.split('\n').map((line) => line.length));
    assert.ok(widest <= 80, `${widest} columns`);
    const bad = run('--no-such-flag');
    assert.equal(bad.status, 2);
    assert.match(bad.stderr, /--no-such-flag/);
    assert.equal(bad.stdout, '');
  });
}
