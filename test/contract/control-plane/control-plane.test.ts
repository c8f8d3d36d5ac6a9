/**
 * The starter of real control planes, with programs that are not: flags, files, order, failure, end.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { missing } from '#test/support/tools.ts';
import { lists } from '../cases/lists.ts';
import { tokens } from '../cases/tokens.ts';
import { runCase } from '../run.ts';
import { fakeAssets } from './fakes/assets.ts';
import { startControlPlane } from './start.ts';

const directory = mkdtempSync(join(tmpdir(), 'isthmus-assets-'));
after(() => rmSync(directory, { recursive: true, force: true }));

function assets(name: string, overrides: Record<string, string> = {}): string {
  const folder = join(directory, name);
  fakeAssets(folder, overrides);
  return folder;
}

function leftovers(name: string): string[] {
  return readdirSync(tmpdir()).filter((each) => each.includes(`isthmus-control-plane-${name}-`));
}

test('a control plane starts with its own flags, serves the contract, and leaves nothing', async () => {
  const plane = await startControlPlane({ assets: assets('good'), name: 'good' });
  try {
    assert.ok(existsSync(join(plane.directory, 'etcd')), 'etcd has its data folder');
    const some = [lists[0], ...tokens.slice(0, 3)];
    for (const each of some) {
      assert.ok(each);
      const { verdict, reason } = await runCase(each, plane);
      assert.equal(verdict, 'passed', `${each.name}: ${reason}`);
    }
  } finally {
    await plane.stop();
  }
  assert.equal(existsSync(plane.directory), false);
  await assert.rejects(fetch(plane.server));
});

test('a program that fails is named, with what it wrote last, and the others are ended', async () => {
  const script = 'echo "unknown flag: --what-is-this" >&2; exit 3';
  const folder = assets('bad', { 'kube-apiserver': script });
  await assert.rejects(startControlPlane({ assets: folder, name: 'bad' }), (error: Error) => {
    assert.match(error.message, /^kube-apiserver ended \(exit code 3\)/);
    assert.match(error.message, /unknown flag: --what-is-this/);
    return true;
  });
  assert.deepEqual(leftovers('bad'), []);
});

test('a program that is missing is named', async () => {
  const folder = assets('missing');
  rmSync(join(folder, 'kube-controller-manager'));
  await assert.rejects(startControlPlane({ assets: folder, name: 'missing' }), (error: Error) => {
    assert.match(error.message, /^kube-controller-manager ended \(.*ENOENT/);
    return true;
  });
  assert.deepEqual(leftovers('missing'), []);
});

const skip = missing('etcd', 'etcd-server');
test('the real etcd runs with the flags it is given', { skip }, async () => {
  const folder = assets('etcd', { etcd: 'exec etcd "$@"' });
  const plane = await startControlPlane({ assets: folder, name: 'etcd' });
  assert.ok(existsSync(join(plane.directory, 'etcd', 'member')), 'it keeps its data there');
  await plane.stop();
  assert.deepEqual(leftovers('etcd'), []);
});
