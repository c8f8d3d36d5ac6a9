/** What pods are told of a client's address. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestHeaders } from '#gateway/http/headers.ts';
import type { RawHeaders } from '#gateway/http/message.ts';
import { seenIn } from '#gateway/wire/seen.ts';

const CLIENT = { address: '10.0.0.9', authority: 'backend' };

function valuesOf(headers: RawHeaders, name: string): string[] {
  return headers.filter((_, at) => at % 2 === 1 && headers[at - 1] === name);
}

test('a client that repeats the fields says nothing behind what we say of it', () => {
  const raw = [
    ...['x-forwarded-for', '192.0.2.1', 'forwarded', 'for=192.0.2.1', 'accept', '*/*'],
    ...['x-forwarded-for', '192.0.2.6', 'forwarded', 'for=192.0.2.6'],
  ];
  const sent = requestHeaders(raw, seenIn(raw), CLIENT);
  assert.equal(valuesOf(sent, 'x-forwarded-for').join(', '), '192.0.2.1, 192.0.2.6, 10.0.0.9');
  const own = 'for=10.0.0.9;host="backend";proto=http';
  assert.equal(valuesOf(sent, 'forwarded').join(', '), `for=192.0.2.1, for=192.0.2.6, ${own}`);
});
