/** The time a gRPC caller has: read, written smaller, and kept. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timeoutOf, withTimeout } from '#gateway/resilience/deadline.ts';
import { exporting, listener, request, startCluster, startPod } from './world.ts';

test('grpc-timeout is read in all its units', () => {
  const of = (value: string) => timeoutOf(['te', 'trailers', 'grpc-timeout', value]);
  assert.deepEqual(
    ['2H', '3M', '4S', '5m', '6u', '7000000n'].map(of),
    [7_200_000, 180_000, 4_000, 5, 0.006, 7],
  );
  assert.deepEqual(
    ['', 'S', '1', '123456789S', '-1S', '1s', '1.5S'].map(of),
    Array(7).fill(undefined),
  );
  assert.equal(timeoutOf(['te', 'trailers']), undefined);
});

test('what is written is what is left, never more than eight digits', () => {
  const written = (leftMs: number) => withTimeout(['a', 'b', 'grpc-timeout', '9S'], leftMs)[3];
  assert.equal(written(1_500), '1500000u');
  assert.equal(written(200_000), '200000m');
  assert.equal(written(-5), '1u');
  assert.equal(timeoutOf(['grpc-timeout', String(written(1e12))]), 99_999_999);
});

test('a call nobody answers in time ends with DEADLINE_EXCEEDED', async () => {
  const pod = await startPod('slow', () => undefined);
  const cluster = await startCluster('west');
  await cluster.set({
    ...exporting([pod.endpoint]),
    listeners: new Map([[10_001, listener(10_001, { local: true })]]),
  });
  const startMs = performance.now();
  const answer = await request(cluster.host, 10_001, {
    method: 'POST',
    headers: { 'content-type': 'application/grpc', 'grpc-timeout': '200m' },
    body: 'x',
  });
  const tookMs = performance.now() - startMs;
  assert.equal(answer.headers['grpc-status'], '4');
  assert.equal(answer.headers['isthmus-error'], 'DEADLINE_EXCEEDED');
  assert.ok(tookMs > 190 && tookMs < 1_000, `${tookMs} ms`);
  pod.destroy();
  await cluster.stop();
});
