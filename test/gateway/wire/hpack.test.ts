/**
 * HPACK against the examples of RFC 7541, against itself and against what no decoder may accept.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { below, type Random, seededRandom } from '#core/random.ts';
import type { HeaderBlock } from '#gateway/wire/hpack/block.ts';
import { HpackDecoder } from '#gateway/wire/hpack/decoder.ts';
import { encodedBound, HpackEncoder } from '#gateway/wire/hpack/encoder.ts';
import { HpackError, type HpackRule } from '#gateway/wire/hpack/error.ts';
import { huffmanLength, huffmanRead, huffmanWrite } from '#gateway/wire/hpack/huffman.ts';

const MAX_LIST_BYTES = 65_536;

function decode(decoder: HpackDecoder, hex: string): HeaderBlock {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  return decoder.decode(bytes, 0, bytes.length);
}

function encode(encoder: HpackEncoder, headers: readonly string[]): Buffer {
  const out = Buffer.alloc(encodedBound(headers));
  return out.subarray(0, encoder.encode(headers, out, 0));
}

const REQUEST = [
  ':method',
  'GET',
  ':scheme',
  'http',
  ':path',
  '/',
  ':authority',
  'www.example.com',
];
const REQUESTS = [
  REQUEST,
  [...REQUEST, 'cache-control', 'no-cache'],
  [
    ...[':method', 'GET', ':scheme', 'https', ':path', '/index.html'],
    ...[':authority', 'www.example.com', 'custom-key', 'custom-value'],
  ],
];
const DATE = ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'];
const LOCATION = ['location', 'https://www.example.com'];
const RESPONSES = [
  [':status', '302', 'cache-control', 'private', ...DATE, ...LOCATION],
  [':status', '307', 'cache-control', 'private', ...DATE, ...LOCATION],
  [
    ...[':status', '200', 'cache-control', 'private', 'date', 'Mon, 21 Oct 2013 20:13:22 GMT'],
    ...[...LOCATION, 'content-encoding', 'gzip'],
    ...['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
  ],
];

/** Appendix C.3 to C.6: lists, their blocks, the table size at the start and after each block. */
const SEQUENCES = [
  {
    name: 'C.3 requests without Huffman coding',
    lists: REQUESTS,
    blocks: [
      '828684410f7777772e6578616d706c652e636f6d',
      '828684be58086e6f2d6361636865',
      '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
    ],
    tableBytes: 4096,
    sizes: [57, 110, 164],
  },
  {
    name: 'C.4 requests with Huffman coding',
    lists: REQUESTS,
    blocks: [
      '828684418cf1e3c2e5f23a6ba0ab90f4ff',
      '828684be5886a8eb10649cbf',
      '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
    ],
    tableBytes: 4096,
    sizes: [57, 110, 164],
    ours: true,
  },
  {
    name: 'C.5 responses without Huffman coding',
    lists: RESPONSES,
    blocks: [
      '4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d',
      '4803333037c1c0bf',
      '88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31',
    ],
    tableBytes: 256,
    sizes: [222, 222, 215],
  },
  {
    name: 'C.6 responses with Huffman coding',
    lists: RESPONSES,
    blocks: [
      '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
      '4883640effc1c0bf',
      '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
    ],
    tableBytes: 256,
    sizes: [222, 222, 215],
  },
];

for (const { name, lists, blocks, tableBytes, sizes, ours } of SEQUENCES) {
  test(`the decoder reads RFC 7541 ${name}`, () => {
    const decoder = new HpackDecoder({ maxListBytes: MAX_LIST_BYTES, tableBytes });
    blocks.forEach((block, at) => {
      assert.deepEqual(decode(decoder, block).headers, lists[at]);
      assert.equal(decoder.tableBytes, sizes[at]);
    });
  });
  if (ours !== true) continue;
  test(`the encoder writes RFC 7541 ${name}`, () => {
    const encoder = new HpackEncoder({ tableBytes, indexing: 'always' });
    lists.forEach((list, at) => {
      assert.equal(encode(encoder, list).toString('hex'), blocks[at]);
      assert.equal(encoder.tableBytes, sizes[at]);
    });
  });
}

test('the decoder reads the literals of RFC 7541 C.2', () => {
  const decoder = new HpackDecoder({ maxListBytes: MAX_LIST_BYTES });
  const custom = '400a637573746f6d2d6b65790d637573746f6d2d686561646572';
  assert.deepEqual(decode(decoder, custom).headers, ['custom-key', 'custom-header']);
  assert.equal(decoder.tableBytes, 55);
  assert.deepEqual(decode(decoder, '040c2f73616d706c652f70617468').headers, [
    ':path',
    '/sample/path',
  ]);
  const secret = decode(decoder, '100870617373776f726406736563726574');
  assert.deepEqual(secret.headers, ['password', 'secret']);
  assert.deepEqual([...(secret.sensitive ?? [])], ['password']);
  assert.deepEqual(decode(decoder, '82').headers, [':method', 'GET']);
  assert.equal(decoder.tableBytes, 55);
});

