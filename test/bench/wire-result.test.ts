/** The wire bench's figures, its page and its pictures, from samples; and its arguments. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '#runtime/package.ts';
import { performancePage } from '../../bench/page.ts';
import { wirePictures } from '../../bench/wire/chart.ts';
import { figuresOf, ratiosOf, type Sample, type Samples } from '../../bench/wire/result.ts';

const sample = (work: number, cpuMs = 1_000): Sample => ({
  work,
  cpuMs,
  p50Ms: 1,
  p95Ms: 1.5,
  p99Ms: 2,
  errors: 1,
  rssMb: 10,
});
const SAMPLES: Samples = {
  isthmus: [sample(100), sample(400), sample(300, 2_000)],
  haproxy: [sample(50), sample(100), sample(300)],
  nginx: null,
};

test('figures are medians of the rounds, errors their sum', () => {
  const { isthmus, nginx } = figuresOf(SAMPLES, false);
  assert.deepEqual(isthmus, {
    requestsPerCpuSecond: 150,
    p50Ms: 1,
    p95Ms: 1.5,
    p99Ms: 2,
    errors: 3,
    rssMb: 10,
  });
  assert.equal(nginx, null);
  assert.equal(
    figuresOf({ ...SAMPLES, isthmus: [sample(5e6)] }, true).isthmus?.megabytesPerCpuSecond,
    5,
  );
});

test('a ratio is the median of the ratios of each round', () => {
  assert.deepEqual(ratiosOf(SAMPLES), { haproxy: 2, nginx: null });
});

test('the page has a table for what was measured, and the pictures are well formed', () => {
  const wire = {
    scenarios: { connect: figuresOf(SAMPLES, false) },
    ratios: { connect: ratiosOf(SAMPLES) },
    rounds: 3,
  };
  const about = { versions: { haproxy: '2.6.12' }, cannot: { 'connect nginx': 'it is tired' } };
  const page = performancePage(
    { wire },
    { version: '1', machine: 'm', date: '2026-01-01', wire: about },
  );
  assert.match(page, /^Isthmus 1 on m, 2026-01-01\./m);
  assert.match(page, /^\| HAProxy \| 100 \| 2\.00 × \| 1\.00 \| 1\.50 \| 2\.00 \| 3 \| 10 \|$/m);
  assert.match(page, /^\| nginx \| none \|/m);
  assert.match(page, /^No figure of nginx: it is tired\.$/m);
  assert.match(page, /\(performance\/connect\.svg\)/);
  assert.doesNotMatch(page, /h1-bulk`\)/);
  const pictures = wirePictures(wire);
  assert.deepEqual([...pictures.keys()], ['connect']);
  const svg = pictures.get('connect') ?? '';
  assert.match(svg, /^<svg xmlns.*aria-label="New connections/);
  assert.match(svg, /prefers-color-scheme: dark/);
  assert.equal(svg.match(/<(rect|text) /g)?.length, svg.match(/(\/>|<\/text>)/g)?.length);
});

for (const args of [
  ['nope'],
  ['wire', '--only', 'nope'],
  ['wire', '--rounds', '0'],
  ['pick', '--rounds', '2'],
  ['--profile', 'x'],
  ['wire', '--frob'],
]) {
  test(`bench ${args.join(' ')} is refused with exit 2`, () => {
    const main = join(packageRoot(), 'bench', 'main.ts');
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
      encoding: 'utf8',
    });
    assert.equal(status, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /^error: /);
  });
}
