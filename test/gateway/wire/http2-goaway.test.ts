/** What saying goodbye again and again costs the other side. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TUNNEL_LIMITS } from '#gateway/tunnel/limits.ts';
import { FRAME, H2_CODE, MAX_31, writeUint32 } from '#gateway/wire/http2/frames.ts';
import { StreamTable } from '#gateway/wire/http2/streams.ts';
import { Endpoint, frame, GET, Talk } from '#test/fuzz/http2-kit.ts';

const STREAMS = 4_096;
const FRAMES = 1_000;

/** A client and a server with many streams open. */
function ends() {
  const client = new Endpoint({ role: 'client', limits: TUNNEL_LIMITS });
  const server = new Endpoint({ role: 'server', limits: TUNNEL_LIMITS });
  const move = () => {
    while (client.connection.hasOutput || server.connection.hasOutput) {
      for (const bytes of client.connection.takeOutput()) server.connection.feed(bytes, 0);
      for (const bytes of server.connection.takeOutput()) client.connection.feed(bytes, 0);
    }
  };
  move();
  for (let each = 0; each < STREAMS; each += 1) {
    assert.ok(client.connection.open(GET, true, new Talk()));
    if (each % 100 === 0) move();
  }
  move();
  return { client, server };
}

function goodbyes(lastIdOf: (at: number) => number): Buffer {
  return Buffer.concat(
    Array.from({ length: FRAMES }, (_, at) => {
      const payload = Buffer.alloc(8);
      writeUint32(payload, writeUint32(payload, 0, lastIdOf(at)), H2_CODE.NO_ERROR);
      return frame(FRAME.GOAWAY, 0, 0, payload);
    }),
  );
}

for (const role of ['client', 'server'] as const) {
  test(`a ${role} that hears the same goodbye a thousand times looks at its streams once at most`, (t) => {
    const { connection } = ends()[role];
    const values = t.mock.method(StreamTable.prototype, 'values');
    const bytes = goodbyes(() => 2 * STREAMS - 1);
    assert.equal(connection.feed(bytes, 0), bytes.length);
    assert.ok(values.mock.callCount() <= 1, `${values.mock.callCount()} times`);
    assert.equal(connection.streams, STREAMS);
  });
}

test('goodbyes that each leave fewer streams are read a few in a turn', () => {
  const { client } = ends();
  const bytes = goodbyes((at) => MAX_31 - 2 * (at + 1));
  const read = client.connection.feed(bytes, 0, 0, bytes.length, FRAMES);
  assert.ok(read < bytes.length / 50, `${(read * FRAMES) / bytes.length} of ${FRAMES}`);
});