const MALFORMED: readonly (readonly [HpackRule, string, string])[] = [
  ['INDEX_ZERO', 'index 0', '80'],
  ['INDEX_RANGE', 'an index beyond the tables', 'be'],
  ['INDEX_RANGE', 'a literal whose name is beyond the tables', '7e 01 61'],
  ['INTEGER_TRUNCATED', 'an index cut short', 'ff'],
  ['INTEGER_OVERFLOW', 'an index of 2^35', 'ff ff ff ff ff 7f'],
  ['INTEGER_OVERFLOW', 'an integer of many zero octets', 'ff 80 80 80 80 80 00'],
  ['STRING_TRUNCATED', 'a name longer than the block', '00 05 61 62'],
  ['STRING_TRUNCATED', 'no value', '00 01 61'],
  ['HUFFMAN_PADDING', 'padding of zeros', '00 01 61 81 18'],
  ['HUFFMAN_PADDING', 'eight bits of padding', '00 01 61 82 1f ff'],
  ['HUFFMAN_EOS', 'the end-of-string symbol', '00 01 61 84 ff ff ff ff'],
  ['SIZE_UPDATE_PLACE', 'a size update after a field', '82 20'],
  ['SIZE_UPDATE_PLACE', 'three size updates', '20 20 20'],
  ['SIZE_UPDATE_RANGE', 'a table above SETTINGS', '3f e2 1f'],
];

for (const [rule, what, hex] of MALFORMED) {
  test(`the decoder refuses ${what}`, () => {
    const decoder = new HpackDecoder({ maxListBytes: MAX_LIST_BYTES });
    assert.throws(
      () => decode(decoder, hex),
      (error) => error instanceof HpackError && error.rule === rule,
    );
  });
}

test('a lowered table size must be confirmed by the next block', () => {
  const decoder = new HpackDecoder({ maxListBytes: MAX_LIST_BYTES });
  decoder.setTableMaxBytes(100);
  assert.throws(
    () => decode(decoder, '82'),
    (error) => error instanceof HpackError && error.rule === 'SIZE_UPDATE_MISSING',
  );
  const other = new HpackDecoder({ maxListBytes: MAX_LIST_BYTES });
  other.setTableMaxBytes(100);
  assert.deepEqual(decode(other, '3f45 82').headers, [':method', 'GET']);
});

test('a bomb of references to one large entry is cut off, and the tables stay in step', () => {
  const decoder = new HpackDecoder({ maxListBytes: 8192 });
  const big = ['x-big', 'v'.repeat(3000)];
  const encoder = new HpackEncoder({ indexing: 'always' });
  assert.deepEqual(decode(decoder, encode(encoder, big).toString('hex')).headers, big);
  const bomb = decode(decoder, 'be'.repeat(16_000));
  assert.equal(bomb.tooLarge, true);
  assert.ok(bomb.headers.length <= 4);
  assert.deepEqual(decode(decoder, 'be').headers, big);
});

test('credentials and what is marked are never indexed', () => {
  const encoder = new HpackEncoder({ indexing: 'always' });
  const list = [
    'authorization',
    'Bearer x',
    'cookie',
    'a=b',
    'set-cookie',
    'c=d',
    'x-key',
    'secret',
  ];
  const out = Buffer.alloc(encodedBound(list));
  for (let round = 0; round < 3; round += 1) {
    const length = encoder.encode(list, out, 0, new Set(['x-key']));
    const decoder = new HpackDecoder({ maxListBytes: MAX_LIST_BYTES });
    const block = decoder.decode(out, 0, length);
    assert.deepEqual(block.headers, list);
    // The credentials need no mark: everybody hides them.
    assert.deepEqual([...(block.sensitive ?? [])], ['x-key']);
    assert.equal(out.readUInt16BE(0), 0x1f08, 'authorization is a literal that is never indexed');
    assert.equal(encoder.tableBytes, 0);
  }
});

test('a character that is no byte is refused, never truncated into a line feed', () => {
  const encoder = new HpackEncoder();
  assert.throws(() => encode(encoder, ['x', 'a\u010ab']), HpackError);
  assert.throws(() => encode(encoder, ['\u010a', 'b']), HpackError);
  for (const odd of ['\u010a', '\u2028', '\u{1f600}', '\ud800'])
    for (let count = 1; count < 8; count += 1)
      for (const value of [odd.repeat(count + 12), `${'a'.repeat(30)}${odd.repeat(count)}`])
        assert.throws(() => encode(encoder, ['x', value]), HpackError, value);
});

test('after a list that could not be sent, both tables are still in step', () => {
  const encoder = new HpackEncoder({ indexing: 'always' });
  const decoder = new HpackDecoder({ maxListBytes: MAX_LIST_BYTES });
  const good = ['x-a', 'b'];
  assert.deepEqual(decode(decoder, encode(encoder, good).toString('hex')).headers, good);
  assert.throws(() => encode(encoder, ['x-c', 'd', 'x-e', '\u2028']), HpackError);
  for (const list of [good, ['x-c', 'd'], good]) {
    assert.deepEqual(decode(decoder, encode(encoder, list).toString('hex')).headers, list);
    assert.equal(decoder.tableBytes, encoder.tableBytes);
  }
});

