/** The HTTP/1 writer: what it writes the parser reads as it was meant, and nothing can be slipped in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IsthmusError } from '#core/errors.ts';
import { below, seededRandom } from '#core/random.ts';
import { LOWER, TARGET, VALUE } from '#gateway/wire/http1/bytes.ts';
import {
  FRAMING_CHUNKED,
  FRAMING_NONE,
  FRAMING_RAW,
  FRAMING_UNTIL_CLOSE,
  framingOfLength,
  type Head,
} from '#gateway/wire/http1/message.ts';
import { Http1Parser } from '#gateway/wire/http1/parser.ts';
import { Http1Refusal, type RuleCode } from '#gateway/wire/http1/rules.ts';
import { COPY_BYTES_MAX, type HeadOptions, Http1Writer } from '#gateway/wire/http1/writer.ts';

const PLAIN = { framing: FRAMING_NONE, keepAlive: true, upgrade: '' };

function drained(writer: Http1Writer): Buffer[] {
  return [...writer.drain()];
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

/** What a parser that awaits the answer to `asked` hears of `parts`. */
function answerOf(parts: readonly Buffer[], asked = 'GET', upgrade = false) {
  const heard = { heads: [] as Head[], body: '', trailers: [] as string[], ends: 0 };
  const parser = new Http1Parser('response', {
    onHead: (head) => heard.heads.push(head),
    onBody: (chunk, from, to) => {
      heard.body += chunk.toString('latin1', from, to);
    },
    onTrailers: (list) => heard.trailers.push(...list),
    onEnd: () => {
      heard.ends += 1;
    },
  });
  parser.expectResponseTo(asked, upgrade);
  for (const part of parts) parser.execute(Buffer.from(part));
  parser.finish();
  return heard;
}

test('the writer takes just the bytes that the parser takes', () => {
  const takes = (write: (writer: Http1Writer) => void) => {
    try {
      write(new Http1Writer('request'));
      return true;
    } catch (error) {
      assert.ok(error instanceof Http1Refusal);
      return false;
    }
  };
  for (let code = 0; code < 0x180; code += 1) {
    const letter = String.fromCharCode(code);
    const byte = code < 256;
    const value = takes((each) => each.request('GET', '/', 'x', ['a', `b${letter}c`], PLAIN));
    assert.equal(value, byte && VALUE[code] === 1, `value ${code}`);
    const name = takes((each) => each.request('GET', '/', 'x', [`b${letter}c`, 'a'], PLAIN));
    assert.equal(name, byte && LOWER[code] !== 0, `name ${code}`);
    const target = takes((each) => each.request('GET', `/${letter}`, 'x', [], PLAIN));
    assert.equal(target, byte && TARGET[code] === 1, `target ${code}`);
  }
});

test('a response is written so that its framing is read as it was meant', () => {
  const write = (
    status: number,
    options: Partial<HeadOptions>,
    headers: string[],
    asked = 'GET',
  ) => {
    const writer = new Http1Writer('response');
    writer.response(status, 'R', headers, { ...PLAIN, ...options }, asked === 'HEAD');
    return { writer, text: () => drained(writer).map(String).join('') };
  };
  const cases: readonly [number, Partial<HeadOptions>, string[], string, string][] = [
    [200, {}, [], 'GET', 'content-length: 0\r\n'],
    [404, { keepAlive: false }, [], 'GET', 'content-length: 0\r\nconnection: close\r\n'],
    [200, { framing: FRAMING_UNTIL_CLOSE }, [], 'GET', 'connection: close\r\n'],
    [
      200,
      { framing: FRAMING_CHUNKED },
      ['content-length', '9'],
      'GET',
      'transfer-encoding: chunked\r\n',
    ],
    [200, {}, ['content-length', '9'], 'HEAD', 'content-length: 9\r\n'],
    [200, { framing: framingOfLength(9) }, [], 'HEAD', 'content-length: 9\r\n'],
    [200, { framing: FRAMING_CHUNKED }, [], 'HEAD', ''],
    [304, {}, ['content-length', '9'], 'GET', 'content-length: 9\r\n'],
    [304, {}, [], 'GET', ''],
    [204, {}, ['content-length', '9'], 'GET', ''],
    [204, { framing: framingOfLength(0) }, [], 'HEAD', ''],
    [103, {}, ['content-length', '9', 'link', 'x'], 'GET', 'link: x\r\n'],
    [
      101,
      { framing: FRAMING_RAW, upgrade: 'ws' },
      [],
      'GET',
      'connection: upgrade\r\nupgrade: ws\r\n',
    ],
    [
      426,
      { keepAlive: false, upgrade: 'ws' },
      [],
      'GET',
      'content-length: 0\r\nconnection: upgrade, close\r\nupgrade: ws\r\n',
    ],
  ];
  for (const [status, options, headers, asked, fields] of cases) {
    assert.equal(
      write(status, options, headers, asked).text(),
      `HTTP/1.1 ${status} R\r\n${fields}\r\n`,
    );
  }
});

