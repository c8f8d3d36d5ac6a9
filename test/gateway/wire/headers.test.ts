/**
 * What decoding says of a block against what its list says: the short way to a verdict may only be shorter.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { below, type Random, seededRandom } from '#core/random.ts';
import { HeaderBlock } from '#gateway/wire/hpack/block.ts';
import { HpackDecoder } from '#gateway/wire/hpack/decoder.ts';
import { encodedBound, HpackEncoder } from '#gateway/wire/hpack/encoder.ts';
import { judge, MESSAGE } from '#gateway/wire/http2/headers.ts';

const NAMES = [
  ...[':method', ':scheme', ':path', ':authority', ':protocol', ':status', ':odd', 'host'],
  ...['content-length', 'te', 'connection', 'upgrade', 'cookie', 'x-one', 'x two', 'X-Three', ''],
];
const VALUES = [
  ...[
    'GET',
    'HEAD',
    'CONNECT',
    'OPTIONS',
    'http',
    'https',
    '/',
    '*',
    '/a b',
    '/a#b',
    '/\xe9',
    'shop',
  ],
  ...['shop:80', 'Shop', 'user@shop', '200', '101', '099', '20', '2000', '64', '064', '-1', '1e3'],
  ...['1234567890123456', 'trailers', 'Trailers', 'gzip', '', ' a', 'a\t', 'a\tb', 'a\x7f', 'a\nb'],
];
const REQUEST = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'shop'];

test('a block is judged as its list is, whatever it holds and however it came', () => {
  const random = seededRandom(11);
  let sound = 0;
  for (let connection = 0; connection < 200; connection += 1) {
    const indexing = below(random, 2) === 0 ? 'always' : 'repeated';
    const encoder = new HpackEncoder({ indexing });
    const decoder = new HpackDecoder({ maxListBytes: 65_536 });
    for (let round = 0; round < 100; round += 1) {
      const list = someList(random);
      const out = Buffer.alloc(encodedBound(list));
      const kind = [MESSAGE.REQUEST, MESSAGE.RESPONSE, MESSAGE.TRAILERS][below(random, 3)] ?? 1;
      const block = decoder.decode(out, 0, encoder.encode(list, out, 0));
      // A fresh one, for a block out of the memo may have been judged as something else.
      const fresh = new HeaderBlock(list, undefined, false);
      const rule = judge(fresh, kind);
      const seen = `${kind} ${JSON.stringify(list)}`;
      const before = block.verdict;
      assert.equal(judge(block, kind), rule, seen);
      if (rule !== undefined) continue;
      sound += 1;
      assert.equal(block.verdict, before | fresh.verdict, seen);
      assert.deepEqual(facts(block, kind), facts(fresh, kind), seen);
    }
  }
  assert.ok(sound > 1_000, `${sound} messages`);
});

function someList(random: Random): string[] {
  const list = below(random, 4) === 0 ? [] : [...REQUEST];
  if (list.length === 0 && below(random, 2) === 0) list.push(':status', '200');
  for (let fields = below(random, 5); fields > 0; fields -= 1)
    list.push(NAMES[below(random, NAMES.length)] ?? '', VALUES[below(random, VALUES.length)] ?? '');
  if (below(random, 3) === 0 && list.length > 1)
    list[1 + 2 * below(random, list.length / 2)] = VALUES[below(random, VALUES.length)] ?? '';
  return list;
}

function facts(block: HeaderBlock, kind: number): unknown[] {
  const { contentLength, seen, status, fieldsAt, method, path, authority, protocol } = block;
  const fields = [contentLength, seen, fieldsAt];
  if (kind === MESSAGE.RESPONSE) return [...fields, status];
  if (kind === MESSAGE.TRAILERS) return fields;
  return [...fields, method, path, authority, protocol];
}
