/** Connections that have come begin a few in a turn, and no source waits for all of another. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ARRIVALS_PER_TURN, Arrivals } from '#gateway/listener/arrivals.ts';
import { wantTurnEnd } from '#gateway/transport/turn.ts';

/** Lets a turn end, whatever is left of the one before. */
async function passTurn(): Promise<void> {
  wantTurnEnd();
  await turn();
}

test('of thousands that one source opens another waits for no more than a turn', async () => {
  const arrivals = new Arrivals();
  const begun: string[] = [];
  const enter = (source: string, name: string) =>
    arrivals.enter({ source, begin: () => void begun.push(name) });
  await passTurn();
  for (let each = 0; each < 3 * ARRIVALS_PER_TURN; each += 1) enter('flood', `flood ${each}`);
  assert.equal(begun.length, ARRIVALS_PER_TURN, 'the first begin at once');
  enter('other', 'other');
  await passTurn();
  assert.equal(begun.length, 2 * ARRIVALS_PER_TURN);
  assert.ok(begun.includes('other'));
  await passTurn();
  await passTurn();
  assert.equal(begun.length, 3 * ARRIVALS_PER_TURN + 1);
  const flood = begun.filter((each) => each !== 'other');
  assert.deepEqual(
    flood,
    flood.map((_, each) => `flood ${each}`),
    'in the order they came',
  );
  await passTurn();
  enter('other', 'later');
  assert.equal(begun.at(-1), 'later');
});
