/** Settings: every problem at once, each with the variable, its value and what was expected. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IsthmusError } from '#core/errors.ts';
import { EnvironmentReader } from '#runtime/environment.ts';

test('An environment reader returns parsed values and defaults', () => {
  const reader = new EnvironmentReader({ A: 'x', P: '8443', ADDR: '[::1]:80', EMPTY: '' });
  assert.equal(reader.text('A'), 'x');
  assert.equal(reader.text('EMPTY', 'fallback'), 'fallback');
  assert.equal(reader.integer('P', { min: 1, max: 65_535 }), 8443);
  assert.deepEqual(reader.address('ADDR'), { host: '::1', port: 80 });
  assert.equal(reader.flag('F', true), true);
  reader.check();
});

test('An environment reader reports every problem at once', () => {
  const reader = new EnvironmentReader({ P: '99999', L: 'loud', N: 'Not_A_Label' });
  reader.integer('P', { min: 1, max: 65_535 });
  reader.choice('L', ['debug', 'info']);
  reader.label('N');
  reader.text('MISSING');
  assert.throws(
    () => reader.check(),
    (error: unknown) => {
      assert.ok(error instanceof IsthmusError);
      assert.equal(error.code, 'INVALID_CONFIG');
      assert.equal(error.field, 'P');
      assert.match(error.message, /P is "99999": expected an integer from 1 to 65535/);
      assert.match(error.message, /L is "loud": expected one of debug, info/);
      assert.match(error.message, /N is "Not_A_Label"/);
      assert.match(error.message, /MISSING is not set/);
      return true;
    },
  );
});
