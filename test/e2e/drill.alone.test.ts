/** A drill from one command, on clusters of its own: what it measures is time, so nothing else may run. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '#runtime/package.ts';
import { isthmus, scratch } from './isthmus.ts';

const DRILL = join(packageRoot(), 'manifests/drills/local-outage.yaml');

test('a drill on clusters of its own judges, and says which expectation failed', async (t) => {
  const cwd = scratch();
  t.after(() => rmSync(cwd, { recursive: true, force: true }));
  const file = join(cwd, 'short.yaml');
  const short = readFileSync(DRILL, 'utf8')
    .replace('seconds: 20', 'seconds: 6')
    .replaceAll('seconds: 8', 'seconds: 3')
    .replace('failbackMsMax: 20000', 'failbackMsMax: 1');
  writeFileSync(file, short);
  const { code, out, err } = await isthmus(['drill', file, '--dev', '--output', 'json'], cwd);
  const report = JSON.parse(out);
  assert.equal(code, 1, err);
  assert.equal(report.passed, false);
  assert.equal(report.failedRequests, 0, JSON.stringify(report.failures));
  const failed = report.expectations
    .filter((each: { passed: boolean }) => !each.passed)
    .map((each: { name: string }) => each.name);
  assert.ok(failed.includes('failbackMsMax'), `failed: ${failed}`);
  assert.deepEqual(
    report.steps.map((each: { name: string }) => each.name),
    ['before', 'outage', 'recovery', 'after'],
  );
  assert.ok(report.failoverMs !== null && report.failoverMs <= 500);
});