test('where there is no content none can be announced, nor a protocol left unsaid', () => {
  const refuses = (
    rule: RuleCode,
    status: number,
    options: Partial<HeadOptions>,
    headers: string[] = [],
  ) =>
    assert.throws(
      () => new Http1Writer('response').response(status, '', headers, { ...PLAIN, ...options }),
      (error) => error instanceof Http1Refusal && error.rule === rule,
    );
  for (const status of [100, 103, 204]) {
    refuses('TRANSFER_ENCODING_FORBIDDEN', status, { framing: FRAMING_CHUNKED });
    refuses('CONTENT_LENGTH_FORBIDDEN', status, { framing: framingOfLength(1) });
  }
  refuses('SWITCH_UNNAMED', 101, { framing: FRAMING_RAW });
  refuses('STATUS_CODE', 600, {});
  refuses('CONTENT_LENGTH_INVALID', 304, {}, ['content-length', '+1']);
  assert.throws(
    () =>
      new Http1Writer('request').request('CONNECT', 'x:1', 'x:1', [], {
        ...PLAIN,
        framing: FRAMING_CHUNKED,
      }),
    (error) => error instanceof Http1Refusal && error.rule === 'CONNECT_CONTENT',
  );
});

test('to an HTTP/1.0 client keep-alive is said, and nothing written that it cannot read', () => {
  const writer = new Http1Writer('response');
  writer.response(200, '', [], { ...PLAIN, http10: true, framing: framingOfLength(2) });
  writer.body(Buffer.from('ab'));
  writer.end();
  writer.response(200, '', [], { ...PLAIN, http10: true, keepAlive: false });
  assert.equal(
    drained(writer).map(String).join(''),
    'HTTP/1.1 200 \r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nab' +
      'HTTP/1.1 200 \r\ncontent-length: 0\r\nconnection: close\r\n\r\n',
  );
  for (const [status, options] of [
    [200, { framing: FRAMING_CHUNKED }],
    [100, {}],
    [101, { framing: FRAMING_RAW, upgrade: 'ws' }],
    [426, { upgrade: 'ws' }],
  ] as const)
    assert.throws(
      () => writer.response(status, '', [], { ...PLAIN, ...options, http10: true }),
      (error) => error instanceof IsthmusError && error.code === 'INTERNAL',
    );
});

test('a message is complete before the next begins, and nothing follows its end', () => {
  const internal = (write: () => void) =>
    assert.throws(write, (error) => error instanceof IsthmusError && error.code === 'INTERNAL');
  const writer = new Http1Writer('response');
  writer.response(200, '', [], { ...PLAIN, framing: framingOfLength(2) });
  internal(() => writer.end());
  internal(() => writer.body(Buffer.from('abc')));
  internal(() => writer.response(200, '', [], PLAIN));
  writer.body(Buffer.from('ab'));
  // No place for them: dropped.
  writer.end(['x-sum', '1']);
  writer.response(200, '', [], { ...PLAIN, framing: FRAMING_CHUNKED });
  internal(() => writer.response(200, '', [], PLAIN));
  writer.end();
  internal(() => writer.body(Buffer.from('a')));
  assert.ok(!drained(writer).join('').includes('x-sum'));
});

