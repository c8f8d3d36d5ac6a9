/**
 * Quantities in their canonical form.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalQuantity } from '#devcluster/schema/quantity.ts';

test('a quantity has one form, whatever way it is written', () => {
  // As in quantity_test.go of k8s.io/apimachinery.
  for (const [written, kept] of [
    ['0', '0'],
    ['0Ki', '0'],
    ['1000m', '1'],
    ['0.5', '500m'],
    ['.5', '500m'],
    ['1500', '1500'],
    ['1000', '1k'],
    ['1000k', '1M'],
    ['1e3', '1e3'],
    ['12e6', '12e6'],
    ['5e2', '500'],
    ['1024', '1024'],
    ['1Ki', '1Ki'],
    ['1024Ki', '1Mi'],
    ['1.5Gi', '1536Mi'],
    ['0.5Ki', '512'],
    ['0.5Gi', '512Mi'],
    ['1.1Ki', '1126400m'],
    ['-500m', '-500m'],
    ['+2', '2'],
    ['0.0000000001', '1n'],
  ] as const) {
    assert.equal(canonicalQuantity(written), kept, written);
  }
});

test('what is no quantity has no form', () => {
  for (const text of ['', 'much', '1 Gi', '1KB', '1i', '--1', '1e', '1e999', '9'.repeat(100)]) {
    assert.equal(canonicalQuantity(text), undefined, text);
  }
});
