/**
 * A short run of the differential fuzzers; `test/fuzz/` has them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzHpack } from '#test/fuzz/hpack.ts';
import { fuzzHttp2 } from '#test/fuzz/http2.ts';
import type { FuzzReport } from '#test/fuzz/report.ts';

function assertClean(report: FuzzReport, inputs: number): void {
  assert.deepEqual(report.findings, []);
  const { crashes, hangs, differences } = report;
  assert.deepEqual([report.inputs, crashes, hangs, differences], [inputs, 0, 0, 0]);
}

test('HPACK agrees with nghttp2 on thousands of header blocks', async () => {
  assertClean(await fuzzHpack({ seed: 11, from: 0, to: 5_000 }), 5_000);
});

test('HTTP/2 agrees with nghttp2 on thousands of connections', async () => {
  assertClean(await fuzzHttp2({ seed: 12, from: 0, to: 10_000 }), 10_000);
});