test('a block that sets the size of the table does so every time', () => {
  const decoder = new HpackDecoder({ maxListBytes: MAX_LIST_BYTES });
  decode(decoder, '3fe11f82');
  decode(decoder, '2082');
  decode(decoder, '3fe11f82');
  decode(decoder, '4001610162');
  assert.equal(decoder.tableBytes, 34);
});

test('every string of bytes survives the Huffman code', () => {
  const random = seededRandom(1);
  const out = Buffer.alloc(4096);
  const back = Buffer.alloc(4096);
  for (let round = 0; round < 2000; round += 1) {
    const text = bytesText(random, below(random, 200));
    const length = huffmanWrite(text, out, 0);
    assert.equal(length, huffmanLength(text));
    assert.equal(back.toString('latin1', 0, huffmanRead(out, 0, length, back)), text);
  }
});

test('lists survive encoding and decoding while table sizes change', () => {
  const random = seededRandom(2);
  for (let connection = 0; connection < 60; connection += 1) {
    const indexing = below(random, 2) === 0 ? 'always' : 'repeated';
    const encoder = new HpackEncoder({ indexing });
    const decoder = new HpackDecoder({ maxListBytes: 1e6 });
    const repeated: (readonly string[])[] = [];
    for (let round = 0; round < 120; round += 1) {
      if (below(random, 10) === 0) {
        const bytes = below(random, 3) === 0 ? 0 : below(random, 4097);
        encoder.resize(bytes);
        if (below(random, 2) === 0) encoder.resize(below(random, 4097));
      }
      const old = repeated[below(random, repeated.length + 2)];
      const list = old ?? randomList(random);
      if (old === undefined) repeated.push(list);
      const out = Buffer.alloc(encodedBound(list));
      const length = encoder.encode(list, out, 0);
      assert.deepEqual(decoder.decode(out, 0, length).headers, list);
      assert.equal(decoder.tableBytes, encoder.tableBytes);
    }
  }
});

test('lists survive while the peer lowers and raises the table it allows, and secrets stay out of it', () => {
  const random = seededRandom(5);
  const secrets = ['authorization', 'cookie', 'proxy-authorization', 'set-cookie'];
  for (let connection = 0; connection < 100; connection += 1) {
    const tableBytes = below(random, 8_192);
    const indexing = below(random, 2) === 0 ? 'always' : 'repeated';
    const encoder = new HpackEncoder({ indexing, tableBytes });
    const decoder = new HpackDecoder({ maxListBytes: 1e6, tableBytes });
    for (let round = 0; round < 60; round += 1) {
      if (below(random, 6) === 0) {
        // SETTINGS and their acknowledgement, before the next block.
        const bytes = below(random, 4) === 0 ? 0 : below(random, 8_192);
        decoder.setTableMaxBytes(bytes);
        encoder.resize(bytes);
      }
      const secret = secrets[below(random, secrets.length)] as string;
      const list = [...randomList(random), secret, `s${below(random, 3)}`];
      const out = encode(encoder, list);
      const block = decoder.decode(out, 0, out.length);
      assert.deepEqual(block.headers, list);
      const next = new HpackEncoder({ indexing: 'always' });
      next.encode([secret, 'x'], Buffer.alloc(100), 0, block.sensitive);
      assert.equal(next.tableBytes, 0, `${secret} is indexed by the next hop`);
      assert.equal(decoder.tableBytes, encoder.tableBytes);
    }
  }
});

test('a repeated block is answered from the memo until the table changes', () => {
  const decoder = new HpackDecoder({ maxListBytes: MAX_LIST_BYTES });
  decode(decoder, '4001610162');
  const first = decode(decoder, 'be82');
  assert.equal(decode(decoder, 'be82'), first);
  decode(decoder, '4001630164');
  assert.deepEqual(decode(decoder, 'be82').headers, ['c', 'd', ':method', 'GET']);
  const fixed = decode(decoder, '82');
  decode(decoder, '4001650166');
  assert.equal(decode(decoder, '82'), fixed, 'a block that reads no table holds for ever');
});

function bytesText(random: Random, length: number): string {
  let text = '';
  for (let at = 0; at < length; at += 1) text += String.fromCharCode(below(random, 256));
  return text;
}

function randomList(random: Random): string[] {
  const names = [':path', 'accept', 'cookie', 'x-one', 'x-two', 'content-type', 'location'];
  const list: string[] = [];
  for (let fields = below(random, 12); fields >= 0; fields -= 1) {
    list.push(names[below(random, names.length)] ?? `x-${below(random, 400)}`);
    list.push(
      below(random, 3) === 0 ? bytesText(random, below(random, 90)) : `v${below(random, 5)}`,
    );
  }
  return list;
}
