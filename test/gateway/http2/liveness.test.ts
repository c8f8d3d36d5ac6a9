/** When a silent pod is asked for a sign of life, and when it is given up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANSWER_MS, APART_MS, Liveness, QUIET_MS } from '#gateway/http2/liveness.ts';

test('a pod that falls silent is asked once, and dead when it says nothing for two looks', () => {
  const liveness = new Liveness();
  assert.equal(liveness.look(QUIET_MS - 1, 0), undefined);
  assert.equal(liveness.look(QUIET_MS, 0), 'ask');
  assert.equal(liveness.look(QUIET_MS + 1_000, 0), undefined);
  assert.equal(liveness.look(QUIET_MS + ANSWER_MS, 0), undefined);
  assert.equal(liveness.look(QUIET_MS + ANSWER_MS + 1_000, 0), 'dead');
});

test('a process that stood still for long reads what came before it judges', () => {
  const liveness = new Liveness();
  assert.equal(liveness.look(QUIET_MS, 0), 'ask');
  assert.equal(liveness.look(600_000, 0), undefined);
  assert.equal(liveness.look(601_000, 600_001), undefined);
});

test('a pod that answers a PING and nothing else is asked again only after as long as servers of gRPC want', () => {
  const liveness = new Liveness();
  assert.equal(liveness.look(10_000, 0), 'ask');
  let asked = 0;
  for (let nowMs = 11_000; nowMs < 10_000 + APART_MS; nowMs += 1_000)
    if (liveness.look(nowMs, 10_001) !== undefined) asked += 1;
  assert.equal(asked, 0);
  assert.equal(liveness.look(10_000 + APART_MS, 10_001), 'ask');
});

test('a pod that has answered a request since may be asked in its next silence', () => {
  const liveness = new Liveness();
  assert.equal(liveness.look(10_000, 0), 'ask');
  assert.equal(liveness.look(11_000, 10_001), undefined);
  liveness.answered();
  assert.equal(liveness.look(20_000, 12_000), 'ask');
});
