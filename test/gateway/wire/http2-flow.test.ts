/**
 * Two of our connections joined by a pipe that cuts bytes anywhere: everything arrives, no window is passed.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { below, type Random, seededRandom } from '#core/random.ts';
import { FLAG, FRAME, PREFACE } from '#gateway/wire/http2/frames.ts';
import { HTTP2_LIMITS } from '#gateway/wire/http2/limits.ts';
import { Endpoint, frame, GET, headersFrame, type Stream } from '#test/fuzz/http2-kit.ts';

/** One direction of the pipe. */
class Pipe {
  readonly #from: Endpoint;
  readonly #to: Endpoint;
  #waiting: Buffer[] = [];

  constructor(from: Endpoint, to: Endpoint) {
    this.#from = from;
    this.#to = to;
  }

  /** Moves a random part of what waits; false when nothing did. */
  step(random: Random): boolean {
    if (below(random, 3) > 0 && this.#from.connection.hasOutput)
      this.#waiting.push(...this.#from.connection.takeOutput());
    const bytes = Buffer.concat(this.#waiting);
    if (bytes.length === 0) return this.#from.connection.hasOutput;
    const most = below(random, 2) === 0 ? 20 : 40_000;
    const cut = Math.min(bytes.length, 1 + below(random, most));
    // A copy that is wiped afterwards: nobody may hold on to the bytes that were fed.
    const chunk = Buffer.from(bytes.subarray(0, cut));
    this.#to.connection.feed(chunk, 0);
    chunk.fill(0xff);
    this.#waiting = [bytes.subarray(cut)];
    return true;
  }
}

function randomBody(random: Random): Buffer[] {
  const parts = below(random, 4);
  return Array.from({ length: parts }, () =>
    Buffer.alloc(below(random, 5) === 0 ? 0 : below(random, 60_000), below(random, 256)),
  );
}

const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

function windowOf(random: Random): number {
  return [1, 100, 16_384, 65_535, 300_000][below(random, 5)] as number;
}

/** A window of one byte needs an update for each: no flood here. */
const LIMITS = { ...HTTP2_LIMITS, windowUpdates: { burst: 1e9, perSecond: 0 } };

function run(seed: number): void {
  const random = seededRandom(seed);
  const client = new Endpoint({
    role: 'client',
    limits: LIMITS,
    streamWindowBytes: windowOf(random),
  });
  const server = new Endpoint({
    role: 'server',
    limits: LIMITS,
    streamWindowBytes: Math.max(100, windowOf(random)),
    connectionWindowBytes: 65_535 + below(random, 100_000),
    headerTableBytes: below(random, 5_000),
  });
  const lazy = new Map<Endpoint, { stream: Stream; bytes: number }[]>([
    [client, []],
    [server, []],
  ]);
  for (const endpoint of [client, server]) {
    endpoint.autoConsume = false;
    const { onData } = endpoint;
    endpoint.onData = (stream, bytes, from, to, end) => {
      lazy.get(endpoint)?.push({ stream, bytes: to - from });
      onData.call(endpoint, stream, bytes, from, to, end);
    };
  }
  const answers = new Map<number, Buffer>();
  server.onEnd = (stream) => {
    const body = randomBody(random);
    answers.set(stream.id, Buffer.concat(body));
    server.connection.sendHeaders(stream, [':status', '200', 'x-seed', `${seed}`], false);
    server.send(stream, body, below(random, 2) === 0 ? ['x-sum', `${seed}`] : undefined);
  };
  const requests = new Map<number, Buffer>();
  const pipes = [new Pipe(client, server), new Pipe(server, client)];
  let left = 1 + below(random, 12);
  for (let idle = 0; idle < 400; ) {
    if (left > 0 && below(random, 8) === 0 && client.connection.canOpen) {
      left -= 1;
      const body = randomBody(random);
      const headers = [...GET.with(1, 'POST'), `x-${below(random, 5)}`, `${below(random, 3)}`];
      requests.set(client.open(headers, body).id, Buffer.concat(body));
    }
    let moved = left > 0;
    for (const pipe of pipes) if (below(random, 2) === 0) moved = pipe.step(random) || moved;
    for (const [endpoint, waiting] of lazy) {
      if (waiting.length === 0 || below(random, 4) > 0) continue;
      moved = true;
      for (const { stream, bytes } of waiting.splice(0, 1 + below(random, waiting.length)))
        endpoint.connection.consumed(stream, bytes);
      if (below(random, 20) === 0)
        endpoint.connection.growWindow(undefined, 65_535 + below(random, 1e6));
    }
    idle = moved ? 0 : idle + 1;
  }
  assert.equal(client.error, undefined);
  assert.equal(server.error, undefined);
  for (const [id, body] of requests) {
    assert.equal(hash(server.talks.get(id)?.body ?? Buffer.alloc(1)), hash(body));
    const answer = client.talks.get(id);
    assert.ok(answer?.closed, `stream ${id} of seed ${seed} is stuck`);
    assert.equal(hash(answer.body), hash(answers.get(id) ?? Buffer.alloc(1)));
  }
  assert.equal(client.connection.streams + server.connection.streams, 0);
}

test('bodies arrive whole both ways through a pipe that cuts anywhere, whatever the windows', () => {
  // A peer that passes a window is refused by the other side, so no error means none was passed.
  for (let seed = 1; seed <= 20; seed += 1) run(seed);
});

test('a stream whose owner reads nothing delays no other', () => {
  const client = new Endpoint({ role: 'client' });
  const server = new Endpoint({ role: 'server', connectionWindowBytes: 1 << 20 });
  server.autoConsume = false;
  server.onEnd = (stream) => server.connection.sendHeaders(stream, [':status', '204'], true);
  const turn = () => {
    for (let round = 0; round < 20; round += 1) {
      for (const part of client.connection.takeOutput()) server.connection.feed(part, 0);
      for (const part of server.connection.takeOutput()) client.connection.feed(part, 0);
    }
  };
  turn();
  const slow = client.open(GET.with(1, 'POST'), [Buffer.alloc(1 << 20)]);
  turn();
  assert.equal(server.talks.get(slow.id)?.bytes, 65_535);
  const quick = client.open(GET.with(1, 'POST'), [Buffer.alloc(1_000)]);
  turn();
  assert.ok(client.talks.get(quick.id)?.closed);
});

/** Every window, as RFC 9113 section 6.9 has the sender count it. */
class Windows {
  connection = 65_535;
  initial = 65_535;
  frame = 16_384;
  readonly streams = new Map<number, number>();
  readonly bodies = new Map<number, Buffer[]>();

  /** What our SETTINGS change, in force for what comes after their acknowledgement. */
  readonly due: (() => void)[] = [];

  setInitial(bytes: number): void {
    for (const [id, left] of this.streams) this.streams.set(id, left + bytes - this.initial);
    this.initial = bytes;
  }

  /** Takes what was sent; fails where it passes a window or the size of a frame. */
  take(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const length = bytes.readUIntBE(at, 3);
      const id = bytes.readUInt32BE(at + 5);
      if (bytes[at + 3] === FRAME.DATA) {
        assert.ok(length <= this.frame, `a frame of ${length}`);
        const left = (this.streams.get(id) ?? 0) - length;
        this.connection -= length;
        assert.ok(length === 0 || (left >= 0 && this.connection >= 0), `stream ${id}: ${left}`);
        this.streams.set(id, left);
        this.bodies.get(id)?.push(Buffer.from(bytes.subarray(at + 9, at + 9 + length)));
      } else if (bytes[at + 3] === FRAME.SETTINGS && bytes[at + 4] === FLAG.ACK) {
        this.due.shift()?.();
      }
      at += 9 + length;
    }
  }
}

function shrinkAndGrow(seed: number): void {
  const random = seededRandom(seed);
  const limits = { ...LIMITS, settings: { burst: 1e9, perSecond: 0 } };
  const server = new Endpoint({ role: 'server', limits });
  const windows = new Windows();
  const sent = new Map<number, Buffer>();
  server.onEnd = (stream) => {
    const body = randomBody(random);
    sent.set(stream.id, Buffer.concat(body));
    server.connection.sendHeaders(stream, [':status', '200'], false);
    server.send(stream, body);
  };
  const uint32 = (value: number) => value.toString(16).padStart(8, '0');
  const feed = (bytes: Buffer) => {
    windows.take(Buffer.concat(server.connection.takeOutput()));
    server.connection.feed(bytes, 0);
    assert.equal(server.error, undefined);
  };
  const setInitial = (bytes: number) => {
    windows.due.push(() => windows.setInitial(bytes));
    feed(frame(FRAME.SETTINGS, 0, 0, `0004${uint32(bytes)}`));
  };
  const grow = (id: number, bytes: number) => {
    feed(frame(FRAME.WINDOW_UPDATE, 0, id, uint32(bytes)));
    if (id === 0) windows.connection += bytes;
    else windows.streams.set(id, (windows.streams.get(id) ?? 0) + bytes);
  };
  windows.due.push(() => undefined);
  feed(Buffer.concat([PREFACE, frame(FRAME.SETTINGS, 0, 0)]));
  for (let round = 0; round < 400; round += 1) {
    const id = 1 + 2 * below(random, Math.max(1, windows.streams.size));
    switch (below(random, 6)) {
      case 0: {
        const next = 1 + 2 * windows.streams.size;
        if (next > 40) break;
        feed(Buffer.alloc(0));
        windows.streams.set(next, windows.initial);
        windows.bodies.set(next, []);
        server.connection.feed(headersFrame(next, GET), 0);
        break;
      }
      case 1:
        setInitial([0, 1, 100, 16_384, 65_535, 200_000][below(random, 6)] as number);
        break;
      case 2: {
        const size = 16_384 + below(random, 40_000);
        windows.due.push(() => {
          windows.frame = size;
        });
        feed(frame(FRAME.SETTINGS, 0, 0, `0005${uint32(size)}`));
        break;
      }
      case 3:
        if (windows.streams.has(id)) grow(id, 1 + below(random, 50_000));
        break;
      case 4:
        grow(0, 1 + below(random, 100_000));
        break;
      default:
        feed(Buffer.alloc(0));
    }
  }
  setInitial(1 << 24);
  grow(0, 1 << 29);
  for (let round = 0; round < 200; round += 1) feed(Buffer.alloc(0));
  for (const [id, body] of sent) {
    assert.equal(hash(Buffer.concat(windows.bodies.get(id) ?? [])), hash(body), `stream ${id}`);
  }
  assert.equal(server.connection.streams, 0);
}

test('whatever SETTINGS do to windows and frames, none is passed and everything is sent', () => {
  for (let seed = 1; seed <= 30; seed += 1) shrinkAndGrow(seed);
});
