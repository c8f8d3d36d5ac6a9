/** Whether somebody who asks for little is about. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import {
  answerEnded,
  inCompany,
  REMEMBERED_TURNS,
  SMALL_ANSWER_BYTES,
} from '#gateway/transport/company.ts';
import { wantTurnEnd } from '#gateway/transport/turn.ts';

test('a small answer is remembered for some turns, a large one not at all', async () => {
  answerEnded(SMALL_ANSWER_BYTES + 1);
  assert.equal(inCompany(), false);
  answerEnded(SMALL_ANSWER_BYTES);
  let turns = 0;
  while (inCompany() && turns <= REMEMBERED_TURNS) {
    wantTurnEnd();
    await turn();
    turns += 1;
  }
  assert.equal(turns, REMEMBERED_TURNS);
});
