/** What is looked for is found, or given up in time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { poll } from '#core/poll.ts';
import { VirtualClock } from '#core/virtual-clock.ts';

test('what is there at last is found', async () => {
  const clock = new VirtualClock();
  let looks = 0;
  const look = async () => (++looks === 3 ? 'there' : undefined);
  const found = poll({ clock, everyMs: 10, forMs: 100 }, look, () => new Error('late'));
  await clock.pass(30);
  assert.equal(await found, 'there');
  assert.equal(looks, 3);
});

test('what never comes is given up, after the last look', async () => {
  const clock = new VirtualClock();
  let looks = 0;
  const look = async () => {
    looks += 1;
    return undefined;
  };
  const late = () => new Error(`not after ${looks} looks`);
  const found = poll({ clock, everyMs: 10, forMs: 25 }, look, late);
  found.catch(() => undefined);
  await clock.pass(100);
  await assert.rejects(found, { message: 'not after 4 looks' });
});

test('a failed look and an ended signal end it', async () => {
  const clock = new VirtualClock();
  const ended = new AbortController();
  const patience = { clock, everyMs: 10, forMs: 100, signal: ended.signal };
  const late = () => new Error('late');
  const failed = poll(patience, () => Promise.reject(new Error('broken')), late);
  await assert.rejects(failed, { message: 'broken' });
  ended.abort(new Error('enough'));
  await assert.rejects(
    poll(patience, async () => undefined, late),
    { message: 'enough' },
  );
});
