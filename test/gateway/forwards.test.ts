/** `Max-Forwards` as only a raw client writes it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forwarded } from '#gateway/http/forwards.ts';
import { TestExchange } from '#test/gateway/resilience/kit.ts';

function options(...headers: readonly string[]) {
  const exchange = new TestExchange({ method: 'OPTIONS', headers });
  const ignore = () => undefined;
  exchange.listener = {
    ...{ onRequestBody: ignore, onRequestEnd: ignore, onAnswerSent: ignore, onGone: ignore },
  };
  return { sent: forwarded(exchange, headers), status: exchange.status, text: exchange.content };
}

test('a value that reads like the name of the field is not taken for it', () => {
  const { sent } = options('x-about', 'max-forwards', 'max-forwards', '3', 'x-last', '1');
  assert.deepEqual(sent, ['x-about', 'max-forwards', 'max-forwards', '2', 'x-last', '1']);
});

test('what is no number, or said twice, is refused by name and value', () => {
  for (const value of ['', '-1', '1.5', '1, 2', '0x1', ' ']) {
    const { sent, status, text } = options('max-forwards', value);
    assert.deepEqual([sent, status], [undefined, 400], value);
    assert.match(text, /Max-Forwards/);
    assert.ok(text.includes(value), text);
  }
  assert.equal(options('max-forwards', '1', 'x-a', '2', 'max-forwards', '1').status, 400);
});
