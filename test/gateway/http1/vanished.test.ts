/** Pods that vanish without a word, in the kernel's own eyes: a network namespace in which packets are lost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noNamespace, runInside } from '#test/contract/stage/network-namespace.ts';

interface Became {
  readonly what: string;
  readonly ms: number;
}

test('a request whose pod has vanished fails within half a minute, whether the pod had it or not, and one whose pod is slow is answered', {
  skip: noNamespace(),
}, async () => {
  const inside = runInside('../../gateway/http1/vanished-inside.ts');
  const { unacknowledged, acknowledged, slow } = JSON.parse(await inside.output) as Record<
    'unacknowledged' | 'acknowledged' | 'slow',
    Became
  >;
  assert.equal(unacknowledged.what, 'UPSTREAM_RESET');
  // Ten seconds of silence, one for a connection, and what a busy machine takes.
  assert.ok(unacknowledged.ms > 10_000 && unacknowledged.ms < 18_000, `${unacknowledged.ms} ms`);
  assert.equal(acknowledged.what, 'UPSTREAM_RESET');
  assert.ok(acknowledged.ms > 10_000 && acknowledged.ms < 26_000, `${acknowledged.ms} ms`);
  assert.equal(slow.what, '200');
});
