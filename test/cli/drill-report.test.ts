/** What a drill reports of the requests it saw. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseDrill } from '#cli/drill/file.ts';
import type { RequestRecord } from '#cli/drill/record.ts';
import { type DrillTimes, drillReport } from '#cli/drill/report.ts';
import { drillText } from '#cli/drill/text.ts';

const text = readFileSync('manifests/drills/local-outage.yaml', 'utf8');
const drill = parseDrill(text, 'local-outage.yaml');

/** 200 requests a second; `answer` says who answers the one that starts at `startMs`. */
function records(
  untilMs: number,
  answer: (startMs: number) => string | undefined,
  latencyMs = 1,
): RequestRecord[] {
  return Array.from({ length: untilMs / 5 }, (_, at) => {
    const startMs = at * 5;
    const cluster = answer(startMs);
    return {
      startMs,
      endMs: startMs + latencyMs,
      cluster,
      failure: cluster === undefined ? 'refused' : undefined,
    };
  });
}

const times = {
  boundariesMs: [0, 8_000, 16_000, 36_000, 44_000],
  faults: [{ step: 1, faultMs: 8_000, endMs: 16_000, takesPods: true, localReadyMs: 16_500 }],
};

test('a perfect drill passes, with its figures', () => {
  const report = drillReport(
    drill,
    records(44_000, (ms) => (ms < 8_000 || ms >= 20_000 ? 'west' : 'east')),
    times,
  );
  assert.equal(report.passed, true);
  assert.equal(report.requests, 8_800);
  assert.deepEqual(
    report.steps.map((each) => each.requests),
    [1_600, 1_600, 4_000, 1_600],
  );
  assert.equal(report.failoverMs, 1, 'the first answer after the fault');
  assert.ok(report.failbackMs !== null && report.failbackMs > 4_300 && report.failbackMs < 4_600);
  assert.deepEqual(report.steps[1]?.shares, { east: 1 });
});

test('failover lasts until the first answer of a good second', () => {
  const report = drillReport(
    drill,
    records(44_000, (ms) => {
      if (ms >= 8_000 && ms < 8_300) return ms % 10 === 0 ? undefined : 'east';
      return ms < 8_000 || ms >= 20_000 ? 'west' : 'east';
    }),
    times,
  );
  assert.equal(report.failoverMs, 296);
  assert.equal(report.passed, false);
  const failed = report.expectations.filter((each) => !each.passed);
  assert.deepEqual(
    failed.map((each) => each.name),
    ['failedRequestsMax'],
  );
});

test('what is never reached is null and fails', () => {
  const report = drillReport(
    drill,
    records(44_000, () => 'west'),
    times,
  );
  assert.equal(report.failoverMs, null);
  assert.equal(report.passed, false);
  const away = drillReport(
    drill,
    records(44_000, (ms) => (ms < 8_000 ? 'west' : 'east')),
    times,
  );
  assert.equal(away.failbackMs, null);
});

/** Two outages, 8 to 16 and 26 to 34 s. */
const twice = {
  boundariesMs: [0, 8_000, 16_000, 26_000, 34_000],
  faults: [
    { step: 1, faultMs: 8_000, endMs: 16_000, takesPods: true, localReadyMs: 16_500 },
    { step: 3, faultMs: 26_000, endMs: 34_000, takesPods: true, localReadyMs: 34_500 },
  ],
};
const isOut = (ms: number) => (ms >= 8_000 && ms < 17_000) || (ms >= 26_000 && ms < 36_000);

test('of several faults each has its figures, and the worst counts', () => {
  const report = drillReport(
    drill,
    records(44_000, (ms) => {
      if (ms >= 26_000 && ms < 26_400) return undefined;
      return isOut(ms) ? 'east' : 'west';
    }),
    twice,
  );
  assert.deepEqual(
    report.steps.map((each) => each.failoverMs),
    [null, 1, null, 401],
  );
  assert.equal(report.failoverMs, 401);
  assert.equal(report.failbackMs, report.steps[3]?.failbackMs);
  assert.ok((report.steps[1]?.failbackMs ?? 0) < (report.failbackMs ?? 0));
  const text = drillText(report, (_, said) => said);
  assert.match(text, /FAULT OF +FAILOVER +FAILBACK/);
});

test('a second fault that leads to no failover is not hidden by the first', () => {
  const report = drillReport(
    drill,
    records(44_000, (ms) => {
      if (ms >= 26_000 && ms < 36_000) return undefined;
      return isOut(ms) ? 'east' : 'west';
    }),
    twice,
  );
  assert.equal(report.steps[1]?.failoverMs, 1);
  assert.equal(report.failoverMs, null);
  const text = drillText(report, (_, said) => said);
  assert.match(text, /^after +never +/m);
  assert.match(text, /\n {2}failover never in after, failback \d+ ms\n$/);
});

test('a step whose failover or failback never came is named, and none is asked for where none was due', () => {
  const saidOf = (answer: (startMs: number) => string | undefined, ofTimes: DrillTimes) =>
    drillText(drillReport(drill, records(44_000, answer), ofTimes), (_, said) => said);
  const down = (ms: number) => (ms < 8_000 ? 'west' : undefined);
  assert.match(saidOf(down, times), /\n {2}failover never in outage, failback never in outage\n$/);
  const stays = (ms: number) => (ms < 8_000 ? 'west' : 'east');
  assert.match(saidOf(stays, times), /\n {2}failover 1 ms, failback never in outage\n$/);
  const [outage] = times.faults;
  assert.ok(outage);
  const quiet = { ...times, faults: [{ ...outage, takesPods: false, localReadyMs: undefined }] };
  assert.match(
    saidOf(() => 'west', quiet),
    /no failover called for, no failback called for\n$/,
  );
});

test('a report fits eighty columns, however long the names of its steps are', () => {
  const name = (at: number) => `no-api-server-for-the-mirror-controller-${at}`;
  const steps = drill.spec.steps.map((step, at) => ({
    ...step,
    name: name(at),
    expect: undefined,
  }));
  const report = drillReport(
    { ...drill, spec: { ...drill.spec, steps } },
    records(44_000, (ms) => (ms < 30_000 ? (ms % 10 ? 'west' : 'east') : undefined)),
    twice,
  );
  const failures = [`status 503: ${'no endpoint answers '.repeat(10)}`];
  const said = drillText({ ...report, failures }, (_, text) => text);
  for (const line of said.split('\n')) assert.ok(line.length <= 80, line);
  assert.match(
    said,
    /^STEP\n {2}REQUESTS .*\nno-api-server-for-the-mirror-controller-0\n {2}1600 /,
  );
});

test('a fault that sends nobody elsewhere calls for no failover', () => {
  const [outage] = twice.faults;
  assert.ok(outage);
  const quiet = {
    step: 3,
    faultMs: 26_000,
    endMs: 34_000,
    takesPods: false,
    localReadyMs: undefined,
  };
  const report = drillReport(
    drill,
    records(44_000, (ms) => (ms >= 8_000 && ms < 17_000 ? 'east' : 'west')),
    { ...twice, faults: [outage, quiet] },
  );
  assert.equal(report.steps[3]?.failoverMs, null);
  assert.equal(report.failoverMs, 1);
  assert.equal(report.failbackMs, report.steps[1]?.failbackMs);
});

test('a request belongs to the step it started in', () => {
  const late = [{ startMs: 7_999, endMs: 9_500, cluster: 'west', failure: undefined }];
  assert.equal(drillReport(drill, late, times).steps[0]?.requests, 1);
});