test('interim answers come before the answer, and 101 makes raw bytes of all that follow, both ways', () => {
  const writer = new Http1Writer('response');
  writer.response(100, 'Continue', [], PLAIN);
  writer.response(103, '', ['link', '</a>'], PLAIN);
  writer.response(101, '', [], { ...PLAIN, framing: FRAMING_RAW, upgrade: 'websocket' });
  writer.body(Buffer.from('HTTP/1.1 200 \r\n\r\n'));
  const heard = answerOf(drained(writer), 'GET', true);
  assert.deepEqual(
    heard.heads.map((head) => [head.status, head.framing.kind, head.upgrade]),
    [
      [100, 'none', ''],
      [103, 'none', ''],
      [101, 'raw', 'websocket'],
    ],
  );
  assert.equal(heard.body, 'HTTP/1.1 200 \r\n\r\n');

  const asking = new Http1Writer('request');
  asking.request('GET', '/', 'x', [], { ...PLAIN, upgrade: 'websocket' });
  const [head = Buffer.alloc(0)] = drained(asking);
  const raw = Buffer.from('GET / HTTP/1.1\r\n\r\n');
  let body = '';
  let heads = 0;
  const parser: Http1Parser = new Http1Parser('request', {
    onHead: (each) => {
      heads += 1;
      assert.equal(each.upgrade, 'websocket');
      parser.pause();
    },
    onBody: (chunk, from, to) => {
      body += chunk.toString('latin1', from, to);
    },
    onTrailers: () => undefined,
    onEnd: () => undefined,
  });
  const bytes = Buffer.concat([head, raw]);
  const used = parser.execute(bytes);
  assert.equal(used, head.length);
  parser.switchToRaw();
  assert.equal(parser.execute(bytes, used), raw.length);
  parser.finish();
  assert.deepEqual([heads, body], [1, raw.toString()]);
});

test('whatever is written is read back equal, however it is cut', () => {
  const random = seededRandom(23);
  const word = (least: number, most: number, from: string) =>
    Array.from(
      { length: least + below(random, most) },
      () => from[below(random, from.length)],
    ).join('');
  const NAME = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";
  const TEXT = 'ab c\t"\\,;:=\xe9\xff\x80()<>@[]{}?/';
  const fields = () =>
    Array.from({ length: below(random, 7) }, () => [
      `x-${word(1, 12, NAME)}`,
      word(0, 40, TEXT).replace(/^[ \t]+|[ \t]+$/g, ''),
    ]).flat();
  for (let round = 0; round < 3_000; round += 1) {
    const asked = ['GET', 'HEAD', 'CONNECT'][below(random, 8)] ?? 'GET';
    const status = [200, 204, 304, 404, 500][below(random, 5)] as number;
    const reason = word(0, 12, 'aB \t\xe9');
    const bare = asked === 'HEAD' || status === 204 || status === 304;
    const tunnel = asked === 'CONNECT' && status < 300;
    const content = Buffer.from(
      bare ? '' : word(0, below(random, 9) === 0 ? 20_000 : 60, TEXT),
      'latin1',
    );
    const kinds = [framingOfLength(content.length), FRAMING_CHUNKED, FRAMING_UNTIL_CLOSE];
    let framing = kinds[below(random, 3)] ?? FRAMING_NONE;
    if (tunnel) framing = FRAMING_RAW;
    else if (status === 204) framing = FRAMING_NONE;
    const headers = fields();
    const trailers = framing.kind === 'chunked' && !bare ? fields() : [];
    const keepAlive = below(random, 2) === 0;
    const writer = new Http1Writer('response');
    writer.response(status, reason, headers, { framing, keepAlive, upgrade: '' }, asked === 'HEAD');
    for (let at = 0; at < content.length; ) {
      const to = Math.min(content.length, at + 1 + below(random, 9_000));
      writer.body(content, at, to);
      at = to;
    }
    writer.end(trailers);
    const all = Buffer.concat(drained(writer));
    const parts: Buffer[] = [];
    for (let at = 0; at < all.length; ) {
      const to = Math.min(all.length, at + 1 + below(random, below(random, 2) === 0 ? 9 : 9_000));
      parts.push(all.subarray(at, to));
      at = to;
    }
    const heard = answerOf(parts, asked);
    const [head] = heard.heads;
    assert.deepEqual([head?.status, head?.reason], [status, reason]);
    assert.deepEqual(head?.headers.slice(0, headers.length), headers);
    assert.equal(heard.body, content.toString('latin1'));
    assert.deepEqual(heard.trailers, trailers);
    assert.equal(heard.ends, 1);
    const stays = keepAlive && !tunnel && (bare || framing.kind !== 'untilClose');
    assert.equal(head?.keepAlive, stays);
  }
});
