/** How long a request is waited for: whoever says the least decides, and nothing expires after the end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#core/virtual-clock.ts';
import type { RequestHead } from '#gateway/http/message.ts';
import { TimeLimits, waitMsOf } from '#gateway/http/time-limits.ts';
import { seenIn } from '#gateway/wire/seen.ts';

const UNLIMITED = { requestMs: undefined, attemptMs: undefined };

function headOf(method: string, headers: readonly string[] = []): RequestHead {
  const seen = seenIn(headers);
  const rest = { path: '/', authority: 'a', upgrade: '', length: 0, version: 'http2' } as const;
  return { method, headers, seen, ...rest };
}

test('a request that nobody limits is waited for as long as it takes', () => {
  assert.equal(waitMsOf(headOf('GET'), undefined, UNLIMITED), Number.POSITIVE_INFINITY);
  assert.equal(new TimeLimits(new VirtualClock()).leftMs(5), undefined);
});

test('of sender, caller and policy the one that says least decides', () => {
  const call = headOf('POST', ['grpc-timeout', '3S']);
  const settings = { ...UNLIMITED, requestMs: 2_000 };
  assert.equal(waitMsOf(call, undefined, UNLIMITED), 3_000);
  assert.equal(waitMsOf(call, undefined, settings), 2_000);
  assert.equal(waitMsOf(call, 1_000, settings), 1_000);
  assert.equal(waitMsOf(call, 0, settings), 0);
});

test('a policy says nothing of opaque connections', () => {
  const settings = { ...UNLIMITED, requestMs: 2_000 };
  assert.equal(waitMsOf(headOf('CONNECT'), undefined, settings), Number.POSITIVE_INFINITY);
  assert.equal(waitMsOf(headOf('CONNECT'), 500, settings), 500);
});

test('the time of the request and of its last attempt run apart, and end together', () => {
  const clock = new VirtualClock();
  const rung: string[] = [];
  const limits = new TimeLimits(clock);
  limits.limit(0, 100, () => rung.push('request'));
  limits.watch(30, () => rung.push('first'));
  clock.runUntil(20);
  limits.watch(30, () => rung.push('second'));
  clock.runUntil(60);
  assert.deepEqual(rung, ['second']);
  assert.equal(limits.leftMs(clock.monotonicMs()), 40);
  limits.end();
  clock.runUntil(1_000);
  assert.deepEqual(rung, ['second']);
});
