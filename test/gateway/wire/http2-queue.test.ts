/** Who sends when a connection is full: a small answer never stands behind large ones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Http2Connection } from '#gateway/wire/http2/connection.ts';
import { DEFAULT_FRAME_BYTES } from '#gateway/wire/http2/frames.ts';
import { LINE_STREAMS, QUICK_BYTES } from '#gateway/wire/http2/send-queue.ts';
import type { Http2Sink, Http2Stream } from '#gateway/wire/http2/stream.ts';

const LARGE_BYTES = 1_000_000;
const LARGE = 100;
const ROOM = 65_535;
const ANSWER = Buffer.alloc(LARGE_BYTES);

type Stream = Http2Stream<{ left: number }>;

/** The side that answers: what its streams have sent, in order. */
class Answers {
  readonly sent: { id: number; bytes: number }[] = [];
  /** Those told that they may bring more, in order. */
  readonly called: number[] = [];
  readonly streams = new Map<number, Stream>();
  readonly connection: Http2Connection<{ left: number }>;

  constructor() {
    const sink = {
      onWindow: (stream: Stream) => this.pump(stream),
      onSettings: () => undefined,
      onReset: () => undefined,
    };
    this.connection = new Http2Connection({
      role: 'client',
      sink: sink as unknown as Http2Sink<{ left: number }>,
    });
    this.connection.takeOutput();
  }

  /** A stream with `bytes` to send. */
  begin(bytes: number): Stream {
    const request = [':method', 'POST', ':scheme', 'http', ':path', '/', ':authority', 'a'];
    const stream = this.connection.open(request, false, { left: bytes });
    if (stream === undefined) throw new Error('cannot open');
    // The connection's window alone is what holds anything back here.
    stream.sendWindow = LARGE_BYTES;
    this.streams.set(stream.id, stream);
    this.pump(stream);
    return stream;
  }

  pump(stream: Stream): void {
    const owner = stream.owner as { left: number };
    if (owner.left === 0) {
      this.called.push(stream.id);
      return;
    }
    const bytes = this.connection.sendData(stream, ANSWER, 0, owner.left, true);
    owner.left -= bytes;
    if (bytes > 0) this.sent.push({ id: stream.id, bytes });
  }

  /** The peer lets so many bytes more come, on the connection. */
  open(bytes: number, nowMs = 0): void {
    const update = Buffer.from([0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    update.writeUInt32BE(bytes, 9);
    this.connection.feed(update, nowMs);
    this.connection.takeOutput();
  }
}

/** With a hundred streams that send as much as they are let, and the windows used up. */
function crowded(): Answers {
  const answers = new Answers();
  answers.connection.feed(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]), 0);
  for (let each = 0; each < LARGE; each += 1) answers.begin(LARGE_BYTES);
  // All of them have had a turn.
  for (let each = 0; each < 2 * LARGE; each += 1) answers.open(ROOM);
  answers.sent.length = 0;
  return answers;
}

test('a small answer goes as soon as there is room, before a hundred large ones have another frame', () => {
  const answers = crowded();
  const small = answers.begin(1_000);
  answers.open(ROOM);
  const before = answers.sent.findIndex(({ id }) => id === small.id);
  assert.ok(before >= 0 && before <= 1, `${before} went before it`);
  assert.equal(small.localClosed, true);
});

test('those that send much get on, however many small answers come', () => {
  const answers = crowded();
  for (let each = 0; each < 100; each += 1) answers.begin(QUICK_BYTES);
  const small = new Set([...answers.streams.keys()].slice(LARGE));
  answers.open(ROOM);
  assert.ok(answers.sent.some(({ id, bytes }) => !small.has(id) && bytes === DEFAULT_FRAME_BYTES));
});

test('nobody is ahead of the others for more than a little a second', () => {
  const answers = crowded();
  const greedy = answers.begin(LARGE_BYTES);
  for (let each = 0; each < LARGE / 8; each += 1) answers.open(ROOM);
  const own = answers.sent.filter(({ id }) => id === greedy.id);
  const bytes = own.reduce((sum, each) => sum + each.bytes, 0);
  assert.ok(bytes <= QUICK_BYTES + DEFAULT_FRAME_BYTES, `${bytes} bytes`);
});

test('who could only bring what stands in line is told when it would not, in the order they asked', () => {
  const alone = new Answers();
  assert.equal(alone.connection.crowded(alone.begin(0)), false, 'there is a place in line');
  const answers = crowded();
  const { connection, called } = answers;
  const behind = Array.from({ length: 3 * LINE_STREAMS }, () => answers.begin(0));
  called.length = 0;
  for (const each of behind) assert.equal(connection.crowded(each), true);
  const [gone, ...others] = behind;
  connection.reset(gone as Stream, 0);
  connection.callNext();
  assert.deepEqual(called, [], 'the line is as long as before');
  while (!connection.hasNext) answers.open(ROOM);
  connection.callNext();
  assert.ok(called.length > 0 && called.length <= LINE_STREAMS, `${called.length} at once`);
  for (let each = 0; each < 10 * LARGE; each += 1) {
    answers.open(ROOM);
    connection.callNext();
  }
  assert.deepEqual(
    called,
    others.map(({ id }) => id),
  );
});
