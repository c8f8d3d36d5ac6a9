/** Whether somebody who asks for little is about. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import {
  answerEnded,
  answersAreSmall,
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

test('answers are small while nearly all of the last few were, and again soon after large ones', () => {
  const many = (count: number, bytes: number) => {
    for (let each = 0; each < count; each += 1) answerEnded(bytes);
  };
  many(200, 300);
  assert.equal(answersAreSmall(), true);
  many(1, 64 * 1_024);
  assert.equal(answersAreSmall(), true);
  many(4, 64 * 1_024);
  assert.equal(answersAreSmall(), false);
  many(50, 300);
  assert.equal(answersAreSmall(), true);
  many(1, 5_000_000_000);
  assert.equal(answersAreSmall(), false);
  many(100, 300);
  assert.equal(answersAreSmall(), true);
});
