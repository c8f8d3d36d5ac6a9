/** What a connection brings is read in portions, with the rests its reader asks for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { VirtualClock } from '#core/virtual-clock.ts';
import { CLIENT_PORTION, type PortionReader, Portions } from '#gateway/http2/portions.ts';
import type { Transport } from '#gateway/transport/transport.ts';

const REST_MS = 20;

/** A connection whose reader takes ten bytes at once, and rests after those that hold an `s`. */
function scene() {
  const clock = new VirtualClock();
  const read: string[] = [];
  const state = { paused: false, ended: false };
  const transport = {
    destroyed: false,
    pause: () => {
      state.paused = true;
    },
    resume: () => {
      state.paused = false;
    },
  } as unknown as Transport;
  const reader: PortionReader = {
    readPortion(bytes, from, to) {
      const used = Math.min(10, to - from);
      read.push(bytes.toString('latin1', from, from + used));
      return used;
    },
    unitsLeft: 0,
    restMs: () => (read.at(-1)?.includes('s') ? REST_MS : 0),
    readEnd: () => {
      state.ended = true;
    },
  };
  const portions = new Portions(transport, reader, CLIENT_PORTION, clock);
  const take = (text: string) => portions.take(Buffer.from(text), 0, text.length);
  return { clock, portions, read, state, take };
}

test('what came at once is read over several turns, and nothing else meanwhile', async () => {
  const { read, state, take } = scene();
  take('0123456789abc');
  take('d');
  assert.deepEqual([read, state.paused], [['0123456789'], true]);
  await turn();
  await turn();
  await turn();
  assert.deepEqual([read, state.paused], [['0123456789', 'abc', 'd'], false]);
});

test('a reader that asks for a rest is left alone, whether or not something waits', async () => {
  const { clock, read, state, take } = scene();
  take('small');
  assert.ok(state.paused);
  take('more');
  await turn();
  await turn();
  assert.deepEqual(read, ['small']);
  await clock.pass(REST_MS);
  await turn();
  await turn();
  assert.deepEqual([read, state.paused], [['small', 'more'], false]);
  take('s23456789s23456789s');
  await turn();
  await turn();
  assert.equal(read.length, 3);
  await clock.pass(REST_MS);
  await turn();
  await turn();
  assert.equal(read.length, 4);
  assert.ok(state.paused, 'read on without the second rest');
});

test('an end that comes during a rest is told after it, and never after a drop', async () => {
  const { clock, portions, state, take } = scene();
  take('small');
  portions.end();
  assert.ok(!state.ended);
  await clock.pass(REST_MS);
  assert.ok(state.ended);
  const dropped = scene();
  dropped.take('small');
  dropped.portions.end();
  dropped.portions.drop();
  await dropped.clock.pass(REST_MS);
  assert.ok(!dropped.state.ended);
});
