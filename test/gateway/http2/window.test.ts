/** Windows grow to what a path holds, not to what waits on it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  COMPANY_BYTES,
  SHORT_PATH_BYTES,
  SHORTEST_FOR_MS,
  WindowEstimator,
} from '#gateway/http2/window.ts';
import { TUNNEL_WINDOWS } from '#gateway/tunnel/limits.ts';

/**
 * What the connection's window is after `samples` of a path that is `pathMs` long and carries `bytesPerMs`, always
 * filled; `faster(n)`: how much more it carries during the sample `n`.
 */
function windowAfter(
  samples: number,
  pathMs: number,
  bytesPerMs: number,
  faster: (sample: number) => number,
): number {
  const estimator = new WindowEstimator(TUNNEL_WINDOWS);
  // As a tunnel's sign of life tells when nothing else is on the way.
  estimator.tookMs(pathMs, 0);
  let nowMs = 0;
  for (let sample = 0; sample < samples; sample += 1) {
    nowMs += 200;
    const window = estimator.connectionBytes;
    if (!estimator.received(window, nowMs)) break;
    // Whatever does not fit on the path waits before it.
    nowMs += Math.max(pathMs, window / (bytesPerMs * faster(sample)));
    estimator.answered(nowMs);
  }
  return estimator.connectionBytes;
}

test('a short path that is full keeps a window of some milliseconds, however its speed varies', () => {
  const window = windowAfter(1_000, 0.2, 50_000, (sample) => 1 + sample / 100);
  assert.equal(window, 2 * SHORT_PATH_BYTES);
});

test('a long path gets all the window it can use', () => {
  const window = windowAfter(1_000, 80, 100_000, () => 1);
  assert.ok(window >= 80 * 100_000, `${window} bytes for 80 ms of 100 MB/s`);
});

test('a path that carries little gets no larger window for being slow', () => {
  const window = windowAfter(1_000, 1, 125, (sample) => 1 + sample / 100);
  assert.ok(window <= 2 * SHORT_PATH_BYTES, `${window} bytes`);
});

test('a path that becomes longer gets the window it needs once it was quiet for a moment', () => {
  const estimator = new WindowEstimator(TUNNEL_WINDOWS);
  let nowMs = 0;
  const carry = (forMs: number, pathMs: number, bytesPerMs: number) => {
    const untilMs = nowMs + forMs;
    while (nowMs < untilMs) {
      nowMs += 1_000;
      const window = estimator.connectionBytes;
      const asks = estimator.received(window, nowMs);
      nowMs += Math.max(pathMs, window / bytesPerMs);
      if (asks) estimator.answered(nowMs);
      // Behind all that was on the way.
      estimator.tookMs(Math.max(pathMs, window / bytesPerMs), nowMs);
    }
  };
  estimator.tookMs(1, nowMs);
  carry(2 * SHORTEST_FOR_MS, 1, 50_000);
  assert.ok(estimator.connectionBytes <= 2 * SHORT_PATH_BYTES, 'a full path is not a long one');
  estimator.tookMs(80, nowMs);
  carry(10_000, 80, 50_000);
  assert.ok(estimator.connectionBytes >= 80 * 50_000, `${estimator.connectionBytes} bytes`);
});

test('less is open while others ask for little, but not of a long path', () => {
  const estimator = new WindowEstimator(TUNNEL_WINDOWS);
  assert.equal(estimator.openBytes(true), Number.POSITIVE_INFINITY, 'nobody knows yet');
  estimator.tookMs(80, 0);
  assert.equal(estimator.openBytes(true), Number.POSITIVE_INFINITY);
  estimator.tookMs(0.2, 1_000);
  assert.equal(estimator.openBytes(true), COMPANY_BYTES);
  assert.equal(estimator.openBytes(false), Number.POSITIVE_INFINITY);
});
