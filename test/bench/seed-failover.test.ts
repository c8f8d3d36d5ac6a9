/** What the seed and failover benches make of what requests got: figures, page and pictures. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failoverPictures } from '#bench/failover/chart.ts';
import type { FailoverSample } from '#bench/failover/load.ts';
import { failoverSection } from '#bench/failover/page.ts';
import { failoverFigures, localShares, lostWith } from '#bench/failover/result.ts';
import { SCENARIOS, TIMES } from '#bench/failover/scenarios.ts';
import { seedPictures } from '#bench/seed/chart.ts';
import { EXPERIMENTS, POLICIES } from '#bench/seed/experiment.ts';
import type { SeedSample } from '#bench/seed/load.ts';
import { seedSection } from '#bench/seed/page.ts';
import { seedFigures, seedSeconds } from '#bench/seed/result.ts';

test('latencies of the seed are those of good answers after the warm-up, rates those of all', () => {
  const samples: SeedSample[] = [[500, 9_000, true]];
  for (let at = 0; at < 100; at += 1) samples.push([1_000 + at * 10, at + 1, at % 10 !== 0]);
  assert.deepEqual(seedFigures(samples, 1_000, 2_000), {
    p50Ms: 50,
    p95Ms: 96,
    p99Ms: 100,
    rps: 100,
    successRate: 0.9,
  });
  assert.deepEqual(seedSeconds(samples, 2_000)[0], { second: 0, p50Ms: 9_000, p99Ms: 9_000 });
});

/** Five hundred GETs a second; `answer` says what each got. */
function failoverSamples(answer: (dueMs: number) => [number, string]): FailoverSample[] {
  const samples: FailoverSample[] = [];
  for (let dueMs = 0; dueMs < TIMES.endMs; dueMs += 2)
    samples.push([dueMs, ...answer(dueMs), '10.0.0.1', false]);
  return samples;
}

test('a failover is judged by failures, latency in the fault, and the way home', () => {
  const samples = failoverSamples((dueMs) => {
    if (dueMs < TIMES.faultMs) return [5, 'west'];
    if (dueMs < TIMES.faultMs + 100) return [400, dueMs % 20 === 0 ? '' : 'east'];
    return [10, dueMs < TIMES.healMs + 3_000 ? 'east' : 'west'];
  });
  assert.deepEqual(failoverFigures(samples, 'west', 3), {
    failed: 5,
    p99Ms: 400,
    worstMs: 400,
    recoveredMs: 498,
    homeMs: 3_000,
    homeEarly: 3,
  });
  const lost = failoverSamples(() => [5, 'east']);
  assert.equal(failoverFigures(lost, 'west', 0).homeMs, null);
});

test('what a killed gateway held is no failure of the rest', () => {
  const samples = failoverSamples(() => [5, 'west']).map((sample, at): FailoverSample => {
    if (at === 2_000 || at === 2_001) return [sample[0], 1, '', '10.0.0.9', at === 2_001];
    return at === 2_002 ? [sample[0], 1, '', '10.0.0.1', true] : sample;
  });
  assert.equal(failoverFigures(samples, 'west', 0).failed, 3);
  assert.equal(failoverFigures(samples, 'west', 0, '10.0.0.9').failed, 1);
  assert.deepEqual(lostWith(samples, '10.0.0.9'), { held: 1, opened: 1 });
});

test('what was measured has a section each, and pictures that are well formed', () => {
  const figures = { p50Ms: 7, p95Ms: 9, p99Ms: 12, rps: 500, successRate: 1 };
  const seconds = [0, 1, 2].map((second) => ({ second, p50Ms: 7, p99Ms: 12 * (second + 1) }));
  const each = <T>(value: T) =>
    Object.fromEntries(
      EXPERIMENTS.map((name) => [name, Object.fromEntries(POLICIES.map((of) => [of, value]))]),
    );
  const seed = { figures: each(figures), seconds: each(seconds) } as never;
  const samples = failoverSamples(() => [5, 'west']);
  const scenarios = <T>(value: T) =>
    Object.fromEntries(SCENARIOS.map((name) => [name, { isthmus: value, haproxy: null }]));
  const failover = scenarios(failoverFigures(samples, 'west', 0)) as never;
  const shares = Object.fromEntries(
    SCENARIOS.map((name) => [name, { isthmus: localShares(samples, 'west') }]),
  );
  const pictures = [...seedPictures(seed), ...failoverPictures({ figures: failover, shares })];
  assert.deepEqual(
    pictures.map(([name]) => name),
    ['seed-policies', 'seed-capacityLimited', 'failover'],
  );
  for (const [, picture] of pictures) {
    assert.match(picture, /^<svg .*<\/svg>\n$/s);
    assert.doesNotMatch(picture, /NaN|undefined|Infinity/);
  }
  const page = [...seedSection(each(figures) as never), ...failoverSection(failover)].join('\n');
  for (const name of [...POLICIES, ...SCENARIOS]) assert.ok(page.includes(`| ${name} |`), name);
  assert.doesNotMatch(page, /NaN|undefined/);
});
