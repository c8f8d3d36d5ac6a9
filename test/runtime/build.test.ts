/** The build: JavaScript whose imports resolve without package.json's `imports`. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildPackage, buildSource } from '#runtime/build.ts';
import { packageRoot } from '#runtime/package.ts';

test('buildSource() blanks types and points every specifier at a built file', () => {
  const source = [
    `import type { A } from '#core/a.ts';`,
    `import { b } from '#core/names.ts';`,
    `import { c } from './c.ts';`,
    `const main = new URL('../gateway/main.ts', import.meta.url) as URL;`,
    `export const lazy = () => import('#kube/resources/link.ts');`,
  ].join('\n');
  const built = buildSource('identity/deep/x.ts', source);
  assert.doesNotMatch(built, /core\/a/);
  assert.match(built, /from '\.\.\/\.\.\/core\/names\.js'/);
  assert.match(built, /from '\.\/c\.js'/);
  assert.match(built, /'\.\.\/gateway\/main\.js', import\.meta\.url\)/);
  assert.match(built, /import\('\.\.\/\.\.\/kube\/resources\/link\.js'\)/);
});

test('A built room runs as plain JavaScript', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'isthmus-build-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const rooms = ['core', 'runtime'];
  for (const room of rooms)
    cpSync(join(packageRoot(), room), join(root, room), { recursive: true });
  symlinkSync(join(packageRoot(), 'node_modules'), join(root, 'node_modules'));
  writeFileSync(join(root, 'package.json'), '{"type":"module","version":"1.2.3"}');
  assert.ok(buildPackage(root, rooms).length > 10);
  for (const room of rooms) rmSync(join(root, room), { recursive: true });
  const script = `
    const { packageVersion, programPath } = await import('./dist/runtime/package.js');
    const { networkFromSpec } = await import('./dist/runtime/network.js');
    console.log(packageVersion(), programPath('runtime/component').endsWith('dist/runtime/component.js'), typeof networkFromSpec('loopback').locate);`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.equal(output.trim(), '1.2.3 true function');
});
