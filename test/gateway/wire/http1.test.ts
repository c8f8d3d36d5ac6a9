/** The HTTP/1 parser: every rule by example, every example cut everywhere, and against llhttp. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Head } from '#gateway/wire/http1/message.ts';
import { Http1Parser } from '#gateway/wire/http1/parser.ts';
import { Http1Refusal, RULES } from '#gateway/wire/http1/rules.ts';
import { fuzzHttp1 } from '#test/fuzz/http1.ts';
import { ACCEPTED, type Example, REFUSED } from './http1-corpus.ts';

/** What the sink hears of an example fed in pieces, content joined; the refusal comes last. */
function events(example: Example, pieces: readonly Buffer[]): string[] {
  const heard: string[] = [];
  let body = '';
  const say = (text: string) => {
    if (body !== '') heard.push(`body ${body}`);
    body = '';
    heard.push(text);
  };
  const parser = new Http1Parser(example.role, {
    onHead: (head) => say(`head ${JSON.stringify(head)}`),
    onBody: (chunk, from, to) => {
      body += chunk.toString('latin1', from, to);
    },
    onTrailers: (list) => say(`trailers ${list.join()}`),
    onEnd: () => say('end'),
  });
  if (example.asked !== undefined) parser.expectResponseTo(example.asked, example.upgrade);
  try {
    for (const piece of pieces) assert.equal(parser.execute(piece), piece.length);
    parser.finish();
  } catch (error) {
    if (!(error instanceof Http1Refusal)) throw error;
    say(error.rule);
  }
  return heard;
}

test('every example is accepted, or refused by its rule', () => {
  for (const example of [...REFUSED, ...ACCEPTED]) {
    const heard = events(example, [Buffer.from(example.bytes, 'latin1')]);
    const text = JSON.stringify(example.bytes.slice(0, 200));
    assert.equal(heard.at(-1), example.rule ?? 'end', text);
  }
});

test('every rule has an example', () => {
  const shown = new Set(REFUSED.map((each) => each.rule));
  assert.deepEqual(
    Object.keys(RULES).filter((rule) => !shown.has(rule as keyof typeof RULES)),
    [],
  );
});

test('an example cut at any byte says the same', () => {
  for (const example of [...REFUSED, ...ACCEPTED]) {
    const bytes = Buffer.from(example.bytes, 'latin1');
    const whole = events(example, [bytes]);
    const step = bytes.length > 1_000 ? 997 : 1;
    for (let cut = 0; cut <= bytes.length; cut += step) {
      const cutUp = events(example, [bytes.subarray(0, cut), bytes.subarray(cut)]);
      assert.deepEqual(cutUp, whole, `${JSON.stringify(example.bytes.slice(0, 200))} at ${cut}`);
    }
    const single = Array.from(bytes, (byte) => Buffer.of(byte));
    assert.deepEqual(events(example, single), whole);
  }
});

test('a paused parser stops at the end of a message and says how much it used', () => {
  const first = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab';
  const bytes = Buffer.from(`${first}GET /2 HTTP/1.1\r\nHost: x\r\n\r\n`);
  const targets: string[] = [];
  const parser = new Http1Parser('request', {
    onHead: (head) => {
      targets.push(head.target);
      parser.pause();
    },
    onBody: () => undefined,
    onTrailers: () => undefined,
    onEnd: () => undefined,
  });
  const used = parser.execute(bytes);
  assert.equal(used, first.length);
  assert.equal(parser.execute(bytes, used), 0);
  parser.resume();
  assert.equal(used + parser.execute(bytes, used), bytes.length);
  assert.deepEqual(targets, ['/', '/2']);
});

test('a head that comes again is told again, as an answer to what was asked this time', () => {
  const heads: Head[] = [];
  const parser = new Http1Parser('response', {
    onHead: (head) => {
      heads.push(structuredClone(head));
      head.headers.length = 0;
    },
    onBody: () => undefined,
    onTrailers: () => undefined,
    onEnd: () => undefined,
  });
  const answer = 'HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\n\r\n';
  for (const asked of ['GET', 'GET', 'HEAD', 'HEAD', 'GET']) {
    parser.expectResponseTo(asked);
    parser.execute(Buffer.from(asked === 'GET' ? `${answer}ab` : answer));
  }
  assert.ok(parser.idle);
  assert.deepEqual(
    heads.map((head) => head.framing.kind),
    ['length', 'length', 'none', 'none', 'length'],
  );
  for (const head of heads) assert.deepEqual(head.headers, ['a', 'b', 'content-length', '2']);
  assert.throws(() => parser.execute(Buffer.from(`${answer}ab`)), Http1Refusal);
});

test('heads that differ, then repeat, then differ are all read', () => {
  const targets: string[] = [];
  const parser = new Http1Parser('request', {
    onHead: (head) => targets.push(head.target),
    onBody: () => undefined,
    onTrailers: () => undefined,
    onEnd: () => undefined,
  });
  const expected = Array.from({ length: 600 }, (_, at) =>
    at % 200 < 100 ? `/${at}` : `/same${at >> 8}`,
  );
  for (const target of expected)
    parser.execute(Buffer.from(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`));
  assert.deepEqual(targets, expected);
});

test('nothing is accepted that llhttp refuses, and what both accept is equal', () => {
  const report = fuzzHttp1({ seed: 7, from: 0, to: 100_000 });
  assert.deepEqual(report.findings, []);
  const { inputs, crashes, hangs, differences } = report;
  assert.deepEqual([inputs, crashes, hangs, differences], [100_000, 0, 0, 0]);
});
