/** Kubeconfigs: read from the API server, written for people, merged. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { formatKubeconfig, readAccess, writePrivately } from '#devcluster/supervisor/access.ts';

const WEST = { name: 'west', server: 'https://127.10.0.1:6443', ca: 'the CA', token: 'secret' };
const EAST = { ...WEST, name: 'east', server: 'https://127.20.0.1:6443' };

test('What formatKubeconfig() writes, readAccess() reads', () => {
  assert.deepEqual(readAccess('west', formatKubeconfig([WEST]), 'f'), WEST);
});

test('A merged kubeconfig has one context per cluster, the first of them current', () => {
  const merged = parse(formatKubeconfig([WEST, EAST]));
  assert.equal(merged['current-context'], 'west');
  assert.deepEqual(merged.contexts, [
    { name: 'west', context: { cluster: 'west', user: 'west' } },
    { name: 'east', context: { cluster: 'east', user: 'east' } },
  ]);
});

test('readAccess() names the file and the field that is wrong', () => {
  assert.throws(() => readAccess('west', 'clusters: []\nusers: []', 'the/file'), {
    code: 'INVALID_FILE',
    message: /the\/file is no kubeconfig: see clusters/,
  });
  assert.throws(() => readAccess('west', '{', 'the/file'), { code: 'INVALID_FILE' });
});

test('A file that names a token is readable by its owner alone', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'isthmus-access-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'deep', 'kubeconfig');
  writePrivately(path, 'x');
  assert.equal(statSync(path).mode & 0o777, 0o600);
});
