/** Values that are written on as the bytes they came in. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { putTarget, putValue } from '#gateway/wire/http1/put.ts';
import {
  beginOrigin,
  copyOrigin,
  endOrigin,
  noteOrigin,
  ORIGIN_CHARS_MIN,
} from '#gateway/wire/origin.ts';

afterEach(endOrigin);

/** A head of these values, read at `at` of a larger buffer. */
function read(values: readonly string[], at = 7): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(at, '#'), Buffer.from(values.join('\n'), 'latin1')]);
  beginOrigin(bytes, at);
  let from = 0;
  for (const value of values) {
    noteOrigin(value, from);
    from += value.length + 1;
  }
  return bytes;
}

function copied(value: string): string | undefined {
  const out = Buffer.alloc(value.length + 10, '.');
  const end = copyOrigin(value, value.length, out, 3);
  return end < 0 ? undefined : out.toString('latin1', 3, end);
}

const VALUES = ['first-value-of-all', 'a second one, longer', 'and-the-third-value'];

test('values are found in the order they came in, also where some are left out', () => {
  read(VALUES);
  assert.equal(copied(VALUES[0] as string), VALUES[0]);
  assert.equal(copied(VALUES[2] as string), VALUES[2]);
});

test('an equal string is found, whichever it is', () => {
  read(VALUES);
  assert.equal(copied(['a second one', ' longer'].join(',')), VALUES[1]);
});

test('a value of another head, or out of order, is not found and harms nothing', () => {
  read(VALUES);
  assert.equal(copied('something-else-altogether'), undefined);
  assert.equal(copied(VALUES[1] as string), VALUES[1]);
  assert.equal(copied(VALUES[0] as string), undefined);
  assert.equal(copied(VALUES[2] as string), VALUES[2]);
});

test('nothing is found after the head has been passed on, and nothing is noted before one begins', () => {
  read(VALUES);
  endOrigin();
  assert.equal(copied(VALUES[0] as string), undefined);
  noteOrigin(VALUES[0] as string, 0);
  assert.equal(copied(VALUES[0] as string), undefined);
});

test('more values than are noted are written as strings', () => {
  const many = Array.from({ length: 200 }, (_, at) => `value-number-${at}-of-many`);
  read(many);
  let found = 0;
  for (const each of many) if (copied(each) === each) found += 1;
  assert.equal(found, 64);
});

test('what is no visible ASCII is left to those who judge it', () => {
  for (const odd of [
    'a-value-with-\x00-in-it',
    'a-value-with-\xe9-in-it',
    'a-value-with-\t-in-it',
  ]) {
    read([odd]);
    assert.equal(copied(odd), undefined);
    const out = Buffer.alloc(100);
    const end = putValue(out, 0, odd);
    if (odd.includes('\x00')) assert.equal(end, -1);
    else assert.equal(out.toString('latin1', 0, end), odd);
  }
});

test('a target is judged though it came as bytes', () => {
  const odd = '/a path with blanks in it';
  read([odd]);
  assert.equal(putTarget(Buffer.alloc(100), 0, odd), -1);
  const plain = `/${'p'.repeat(ORIGIN_CHARS_MIN)}`;
  read([plain]);
  const out = Buffer.alloc(100);
  assert.equal(out.toString('latin1', 0, putTarget(out, 0, plain)), plain);
});
