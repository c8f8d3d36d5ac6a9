/** The bounds that hold over all connections together: held content, places for clients, barred sources. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HELD_BYTES_MAX, HeldContent, type Holder } from '#gateway/http/held.ts';
import { addPiece, type Piece } from '#gateway/http/piece.ts';
import { Barred, FLOODS, isFlood, REFUSALS } from '#gateway/listener/barred.ts';
import { CLIENTS_MAX, ClientCount } from '#gateway/listener/client-count.ts';

test('those without progress for longest break off, and only as many as must', () => {
  const gone: number[] = [];
  let refused = 0;
  const held = new HeldContent(() => {
    refused += 1;
  });
  const share = HELD_BYTES_MAX / 4;
  const holders: Holder[] = [0, 1, 2, 3].map((at) => ({
    holdsMore: () => undefined,
    breakOff() {
      gone.push(at);
      held.change(this, share, 0);
    },
  }));
  const [first, second, third, fourth] = holders as [Holder, Holder, Holder, Holder];
  held.change(first, 0, share);
  held.change(second, 0, share);
  held.change(third, 0, share);
  // The first one moves: now the second has stood still for longest.
  held.change(first, share, share - 1);
  held.change(first, share - 1, share);
  held.change(fourth, 0, share);
  assert.equal(gone.length, 0);
  held.change({ holdsMore: () => undefined, breakOff: () => gone.push(9) }, 0, 100_000);
  assert.deepEqual(gone, [1]);
  assert.equal(refused, 1);
  assert.ok(held.bytes <= HELD_BYTES_MAX);
});

test('one source never takes the last place for clients', () => {
  const count = new ClientCount();
  let own = 0;
  while (count.enter('10.0.0.1') === undefined) own += 1;
  assert.equal(count.enter('10.0.0.1'), 'CLIENTS_OF_SOURCE');
  assert.equal(own, (CLIENTS_MAX * 3) / 4);
  assert.equal(count.enter('10.0.0.2'), undefined);
  count.leave('10.0.0.1');
  count.leave('10.0.0.1');
  assert.equal(count.enter('10.0.0.1'), undefined);
});

test('a source that floods again and again is kept out for a while, others are not', () => {
  const barred = new Barred();
  for (let at = 0; at < FLOODS.burst; at += 1) {
    assert.equal(barred.has('10.0.0.1', 1_000), false);
    barred.offend('10.0.0.1', 'FLOOD_RESETS', 1_000);
  }
  assert.equal(barred.has('10.0.0.1', 1_000), true);
  assert.equal(barred.has('10.0.0.2', 1_000), false);
  assert.equal(barred.has('10.0.0.1', 1_000 + 1_000 / FLOODS.perSecond), false);
  const refused = new Barred();
  for (let at = 0; at < REFUSALS.burst; at += 1) {
    refused.offend('10.0.0.1', 'HEAD_TOO_LARGE', 1_000);
    if (at === REFUSALS.burst / 2) assert.equal(refused.has('10.0.0.1', 1_000), false);
  }
  assert.equal(refused.has('10.0.0.1', 1_000), true);
  const laterMs = 1_000 + 1_000 / REFUSALS.perSecond;
  assert.equal(refused.has('10.0.0.1', laterMs), false);
  assert.equal(refused.has('10.0.0.1', laterMs), true, 'the second of many at once');
  assert.ok(isFlood('FLOOD_RESETS') && !isFlood('FIELD_NAME') && !isFlood('WINDOW_ZERO'));
});

test('content in single bytes is put together', () => {
  const pieces: Piece[] = [];
  const bytes = Buffer.from('abcdefgh');
  for (let at = 0; at < 20_000; at += 1) addPiece(pieces, bytes, at % 8, (at % 8) + 1);
  assert.ok(pieces.length <= 4, `${pieces.length} pieces`);
  const whole = Buffer.concat(pieces.map(({ bytes: of, from, to }) => of.subarray(from, to)));
  assert.equal(whole.toString(), 'abcdefgh'.repeat(2_500));
});
