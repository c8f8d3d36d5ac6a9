/**
 * What the end of a run says: differences named, exemptions apart, 80 columns, an exit code that means it.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Json } from '#devcluster/values/json.ts';
import { compare } from './compare.ts';
import { fakeAssets } from './control-plane/fakes/assets.ts';
import { normalise } from './normalise.ts';
import { isGood, type Judged, reportJson, reportLines } from './report.ts';
import type { Outcome } from './run.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

function outcome(name: string, verdict: Outcome['verdict'], records: Record<string, Json> = {}) {
  const reason = verdict === 'passed' ? '' : 'because '.repeat(30);
  const source = 'https://kubernetes.io/docs/concepts/';
  return { name, source, verdict, reason, tookMs: 1, records: new Map(Object.entries(records)) };
}

function judged(name: string, outcomes: Outcome[]): Judged {
  return { name, version: 'v1.36.0', outcomes, tookMs: 1_000 };
}

const CASES = [
  { name: 'a' },
  { name: 'b' },
  { name: 'c', exemption: 'loopback endpoints' as const },
  { name: 'd' },
];

test('a verdict that differs and an answer that differs are named, a skipped case is not', () => {
  const embedded = [
    outcome('a', 'passed'),
    outcome('b', 'passed', { spec: { x: 1, y: [1, 2] } }),
    outcome('c', 'passed'),
    outcome('d', 'passed'),
  ];
  const kubernetes = [
    outcome('a', 'failed'),
    outcome('b', 'passed', { spec: { x: 1, y: [1, 3], z: true } }),
    outcome('c', 'passed'),
    outcome('d', 'skipped'),
  ];
  const differences = compare(CASES, embedded, kubernetes);
  assert.deepEqual(
    differences.map(({ name, what, exemption }) => [name, what, exemption]),
    [
      ['a', 'verdict', undefined],
      ['b', 'spec.y[1]', undefined],
      ['b', 'spec.z', undefined],
      ['c', 'the embedded server differs on purpose', 'loopback endpoints'],
    ],
  );
  const result = {
    embedded: judged('embedded', embedded),
    kubernetes: judged('kubernetes', kubernetes),
    differences,
  };
  assert.equal(isGood(result), false);
  const lines = reportLines(result);
  for (const line of lines) assert.ok(line.length <= 80, line);
  assert.ok(lines.includes('3 differences between the two'));
  assert.equal((reportJson(result) as { good: boolean }).good, false);
});

test('two clusters that agree but for the exemption are good', () => {
  const same = CASES.map(({ name }) => outcome(name, 'passed', { answer: 1 }));
  const differences = compare(CASES, same, same);
  const both = { embedded: judged('embedded', same), kubernetes: judged('kubernetes', same) };
  assert.equal(isGood({ ...both, differences }), true);
});

test('without programs the report says that no real server was tried, and how to try one', () => {
  const embedded = judged('embedded', [outcome('a', 'passed')]);
  const text = reportLines({ embedded, differences: [] }).join('\n');
  assert.match(text, /A real API server was not tried/);
  assert.match(text, /KUBEBUILDER_ASSETS=/);
});

test('what differs from run to run is taken out of an answer, and nothing else', () => {
  const uid = '11111111-2222-3333-4444-555555555555';
  const answer = {
    metadata: { uid, name: 'contract-ab12-0', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7'], port: 80 },
  };
  assert.deepEqual(normalise(answer, ['contract-ab12-0']), {
    metadata: { creationTimestamp: '<creationTimestamp>', name: '<name>', uid: '<uid>' },
    spec: { clusterIP: '<clusterIP>', clusterIPs: ['<address>'], port: 80 },
  });
});

test('one case on both servers is JSON, and nothing is left', async () => {
  const assets = mkdtempSync(join(tmpdir(), 'isthmus-report-'));
  fakeAssets(assets);
  const only = 'the server says its version';
  const run = spawn(process.execPath, [MAIN, '--only', only, '--output', 'json'], {
    env: { ...process.env, KUBEBUILDER_ASSETS: assets },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  run.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const code = await new Promise((resolve) => run.on('close', resolve));
  rmSync(assets, { recursive: true, force: true });
  const result = JSON.parse(text) as { good: boolean; kubernetes: { counts: object } };
  assert.equal(result.good, true);
  assert.deepEqual(result.kubernetes.counts, { passed: 1, failed: 0, skipped: 0 });
  assert.equal(code, 0);
});

test('Ctrl-C ends every program and removes every folder', async () => {
  const assets = mkdtempSync(join(tmpdir(), 'isthmus-report-'));
  fakeAssets(assets);
  const mine = (name: string) => name.startsWith('isthmus-control-plane-kubernetes-');
  const before = readdirSync(tmpdir()).filter(mine);
  const run = spawn(process.execPath, [MAIN, '--cases'], {
    env: { ...process.env, KUBEBUILDER_ASSETS: assets },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await new Promise<void>((resolve) => {
    run.stderr.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('judging kubernetes')) resolve();
    });
    run.on('close', () => resolve());
  });
  run.kill('SIGINT');
  const code = await new Promise((resolve) => run.on('close', resolve));
  rmSync(assets, { recursive: true, force: true });
  assert.equal(code, 130);
  assert.deepEqual(readdirSync(tmpdir()).filter(mine), before);
});
