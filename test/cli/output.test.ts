/** What people read of lists. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isScreen, namedTable, paintFor, table } from '#cli/output.ts';
import { silentIo } from '#test/silent-io.ts';

const HEADINGS = ['ENDPOINT', 'KIND', 'COST', 'LATENCY', 'OPEN', 'SUCCESS', 'WEIGHT', 'STATE'];
const facts = ['cluster', '1234', '1234 ms', '10000', '100 %', '10000', 'nobody ready'];

test('names stand in a column as long as eighty are enough', () => {
  const lines = namedTable(HEADINGS, [
    ['127.10.16.2:8080', ...facts],
    ['east', ...facts],
  ]).split('\n');
  assert.equal(lines.length, 3);
  assert.match(lines[2] ?? '', /^east +cluster +1234 /);
});

test('where one is longer each has a line of its own, and all lines fit eighty columns', () => {
  const long = '[2001:db8:1234:5678:9abc:def0:1234:5678]:65535';
  const lines = namedTable(HEADINGS, [
    [long, ...facts],
    ['a'.repeat(63), ...facts],
  ]).split('\n');
  assert.deepEqual([lines[0], lines[2]?.trim(), lines[4]], ['ENDPOINT', long, 'a'.repeat(63)]);
  assert.match(lines[3] ?? '', /^ {2}cluster +1234 +1234 ms/);
  assert.equal(lines.length, 6);
  for (const line of lines) assert.ok(line.length <= 80, line);
});

test('columns stand below each other whatever script their names are in', () => {
  const lines = table(
    ['CLUSTER', 'STATE'],
    [
      ['kind-東京', 'a'],
      ['kind-서울', 'b'],
      ['zu\u0308rich-one', 'c'],
      ['prod-🚀', 'd'],
    ],
  ).split('\n');
  assert.deepEqual(lines, [
    'CLUSTER     STATE',
    'kind-東京   a',
    'kind-서울   b',
    'zu\u0308rich-one  c',
    'prod-🚀     d',
  ]);
});

test('only a terminal that follows escape sequences gets any', () => {
  const on = (isTerminal: boolean, env: Record<string, string>) => ({
    ...silentIo('/', env),
    isTerminal,
  });
  assert.equal(isScreen(on(true, { TERM: 'xterm' })), true);
  assert.equal(isScreen(on(true, { TERM: 'dumb' })), false);
  assert.equal(isScreen(on(false, { TERM: 'xterm' })), false);
  assert.equal(paintFor(on(true, { TERM: 'xterm' }))('red', 'x'), '\u001b[31mx\u001b[0m');
  assert.equal(paintFor(on(true, { TERM: 'xterm', NO_COLOR: '1' }))('red', 'x'), 'x');
});
