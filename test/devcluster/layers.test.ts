/**
 * The folders of the embedded cluster that an API server is made of import one way.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const ROOT = new URL('../../devcluster/', import.meta.url);
/** Each imports only of those before it. */
const ORDER = ['values', 'schema', 'apply', 'patch', 'protobuf', 'storage', 'kinds', 'api'];
/**
 * Beside the order: faults are a seam of the server that they are put into, and a budget is counted when an eviction asks as it is
 * when its pods change.
 */
const KNOWN = ['api imports faults', 'api imports controllers'];

function importsOf(folder: string): string[] {
  return readdirSync(new URL(folder, ROOT))
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => {
      const text = readFileSync(new URL(`${folder}/${name}`, ROOT), 'utf8');
      return [...text.matchAll(/from '\.\.\/([a-z]+)\//g)].map((match) => match[1] ?? '');
    });
}

test('what the API server is made of imports one way', () => {
  const wrong = ORDER.flatMap((folder, index) =>
    importsOf(folder)
      .filter((other) => !ORDER.slice(0, index).includes(other))
      .map((other) => `${folder} imports ${other}`),
  );
  assert.deepEqual([...new Set(wrong)].sort(), [...KNOWN].sort());
});
