/** Between gateways no more DATA frames are under way than are read at once, however small they are. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  FRAMES_AHEAD_MAX,
  FRAMES_PER_PING,
  FramesAhead,
} from '#gateway/wire/http2/frames-ahead.ts';
import { Endpoint, type Stream } from '#test/fuzz/http2-kit.ts';

const REQUEST = [':method', 'POST', ':scheme', 'http', ':path', '/', ':authority', 'a'];
const ONE = Buffer.from('x');

/** A side that sends a byte at a time on many streams in turn, and one that reads. */
function scene(countsFrames: boolean) {
  const client = new Endpoint({ role: 'client', countsFrames });
  const server = new Endpoint({ role: 'server' });
  const carry = (from: Endpoint, to: Endpoint) => {
    const bytes = Buffer.concat(from.connection.takeOutput());
    if (bytes.length > 0) to.connection.feed(bytes, 0);
  };
  carry(client, server);
  carry(server, client);
  const streams = Array.from({ length: 50 }, () => {
    const stream = client.connection.open(REQUEST, false, { queue: [], queueAt: 0 } as never);
    if (stream === undefined) throw new Error('cannot open');
    return stream;
  });
  /** Bytes that were taken of `most`. */
  const send = (most: number): number => {
    let sent = 0;
    for (let at = 0; at < most; at += 1) {
      const stream = streams[at % streams.length] as Stream;
      if (stream.waiting) continue;
      sent += client.connection.sendData(stream, ONE, 0, 1, false);
    }
    return sent;
  };
  return { client, server, carry, send };
}

test('frames of a byte go no farther ahead than they are read', () => {
  const { client, server, carry, send } = scene(true);
  client.onWindow = () => undefined;
  assert.equal(send(10 * FRAMES_AHEAD_MAX), FRAMES_AHEAD_MAX);
  carry(client, server);
  carry(server, client);
  assert.equal(send(10 * FRAMES_AHEAD_MAX), FRAMES_AHEAD_MAX);
});

test('whoever reads them takes the PINGs of a hundred thousand for no flood', () => {
  const { client, server, carry, send } = scene(true);
  client.onWindow = () => undefined;
  let sent = 0;
  while (sent < 100_000) {
    const more = send(FRAMES_AHEAD_MAX);
    assert.ok(more > 0, `stands still after ${sent}`);
    sent += more;
    carry(client, server);
    carry(server, client);
  }
  assert.equal(server.error, undefined);
  assert.equal(client.error, undefined);
});

test('a client is asked for nothing', () => {
  const { send } = scene(false);
  assert.equal(send(10 * FRAMES_AHEAD_MAX), 10 * FRAMES_AHEAD_MAX);
});

test('a long path has room for what is under way on it, and counts pass the end of a word', () => {
  const ahead = new FramesAhead(true);
  ahead.stretch(80);
  for (let at = 0; at < 15_000; at += 1) ahead.sent();
  assert.equal(ahead.full, false);
  const short = new FramesAhead(true);
  short.answered(0xffff_ff00);
  assert.equal(short.full, false);
  let mark: number | undefined;
  for (let at = 0; at < FRAMES_PER_PING && mark === undefined; at += 1) mark = short.sent();
  assert.equal(mark, FRAMES_PER_PING);
});
