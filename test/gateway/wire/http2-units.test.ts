/** How much of a connection is read for so many units: what little costs much, and content by its length. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FRAME, FRAME_HEADER_BYTES, PREFACE } from '#gateway/wire/http2/frames.ts';
import { Endpoint, frame, GET, headersFrame } from '#test/fuzz/http2-kit.ts';

const STREAMS = [1, 3, 5, 7];

/** How many DATA frames of `size` bytes are read for `units`, if one of `ids` follows the other. */
function readFor(units: number, size: number, ids: readonly number[]): number {
  const windows = { streamWindowBytes: 4_000_000, connectionWindowBytes: 4_000_000 };
  const { connection } = new Endpoint({ role: 'server', ...windows });
  const settings = [frame(FRAME.SETTINGS, 0, 0), frame(FRAME.SETTINGS, 1, 0)];
  const post = GET.with(1, 'POST');
  const opening = [PREFACE, ...settings, ...STREAMS.map((id) => headersFrame(id, post, false))];
  connection.feed(Buffer.concat(opening), 0);
  const data = Array.from({ length: 200 }, (_, at) =>
    frame(FRAME.DATA, 0, ids[at % ids.length] ?? 0, Buffer.alloc(size)),
  );
  const read = connection.feed(Buffer.concat(data), 0, 0, undefined, units);
  assert.equal(read % (size + FRAME_HEADER_BYTES), 0);
  return read / (size + FRAME_HEADER_BYTES);
}

test('content of one stream after the other costs a write each, of one stream a frame', () => {
  assert.equal(readFor(80, 1, STREAMS), 10);
  assert.equal(readFor(80, 1, [7]), 80);
});

test('content costs by its length, however large its frames are', () => {
  const bytes = [512, 4_096, 16_384].map((size) => size * readFor(330, size, [7]));
  for (const each of bytes) assert.ok(each >= 80_000 && each <= 180_000, `${each} bytes`);
});
