/** Whether a connection has streams that move much content. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { H2_CODE } from '#gateway/wire/http2/frames.ts';
import { Endpoint, GET, type Stream, Talk } from '#test/fuzz/http2-kit.ts';

const LITTLE = Buffer.alloc(10_000);
const POST = GET.with(1, 'POST');

/** A client and a server that have greeted each other. */
class Ends {
  readonly client = new Endpoint({ role: 'client' });
  readonly server = new Endpoint({ role: 'server' });
  /** The streams as the server has them, in the order they came. */
  readonly served: Stream[] = [];

  constructor() {
    this.server.onStart = (stream) => this.served.push(stream);
    this.move();
  }

  /** Whether the client's end is laden, and the server's. */
  get laden(): boolean[] {
    return [this.client.connection.laden, this.server.connection.laden];
  }

  open(headers: readonly string[], end: boolean): Stream {
    const stream = this.client.connection.open(headers, end, new Talk());
    assert.ok(stream);
    this.move();
    return stream;
  }

  send(from: Endpoint, stream: Stream, end = false): void {
    assert.equal(from.connection.sendData(stream, LITTLE, 0, LITTLE.length, end), LITTLE.length);
    this.move();
  }

  move(): void {
    const { client, server } = this;
    while (client.connection.hasOutput || server.connection.hasOutput) {
      for (const bytes of client.connection.takeOutput()) server.connection.feed(bytes, 0);
      for (const bytes of server.connection.takeOutput()) client.connection.feed(bytes, 0);
    }
  }
}

test('both ends are laden once much of an answer has come, until it is whole', () => {
  const ends = new Ends();
  ends.open(GET, true);
  const [stream] = ends.served as [Stream];
  ends.server.connection.sendHeaders(stream, [':status', '200'], false);
  ends.send(ends.server, stream);
  assert.deepEqual(ends.laden, [false, false]);
  ends.send(ends.server, stream);
  assert.deepEqual(ends.laden, [true, true]);
  ends.send(ends.server, stream, true);
  assert.deepEqual(ends.laden, [false, false]);
});

test('so they are by a request, until the last that is large was broken off', () => {
  const ends = new Ends();
  const { client, server } = ends;
  const [first, other] = [ends.open(POST, false), ends.open(POST, false)];
  for (const stream of [first, first, other, other]) ends.send(client, stream);
  assert.deepEqual(ends.laden, [true, true]);
  client.connection.reset(first, H2_CODE.CANCEL);
  ends.move();
  assert.deepEqual(ends.laden, [true, true]);
  server.connection.reset(ends.served[1] as Stream, H2_CODE.CANCEL);
  ends.move();
  assert.deepEqual(ends.laden, [false, false]);
});

test('many small ones together load nobody', () => {
  const ends = new Ends();
  for (let each = 0; each < 20; each += 1) ends.send(ends.client, ends.open(POST, false));
  assert.deepEqual(ends.laden, [false, false]);
});
