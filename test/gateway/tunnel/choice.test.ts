/** Which tunnel a stream is opened in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Choosable, chosenOf, TOGETHER_MAX } from '#gateway/tunnel/choice.ts';

function tunnel(inFlight: number, sending = false, open = true): Choosable {
  return { inFlight, sending, open };
}

test('the least loaded tunnel is chosen while none is about to send', () => {
  const least = tunnel(2);
  assert.equal(chosenOf([tunnel(5), least, tunnel(3)], TOGETHER_MAX), least);
});

test('a tunnel that is about to send takes what else a turn has to say', () => {
  const sending = tunnel(TOGETHER_MAX + 1, true);
  assert.equal(chosenOf([tunnel(1), sending], TOGETHER_MAX), sending);
});

test('a tunnel that has too many streams is not chosen for being about to send', () => {
  const least = tunnel(0);
  assert.equal(chosenOf([tunnel(TOGETHER_MAX + 1, true), least], TOGETHER_MAX), least);
});

test('of tunnels about to send the less loaded is chosen', () => {
  const sending = tunnel(3, true);
  assert.equal(chosenOf([tunnel(4, true), tunnel(2), sending], TOGETHER_MAX), sending);
});

test('connections that last go to the least loaded, whoever is about to send', () => {
  const least = tunnel(2);
  assert.equal(chosenOf([tunnel(3, true), least], 0), least);
});

test('a tunnel that takes no streams is never chosen', () => {
  assert.equal(chosenOf([tunnel(0, true, false)], TOGETHER_MAX), undefined);
  const open = tunnel(9);
  assert.equal(chosenOf([tunnel(0, true, false), open], TOGETHER_MAX), open);
});
