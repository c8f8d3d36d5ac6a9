/** Which tunnel a stream is opened in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Choosable, chosenOf, PACKED_MAX, TOGETHER_MAX } from '#gateway/tunnel/choice.ts';

interface State {
  readonly sending?: boolean;
  readonly open?: boolean;
}

function tunnel(inFlight: number, { sending = false, open = true }: State = {}) {
  return { inFlight, sending, open };
}

const alone = (...tunnels: Choosable[]) => tunnels.map((each) => [each]);

test('the least loaded tunnel is chosen while none is about to send', () => {
  const least = tunnel(2);
  assert.equal(chosenOf(alone(tunnel(5), least, tunnel(3)), TOGETHER_MAX), least);
});

test('a tunnel that is about to send takes what else a turn has to say', () => {
  const sending = tunnel(TOGETHER_MAX + 1, { sending: true });
  assert.equal(chosenOf(alone(tunnel(1), sending), TOGETHER_MAX), sending);
});

test('a tunnel that has too many streams is not chosen for being about to send', () => {
  const least = tunnel(0);
  const busy = tunnel(TOGETHER_MAX + 1, { sending: true });
  assert.equal(chosenOf(alone(busy, least), TOGETHER_MAX), least);
});

test('of tunnels about to send the less loaded is chosen', () => {
  const sending = tunnel(3, { sending: true });
  const more = tunnel(4, { sending: true });
  assert.equal(chosenOf(alone(more, tunnel(2), sending), TOGETHER_MAX), sending);
});

test('connections that last go to the least loaded, whoever is about to send', () => {
  const least = tunnel(2);
  assert.equal(chosenOf(alone(tunnel(3, { sending: true }), least), 0), least);
});

test('a tunnel that takes no streams is never chosen', () => {
  const closed = tunnel(0, { sending: true, open: false });
  assert.equal(chosenOf(alone(closed), TOGETHER_MAX), undefined);
  const open = tunnel(9);
  assert.equal(chosenOf(alone(closed, open), TOGETHER_MAX), open);
  assert.equal(chosenOf([[closed, open]], TOGETHER_MAX), open);
  assert.equal(chosenOf([[closed, closed], [open]], TOGETHER_MAX), open);
  assert.equal(chosenOf([], TOGETHER_MAX), undefined);
});

test('of tunnels to one process the first is chosen, however busy, until it has many streams', () => {
  const second = tunnel(0);
  const busy = tunnel(PACKED_MAX - 1);
  assert.equal(chosenOf([[busy, second]], TOGETHER_MAX), busy);
  assert.equal(chosenOf([[tunnel(PACKED_MAX), second]], TOGETHER_MAX), second);
});

test('where all tunnels to a process have many streams, that with the fewest is chosen', () => {
  const least = tunnel(PACKED_MAX);
  assert.equal(chosenOf([[tunnel(PACKED_MAX + 1), least]], TOGETHER_MAX), least);
});

test('processes are chosen by all that is under way in them', () => {
  const other = tunnel(3);
  assert.equal(chosenOf([[tunnel(1), tunnel(4)], [other]], TOGETHER_MAX), other);
  const first = tunnel(1);
  assert.equal(chosenOf([[first, tunnel(1)], [other]], TOGETHER_MAX), first);
});
