/** Sources that send content in frames of next to nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SHORT_BYTES, Trickles } from '#gateway/resilience/trickles.ts';

/** What a portion of a client's connection falls short of at most. */
const PORTION_BYTES = 256 * 1_024;

test('a burst is read on at once, more of it as fast as a source may send it', () => {
  const trickles = new Trickles();
  for (let bytes = PORTION_BYTES; bytes <= SHORT_BYTES.burst; bytes += PORTION_BYTES)
    assert.equal(trickles.restMs('much', PORTION_BYTES, 0), 0);
  let nowMs = 0;
  let bytes = 0;
  for (; nowMs < 10_000; bytes += PORTION_BYTES)
    nowMs += trickles.restMs('much', PORTION_BYTES, nowMs);
  const wanted = 10 * SHORT_BYTES.perSecond;
  assert.ok(Math.abs(bytes - wanted) <= PORTION_BYTES, `${bytes}`);
});

test('the connections of a source share what it may send, and others have their own', () => {
  const trickles = new Trickles();
  trickles.restMs('much', SHORT_BYTES.burst, 0);
  const oneMs = trickles.restMs('much', PORTION_BYTES, 0);
  const otherMs = trickles.restMs('much', PORTION_BYTES, 0);
  assert.ok(oneMs > 0);
  assert.equal(otherMs, 2 * oneMs);
  assert.equal(trickles.restMs('other', PORTION_BYTES, 0), 0);
});

test('a connection that brings a little is read on, whatever others of its source do', () => {
  const trickles = new Trickles();
  trickles.restMs('shared', 10 * SHORT_BYTES.burst, 0);
  assert.equal(trickles.restMs('shared', 4_096, 0), 0);
  assert.ok(trickles.restMs('shared', 4_097, 0) > 0);
});

test('whoever rested has a burst again, and no more than that', () => {
  const trickles = new Trickles();
  trickles.restMs('much', SHORT_BYTES.burst, 0);
  assert.equal(trickles.restMs('much', SHORT_BYTES.burst, 60_000), 0);
  assert.ok(trickles.restMs('much', PORTION_BYTES, 60_000) > 0);
});

test('sources that may send again are forgotten when there are many, the others are not', () => {
  const trickles = new Trickles();
  trickles.restMs('much', 2 * SHORT_BYTES.burst, 0);
  for (let at = 0; at < 10_000; at += 1) trickles.restMs(`one of many ${at}`, 1, 0);
  assert.ok(trickles.restMs('much', PORTION_BYTES, 0) > 0);
});
