/** Lines that others cause are few, and say how many they stand for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LogFields, silentLogger } from '#core/log.ts';
import { LINES_OF_OTHERS, sparing } from '#core/sparing.ts';
import { VirtualClock } from '#core/virtual-clock.ts';

test('of many lines some are told, and the next says how many were not', () => {
  const lines: (LogFields | undefined)[] = [];
  const clock = new VirtualClock();
  const warn = (_: string, fields?: LogFields) => void lines.push(fields);
  const log = sparing({ ...silentLogger, warn }, clock);
  for (let each = 0; each < 100; each += 1) log.warn('refused', { each });
  assert.equal(lines.length, LINES_OF_OTHERS.burst);
  clock.runUntil(5_000);
  log.warn('refused', { each: 100 });
  log.warn('refused', { each: 101 });
  assert.deepEqual(lines.slice(LINES_OF_OTHERS.burst), [{ each: 100, untold: 80 }]);
});
