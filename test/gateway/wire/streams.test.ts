/** The table of open streams, against a Map. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '#core/random.ts';
import { Http2Stream } from '#gateway/wire/http2/stream.ts';
import { StreamTable } from '#gateway/wire/http2/streams.ts';

const stream = (id: number) => new Http2Stream<string>(id, 0, 0);

test('a table of streams holds what a Map would, however they come and go', () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const random = seededRandom(seed);
    const table = new StreamTable<string>();
    const map = new Map<number, Http2Stream<string>>();
    let nextId = 1;
    for (let step = 0; step < 5_000; step += 1) {
      // Crowds and lulls, so that it grows and shrinks.
      if (random.next() < (step % 1_000 < 500 ? 0.6 : 0.35)) {
        const added = stream(nextId);
        nextId += random.next() < 0.1 ? 2 * Math.ceil(random.next() * 600) : 2;
        table.add(added);
        map.set(added.id, added);
      } else {
        const ids = [...map.keys()];
        const known = random.next() < 0.9;
        const id = known ? (ids[Math.floor(random.next() * ids.length)] ?? 1) : nextId + 2;
        assert.equal(table.delete(id), map.delete(id));
      }
      assert.equal(table.size, map.size);
      const probe = Math.floor((random.next() * nextId) / 2) * 2 + 1;
      assert.equal(table.get(probe), map.get(probe));
    }
    const byId = (one: Http2Stream<string>, other: Http2Stream<string>) => one.id - other.id;
    assert.deepEqual(table.values().sort(byId), [...map.values()].sort(byId));
    for (const id of map.keys()) assert.ok(table.delete(id));
    assert.deepEqual(table.values(), []);
  }
});
