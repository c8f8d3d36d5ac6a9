/** Who of a crowd goes when. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#core/virtual-clock.ts';
import { Crowd, type Queued, UNANSWERED_MAX } from '#gateway/resilience/crowd.ts';
import { HELD_OF_SOURCE_BYTES } from '#gateway/resilience/standstill.ts';

/** A crowd with a bystander in it, and what was told to go. */
function scene() {
  const clock = new VirtualClock();
  const crowd = new Crowd(clock);
  const gone: number[] = [];
  const ask = (source: string, name = 0): Queued | undefined => {
    const who: Queued = { go: () => gone.push(name) };
    return crowd.enter(source, who, clock.monotonicMs()) ? undefined : who;
  };
  ask('bystander');
  crowd.leave('bystander');
  return { clock, crowd, gone, ask };
}

test('a source that sends many at once waits for answers, others do not', () => {
  const { crowd, gone, ask } = scene();
  for (let at = 0; at < UNANSWERED_MAX; at += 1) assert.equal(ask('crowd'), undefined);
  assert.ok(ask('crowd', 1) && ask('crowd', 2));
  assert.equal(ask('bystander'), undefined);
  crowd.leave('crowd');
  assert.deepEqual(gone, [1]);
  crowd.leave('crowd');
  assert.deepEqual(gone, [1, 2]);
});

test('a source that is alone never waits', async () => {
  const { clock, ask } = scene();
  ask('crowd');
  await clock.pass(1_001);
  for (let at = 0; at < 10 * UNANSWERED_MAX; at += 1) assert.equal(ask('crowd'), undefined);
});

test('answers that take long keep nobody waiting for good', async () => {
  const { clock, gone, ask } = scene();
  for (let at = 0; at < UNANSWERED_MAX + 1_000; at += 1) ask('crowd', at);
  assert.equal(gone.length, 0);
  await clock.pass(1_000);
  assert.equal(gone.length, 1_000);
  assert.deepEqual(
    gone,
    [...gone].sort((one, other) => one - other),
    'out of turn',
  );
});

test('whoever is answered may have more unanswered, until nothing is under way', () => {
  const { crowd, ask } = scene();
  ask('crowd');
  for (let at = 0; at < 8 * 64; at += 1) {
    ask('crowd');
    crowd.leave('crowd');
  }
  let out = 1;
  while (ask('crowd') === undefined) out += 1;
  assert.equal(out, UNANSWERED_MAX + 64);
});

test('who left meanwhile is not told', async () => {
  const { clock, crowd, gone, ask } = scene();
  for (let at = 0; at < UNANSWERED_MAX; at += 1) ask('crowd');
  const who = ask('crowd', 1);
  assert.ok(who);
  crowd.forget('crowd', who);
  await clock.pass(100);
  assert.deepEqual(gone, []);
  for (let at = 0; at < UNANSWERED_MAX; at += 1) crowd.leave('crowd');
  assert.equal(ask('crowd'), undefined);
});

test('thousands that fail at once do so one after the other, a few in a turn', async () => {
  const { clock, crowd, ask } = scene();
  for (let at = 0; at < UNANSWERED_MAX; at += 1) ask('crowd');
  let depth = 0;
  let deepest = 0;
  let failed = 0;
  const fails: Queued['go'] = () => {
    depth += 1;
    deepest = Math.max(deepest, depth);
    failed += 1;
    crowd.leave('crowd');
    depth -= 1;
  };
  for (let at = 0; at < 20_000; at += 1)
    assert.equal(crowd.enter('crowd', { go: () => fails() }, clock.monotonicMs()), false);
  crowd.leave('crowd');
  assert.ok(failed > 0 && failed < 100, `${failed} in one turn`);
  await clock.pass(60_000);
  assert.equal(failed, 20_000);
  assert.equal(deepest, 1);
});

test('a source that takes nothing of what it asked for goes on one by one, and is let go when it does', async () => {
  const { clock, crowd, gone, ask } = scene();
  assert.equal(ask('crowd'), undefined);
  crowd.leave('crowd');
  crowd.hold('crowd', HELD_OF_SOURCE_BYTES + 1);
  assert.equal(ask('bystander'), undefined);
  for (let at = 0; at < 1_000; at += 1) assert.ok(ask('crowd', at));
  await clock.pass(100);
  assert.ok(gone.length > 0 && gone.length <= 20, `${gone.length} in 100 ms`);
  crowd.hold('crowd', -1);
  const before = gone.length;
  await clock.pass(100);
  assert.ok(gone.length - before >= UNANSWERED_MAX - before, `${gone.length - before} in 100 ms`);
});

test('a source for which much is held goes on as ever while it takes it', async () => {
  const { clock, crowd, ask } = scene();
  assert.equal(ask('ingress'), undefined);
  crowd.leave('ingress');
  crowd.hold('ingress', 3 * HELD_OF_SOURCE_BYTES);
  const pass = async (steps: number, bytes: number) => {
    for (let at = 0; at < steps; at += 1) {
      crowd.left('ingress', bytes);
      await clock.pass(100);
      assert.equal(ask('bystander'), undefined);
      if (at < steps - 1 && ask('ingress') === undefined) crowd.leave('ingress');
    }
  };
  await pass(20, HELD_OF_SOURCE_BYTES / 8);
  assert.equal(ask('ingress'), undefined);
  crowd.leave('ingress');
  // It has stopped taking.
  await pass(25, 0);
  assert.ok(ask('ingress', 1));
});

test('many answers in one turn let go no more than a turn has time for', () => {
  const { crowd, gone, ask } = scene();
  for (let at = 0; at < UNANSWERED_MAX + 1_000; at += 1) ask('crowd', at);
  for (let at = 0; at < UNANSWERED_MAX; at += 1) crowd.leave('crowd');
  assert.ok(gone.length > 0 && gone.length < UNANSWERED_MAX, `${gone.length} in one turn`);
});

test('a source is alone when nobody else sent a request for a second, however much it sends itself', async () => {
  const { clock, crowd, ask } = scene();
  assert.ok(!crowd.isAlone('crowd', clock.monotonicMs()));
  assert.ok(!crowd.isAlone('bystander', clock.monotonicMs() + 1_000));
  await clock.pass(1_001);
  assert.ok(crowd.isAlone('crowd', clock.monotonicMs()));
  ask('crowd');
  assert.ok(!crowd.isAlone('bystander', clock.monotonicMs()));
  await clock.pass(1_001);
  ask('crowd');
  assert.ok(crowd.isAlone('crowd', clock.monotonicMs()));
});
