/** devcluster/main.ts as a process: its line, its file, its end. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { spawnMain, startWorld } from './world.ts';

const directory = mkdtempSync(join(tmpdir(), 'isthmus-main-'));
after(() => rmSync(directory, { recursive: true, force: true }));

test('main says when it serves, keeps its kubeconfig private, and ends with its parent', async () => {
  const { line, err, child } = await spawnMain({
    ISTHMUS_CLUSTER: 'east',
    ISTHMUS_BLOCK: '29',
    ISTHMUS_DIR: directory,
    ISTHMUS_PARENT: 'stdin',
    ISTHMUS_NETWORK: `mapped:${join(directory, 'network')}`,
  });
  const ready = JSON.parse(line || '{}');
  assert.equal(ready.ready, true, err);
  assert.equal(statSync(ready.kubeconfig).mode & 0o777, 0o600);
  assert.match(readFileSync(ready.kubeconfig, 'utf8'), /current-context: east/);
  const ended = new Promise((resolve) => child.on('exit', resolve));
  child.stdin?.end();
  assert.equal(await ended, 0);
});

test('main names the address that is in use and exits 1', async () => {
  const world = await startWorld();
  try {
    const { line, err, child } = await spawnMain({
      ISTHMUS_BLOCK: String(world.block),
      ISTHMUS_DIR: directory,
      ISTHMUS_NETWORK: 'loopback',
    });
    assert.equal(line, '');
    assert.match(err, /ADDRESS_IN_USE/);
    assert.equal(child.exitCode, 1);
  } finally {
    await world.close();
  }
});
