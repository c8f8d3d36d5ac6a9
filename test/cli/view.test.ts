/** The live view fits its screen and says what matters. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TrafficWindow } from '#cli/dev/statistics.ts';
import { renderView, trafficLine, type ViewState } from '#cli/dev/view.ts';
import { type Paint, table, visibleLength } from '#cli/output.ts';

const plain: Paint = (_, text) => text;
const coloured: Paint = (_, text) => `\u001b[31m${text}\u001b[0m`;

function state(mirrors: number, change: Partial<ViewState> = {}): ViewState {
  const cluster = (name: string, other: string) => ({
    name,
    apiServer: 'https://127.10.0.1:6443',
    gateways: [
      { host: '127.10.16.1', alive: true },
      { host: '127.10.16.2', alive: false },
    ],
    links: [{ clusterName: other, connected: true, roundTripMs: 0.62, error: null }],
    mirrors: Array.from({ length: mirrors }, (_, at) => ({
      name: `shop/a-service-with-a-rather-long-name-${at}-${other}`,
      reaches: other,
      address: `127.10.96.${at}:8080`,
    })),
  });
  return {
    clusters: [cluster('west', 'east'), cluster('east', 'west')],
    upSeconds: 75,
    target: 'backend-global in west',
    targetAddress: '127.10.96.7:8080',
    targetNext: 'isthmus link west east',
    requestsPerSecond: 50,
    traffic: {
      requestsPerSecond: 50,
      successRate: 0.9987,
      p50Ms: 1.234,
      p99Ms: 12.5,
      shares: [
        ['east', 0.25],
        ['west', 0.75],
      ],
    },
    total: 1_234,
    failed: 2,
    directory: '.isthmus',
    ...change,
  };
}

test('the view fits 80 × 24 however many services are mirrored, colours not counted', () => {
  for (const paint of [plain, coloured]) {
    for (const mirrors of [0, 2, 40]) {
      const lines = renderView(state(mirrors), { columns: 80, rows: 24 }, paint);
      assert.ok(lines.length <= 24, `${lines.length} lines`);
      for (const line of lines) assert.ok(visibleLength(line) <= 80, line);
    }
  }
});

test('the view shows links, dead gateways, shares and where to curl', () => {
  const text = renderView(state(2), { columns: 100, rows: 30 }, plain).join('\n');
  assert.match(text, /up 01:15/);
  assert.match(text, /✓ east 0\.6 ms/);
  assert.match(text, /127\.10\.16\.2 dead/);
  assert.match(text, /west .*75\.0 %/);
  assert.match(text, /success 99\.87 %/);
  assert.match(text, /curl http:\/\/127\.10\.96\.7:8080\//);
});

test('a log that is no terminal gets one line', () => {
  assert.equal(
    trafficLine(state(0)),
    'traffic 50/s success 99.87 % p50 1.2 ms p99 12.5 ms sent 1234 failed 2: east 25.0 %, west 75.0 %',
  );
});

test('a target that is gone is told with what brings it back, not with an address of before', () => {
  const gone = state(0, {
    targetAddress: undefined,
    traffic: { requestsPerSecond: 50, successRate: 0, p50Ms: null, p99Ms: null, shares: [] },
  });
  const text = renderView(gone, { columns: 80, rows: 24 }, plain).join('\n');
  assert.match(text, /^backend-global in west does not exist: isthmus link west east$/m);
  assert.doesNotMatch(text, /curl/);
  assert.match(trafficLine(gone), /failed 2: backend-global in west does not exist: isthmus link/);
  assert.match(trafficLine({ ...gone, targetAddress: '127.10.96.7:8080' }), /2: nobody answered$/);
});

test('the window forgets what is older than ten seconds and counts failures', () => {
  const window = new TrafficWindow();
  for (let endMs = 0; endMs < 20_000; endMs += 20) {
    const failed = endMs === 19_000;
    window.add({
      startMs: endMs - 2,
      endMs,
      cluster: failed ? undefined : 'west',
      failure: failed ? 'refused' : undefined,
    });
  }
  const { requestsPerSecond, successRate, p50Ms, shares } = window.statistics(20_000);
  assert.equal(requestsPerSecond, 50);
  assert.equal(successRate, 498 / 499);
  assert.equal(p50Ms, 2);
  assert.deepEqual(shares, [['west', 1]]);
  assert.equal(window.total, 1_000);
});

test('table() aligns columns by what is seen', () => {
  const text = table(
    ['A', 'LONGER'],
    [
      ['\u001b[32mgreen\u001b[0m', 'x'],
      ['z', 'y'],
    ],
  );
  assert.equal(text, 'A      LONGER\n\u001b[32mgreen\u001b[0m  x\nz      y');
});
