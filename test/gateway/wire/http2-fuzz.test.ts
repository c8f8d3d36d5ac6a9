/**
 * A short run of the differential fuzzers; `test/fuzz/` has them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzHpack } from '../../fuzz/hpack.ts';
import { fuzzHttp2 } from '../../fuzz/http2.ts';
import type { FuzzResult } from '../../fuzz/http2-reference.ts';

function assertClean(result: FuzzResult): void {
  const { crashes, hangs, differences } = result;
  const seen = { crashes, hangs, differences };
  assert.deepEqual(seen, { crashes: 0, hangs: 0, differences: 0 }, result.first.join('\n'));
}

test('HPACK agrees with nghttp2 on a few thousand header blocks', async () => {
  assertClean(await fuzzHpack({ inputs: 3_000, seed: 11 }));
});

test('HTTP/2 agrees with nghttp2 on a few thousand connections', async () => {
  assertClean(await fuzzHttp2({ inputs: 5_000, seed: 12 }));
});
