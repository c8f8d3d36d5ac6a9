/** What of the labels and annotations of an export travels. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { METADATA_LIMITS, travellingAnnotations, travellingLabels } from '#core/metadata.ts';
import { isQualifiedName } from '#core/names.ts';

const { entriesMax, annotationCharactersMax, metadataBytesMax } = METADATA_LIMITS;

test('a qualified name is what Kubernetes takes for one', () => {
  const yes = ['a', 'A_b.c-d', 'example.com/a', 'h2c', 'kubernetes.io/h2c', `a/${'x'.repeat(63)}`];
  const no = ['', '/a', 'a/', 'a/b/c', '-a', 'a-', 'a b', 'Example.com/a', 'a..b/c', '.a/c'];
  const long = ['x'.repeat(64), `${'a'.repeat(254)}/b`];
  for (const name of yes) assert.equal(isQualifiedName(name), true, name);
  for (const name of [...no, ...long]) assert.equal(isQualifiedName(name), false, name);
});

test('what no mirror can have is left out by name, what is private without a word', () => {
  const labels = travellingLabels({
    team: 'shop',
    owner: 'team a & b',
    'a..b/c': 'x',
    'isthmus.dev/mirror': 'global',
  });
  assert.deepEqual(labels.kept, { team: 'shop' });
  assert.deepEqual(labels.leftOut, [
    'exportedLabels["a..b/c"] is not a qualified name',
    'exportedLabels["owner"] is not the value of a label',
  ]);
  const long = 'x'.repeat(annotationCharactersMax + 1);
  const annotations = travellingAnnotations({ a: 'team a & b', b: long, ['k'.repeat(400)]: 'c' });
  assert.deepEqual(annotations.kept, { a: 'team a & b' });
  assert.equal(annotations.leftOut.length, 2);
});

test('entries are bounded in number and in bytes, and what is kept does not depend on their order', () => {
  const many = Array.from({ length: 100 }, (_, index) => [`a${index + 100}`, 'x'] as const);
  const kept = travellingAnnotations(Object.fromEntries(many)).kept;
  assert.equal(Object.keys(kept).length, entriesMax);
  const big = many.slice(0, 20).map(([key]) => [key, '€'.repeat(1_000)] as const);
  const some = travellingAnnotations(Object.fromEntries(big));
  assert.equal(Object.keys(some.kept).length, Math.floor(metadataBytesMax / 3_004));
  assert.deepEqual(travellingAnnotations(Object.fromEntries(big.toReversed())), some);
  // Told again, it stays as it is.
  assert.deepEqual(travellingAnnotations(some.kept).kept, some.kept);
});

test('half a character, which the API server would store as another, does not travel', () => {
  // A mirror that never says what was applied would be written again with every plan.
  const { kept, leftOut } = travellingAnnotations({ half: 'a\ud800', whole: 'a\u{1f600}' });
  assert.deepEqual(kept, { whole: 'a\u{1f600}' });
  assert.deepEqual(leftOut, ['exportedAnnotations["half"] is not well-formed Unicode']);
});
