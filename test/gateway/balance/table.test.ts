/** The rows behind the endpoints: kept while something is under way, used again afterwards. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { below, seededRandom } from '#core/random.ts';
import { Members, STANDING } from '#gateway/balance/members.ts';
import { ROW } from '#gateway/balance/row.ts';
import { EndpointTable } from '#gateway/balance/table.ts';
import { Bench, pods } from './support.ts';

test('an endpoint that left with requests under way keeps its row until they end', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a', 'b'), [], 0);
  const a = bench.local('a');
  bench.balancer.begin(a, 0);
  bench.balancer.update(pods('b'), [], 1);
  bench.balancer.update(pods('b', 'c'), [], 1);
  assert.notEqual(bench.local('c').slot, a.slot);
  assert.equal(bench.table.size, 3);
  bench.balancer.end(a, 0, 2, 'failure', Number.NaN, false);
  assert.equal(bench.table.size, 2);
  bench.balancer.update(pods('a', 'b', 'c'), [], 3);
  assert.notEqual(bench.local('a'), a, 'who comes back is another endpoint');
  assert.equal(bench.report('a').inFlight, 0);
  // Nothing of these reaches the row that is somebody else's now.
  bench.balancer.begin(a, 4);
  bench.balancer.end(a, 4, 5, 'refused', Number.NaN, false);
  bench.balancer.penalise(a, 1_000_000);
  for (const key of ['a', 'b', 'c']) assert.equal(bench.report(key).ejected, false);
});

test('a service that is closed picks nobody and frees its rows', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a'), [], 0);
  bench.balancer.close(0);
  assert.equal(bench.balancer.closed, true);
  assert.equal(bench.balancer.pick(0, [], true), undefined);
  assert.equal(bench.table.size, 0);
});

test('rows keep what they hold while the table grows', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a'), [], 0);
  for (let at = 0; at < 30; at += 1) bench.attempt(bench.local('a'), 'failure', 1);
  const before = bench.report('a');
  const many = Array.from({ length: 1_000 }, (_, at) => `p${at}`);
  bench.balancer.update(pods('a', ...many), [], bench.nowMs);
  assert.deepEqual({ ...bench.report('a') }, { ...before });
});

test('members are sorted by how they stand, whatever moves', () => {
  const random = seededRandom(11);
  const table = new EndpointTable();
  const members = new Members(table);
  const known = new Map<number, number>();
  for (let step = 0; step < 5_000; step += 1) {
    const slots = [...known.keys()];
    const slot = slots[below(random, Math.max(1, slots.length))];
    const act = random.next();
    if (slot === undefined || act < 0.15) {
      const added = table.add(`p${step}`, 'local', 0).slot;
      members.add(added);
      known.set(added, STANDING.OUT);
    } else if (act < 0.25) {
      members.remove(slot);
      table.remove(slot);
      known.delete(slot);
    } else {
      const standing = below(random, 6);
      members.move(slot, standing);
      known.set(slot, standing);
    }
    assert.equal(members.count, known.size);
    const listed = [...members.slots.subarray(0, members.count)];
    assert.deepEqual(new Set(listed), new Set(known.keys()));
    const standings = listed.map((each) => known.get(each) as number);
    assert.deepEqual(standings, standings.toSorted());
    for (const [at, each] of listed.entries()) assert.equal(table.place[each], at);
  }
});

test('answers count for five to ten seconds', () => {
  const table = new EndpointTable();
  const { slot } = table.add('a', 'local', 0);
  const counted = () => table.get(slot, ROW.ANSWERS) + (table.answersBefore[slot] ?? 0);
  for (let ms = 0; ms < 60_000; ms += 250) {
    table.turn(ms);
    table.set(slot, ROW.ANSWERS, table.get(slot, ROW.ANSWERS) + 1);
    const perSecond = 4;
    assert.ok(counted() <= 10 * perSecond);
    if (ms >= 10_000) assert.ok(counted() > 5 * perSecond);
  }
  table.turn(100_000);
  assert.equal(counted(), 0);
});
