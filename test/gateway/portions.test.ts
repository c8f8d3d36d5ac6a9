/** A connection is read a portion in each turn, in however many pieces it comes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type Portion, type PortionReader, Portions } from '#gateway/http2/portions.ts';
import type { Transport } from '#gateway/transport/transport.ts';

/** A byte is a unit. */
class Reader implements PortionReader {
  read = 0;
  unitsLeft = 0;
  ended = false;

  readPortion(_bytes: Buffer, from: number, to: number, units: number): number {
    const used = Math.min(to - from, units);
    this.read += used;
    this.unitsLeft = units - used;
    return used;
  }

  readEnd(): void {
    this.ended = true;
  }
}

function portions(portion: Portion): { reader: Reader; portions: Portions; paused(): boolean } {
  let paused = false;
  const transport = {
    destroyed: false,
    pause: () => {
      paused = true;
    },
    resume: () => {
      paused = false;
    },
  };
  const reader = new Reader();
  const made = new Portions(transport as unknown as Transport, reader, portion);
  return { reader, portions: made, paused: () => paused };
}

test('many small pieces of one connection are no more in a turn than its portion', async () => {
  const { reader, portions: each, paused } = portions({ units: 1_000, leastUnits: 100 });
  const piece = Buffer.alloc(70);
  for (let at = 0; at < 100; at += 1) each.take(piece, 0, piece.length);
  each.end();
  assert.equal(reader.read, 1_000);
  assert.equal(paused(), true);
  let turns = 0;
  for (let before = reader.read; reader.read < 7_000; turns += 1) {
    await turn();
    assert.ok(reader.read - before <= 1_000, `${reader.read - before} in one turn`);
    before = reader.read;
  }
  assert.ok(turns >= 6 && turns <= 8, `${turns} turns`);
  await turn();
  assert.equal(reader.ended, true);
});
