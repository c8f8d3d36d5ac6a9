/** The HTTP/1 writer: what it writes the parser reads as it was meant, and nothing can be slipped in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { below, seededRandom } from '#core/random.ts';
import { FRAMING_CHUNKED, FRAMING_NONE, framingOfLength } from '#gateway/wire/http1/message.ts';
import { Http1Parser } from '#gateway/wire/http1/parser.ts';
import { Http1Refusal, type RuleCode } from '#gateway/wire/http1/rules.ts';
import { COPY_BYTES_MAX, Http1Writer } from '#gateway/wire/http1/writer.ts';

const PLAIN = { framing: FRAMING_NONE, keepAlive: true, upgrade: '' };

function drained(writer: Http1Writer): Buffer[] {
  const parts: Buffer[] = [];
  writer.drain((bytes) => parts.push(bytes));
  return parts;
}

test('what is written is read as it was meant', () => {
  const random = seededRandom(11);
  const writer = new Http1Writer('request');
  for (let round = 0; round < 2_000; round += 1) {
    const kind = below(random, 3);
    const body =
      kind === 0
        ? ''
        : 'b'.repeat(below(random, 20) === 0 ? 2 * COPY_BYTES_MAX : below(random, 99));
    const headers = Array.from({ length: below(random, 5) }, (_, at) => [
      `x-${at}`,
      String.fromCharCode(
        ...Array.from({ length: below(random, 9) }, () => 0x21 + below(random, 90)),
      ),
    ]).flat();
    const trailers = kind === 2 && below(random, 2) === 0 ? ['grpc-status', '0'] : [];
    const framing =
      [FRAMING_NONE, framingOfLength(body.length), FRAMING_CHUNKED][kind] ?? FRAMING_NONE;
    const target = `/${below(random, 1_000)}`;
    writer.request('POST', target, 'x:80', headers, { ...PLAIN, framing });
    writer.body(Buffer.from(body));
    writer.end(trailers);
    let read = '';
    const parser = new Http1Parser('request', {
      onHead: (head) => {
        assert.equal(head.target, target);
        assert.equal(head.framing.kind, framing.kind);
        assert.deepEqual(head.headers.slice(2, 2 + headers.length), headers);
      },
      onBody: (chunk, from, to) => {
        read += chunk.toString('latin1', from, to);
      },
      onTrailers: (list) => assert.deepEqual(list, trailers),
      onEnd: () => assert.equal(read, body),
    });
    for (const bytes of drained(writer)) parser.execute(bytes);
    assert.ok(parser.idle);
  }
});

test('a head and its first content are one buffer', () => {
  const writer = new Http1Writer('response');
  writer.response(200, 'OK', ['connection', 'x', 'a', 'b'], {
    ...PLAIN,
    framing: framingOfLength(2),
  });
  writer.body(Buffer.from('hi'));
  writer.end();
  assert.deepEqual(drained(writer).map(String), [
    'HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 2\r\n\r\nhi',
  ]);
});

test('nothing can be slipped into a head', () => {
  const check = (rule: RuleCode, write: (writer: Http1Writer) => void) =>
    assert.throws(
      () => write(new Http1Writer('request')),
      (error) => error instanceof Http1Refusal && error.rule === rule,
    );
  const get =
    (target: string, authority: string, ...headers: string[]) =>
    (writer: Http1Writer) =>
      writer.request('GET', target, authority, headers, PLAIN);
  check('FIELD_VALUE_CHARACTER', get('/', 'x', 'a', 'b\r\nc: d'));
  check('FIELD_VALUE_CHARACTER', get('/', 'x', 'a', '\u010a'));
  check('FIELD_NAME_CHARACTER', get('/', 'x', 'a: b\r\nc', 'd'));
  check('FIELD_NAME_EMPTY', get('/', 'x', '', 'd'));
  check('TARGET_CHARACTER', get('/ HTTP/1.1\r\na: b', 'x'));
  check('HOST_INVALID', get('/', 'x\r\na: b'));
  check('TARGET_FORM', get('x:80', 'x'));
  check('METHOD_UNKNOWN', (writer) => writer.request('G T', '/', 'x', [], PLAIN));
  check('TRAILER_FORBIDDEN', (writer) => {
    writer.request('POST', '/', 'x', [], { ...PLAIN, framing: FRAMING_CHUNKED });
    writer.end(['content-length', '5']);
  });
});
