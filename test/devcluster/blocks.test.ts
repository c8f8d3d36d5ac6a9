/** Address blocks and port ranges: held by one run at a time, and free as soon as it ends. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { seededRandom } from '#core/random.ts';
import {
  canBindBlocks,
  FREE_BLOCK_MIN,
  takeBlock,
  takeFreeBlock,
  takeLane,
} from '#devcluster/supervisor/blocks.ts';

const loopback = canBindBlocks() ? {} : { skip: '127.0.0.0/8 cannot be bound on this system' };

async function take(t: TestContext, seed: number) {
  const held = await takeFreeBlock(seededRandom(seed));
  t.after(() => held.release());
  return held;
}

test(
  'Two runs never get the same block, even when they begin to look at the same place',
  loopback,
  async (t) => {
    const taken = await Promise.all([1, 1, 1].map((seed) => take(t, seed)));
    assert.equal(new Set(taken.map((each) => each.block)).size, 3);
    for (const { block } of taken) assert.ok(block >= FREE_BLOCK_MIN);
  },
);

test(
  'A block that is held is refused with its addresses, and can be had once released',
  loopback,
  async (t) => {
    const held = await take(t, 2);
    await assert.rejects(takeBlock(held.block, systemClock), {
      code: 'ADDRESS_IN_USE',
      message: new RegExp(`127\\.${held.block}\\.0\\.0/16`),
    });
    setTimeout(() => held.release(), 150);
    const again = await takeBlock(held.block, systemClock);
    again.release();
  },
);

test('A block whose API server address is busy is passed over', loopback, async (t) => {
  const first = await take(t, 3);
  first.release();
  const server = createServer();
  server.listen(6443, `127.${first.block}.0.1`);
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => server.close());
  const second = await take(t, 3);
  assert.notEqual(second.block, first.block);
});

test('Two mapped networks get ranges that do not overlap', async (t) => {
  const lanes = await Promise.all([takeLane(seededRandom(4)), takeLane(seededRandom(4))]);
  t.after(() =>
    lanes.forEach((lane) => {
      lane.release();
    }),
  );
  const [low, high] = lanes.sort((a, b) => a.min - b.min);
  assert.ok(low && high && low.max < high.min);
});
