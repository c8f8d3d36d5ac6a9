/**
 * HTTP/2 connections against the error codes of RFC 9113 and against the attacks of the last years.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TUNNEL_LIMITS } from '#gateway/tunnel/limits.ts';
import { FLAG, FRAME, H2_CODE, PREFACE, readUint32 } from '#gateway/wire/http2/frames.ts';
import { HTTP2_LIMITS, type Http2Limits } from '#gateway/wire/http2/limits.ts';
import { ENDED_AT_ONCE } from '#gateway/wire/http2/session.ts';
import { block, COUNTED_LIMITS, Endpoint, frame, GET, headersFrame } from '#test/fuzz/http2-kit.ts';
import {
  ATTACKS,
  CONNECTION_ERRORS,
  OPEN,
  POST,
  repeat,
  SETTINGS,
  SETTINGS_ACK,
  STREAM_ERRORS,
} from './http2-corpus.ts';

const { PROTOCOL_ERROR, FLOW_CONTROL_ERROR, ENHANCE_YOUR_CALM, REFUSED_STREAM } = H2_CODE;

interface SentFrame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

function framesOf(endpoint: Endpoint): SentFrame[] {
  const bytes = Buffer.concat(endpoint.connection.takeOutput());
  const frames: SentFrame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUIntBE(at, 3);
    frames.push({
      type: bytes[at + 3] ?? 0,
      flags: bytes[at + 4] ?? 0,
      id: readUint32(bytes, at + 5),
      payload: bytes.subarray(at + 9, at + 9 + length),
    });
    at += 9 + length;
  }
  return frames;
}

/** A server that has exchanged SETTINGS. */
function server(options: { connectProtocol?: boolean; limits?: Http2Limits } = {}): Endpoint {
  const endpoint = new Endpoint({ role: 'server', ...options });
  endpoint.connection.feed(Buffer.concat([PREFACE, SETTINGS, SETTINGS_ACK]), 0);
  framesOf(endpoint);
  return endpoint;
}

/** A client that has exchanged SETTINGS and opened stream 1. */
function client(headers: readonly string[] = GET): Endpoint {
  const endpoint = new Endpoint({ role: 'client' });
  endpoint.connection.feed(Buffer.concat([SETTINGS, SETTINGS_ACK]), 0);
  endpoint.open(headers, []);
  framesOf(endpoint);
  return endpoint;
}

for (const [what, rule, code, frames] of CONNECTION_ERRORS) {
  test(`${what} ends the connection: ${rule}`, () => {
    const endpoint = server({ limits: COUNTED_LIMITS });
    endpoint.autoConsume = false;
    endpoint.connection.feed(Buffer.concat(frames), 0);
    assert.equal(endpoint.error?.rule, rule);
    const last = framesOf(endpoint).at(-1);
    assert.equal(last?.type, FRAME.GOAWAY);
    assert.equal(readUint32(last.payload, 4), code);
    assert.ok(endpoint.connection.ended);
    endpoint.connection.feed(frame(FRAME.PING, 0, 0, '0000000000000000'), 0);
    assert.equal(endpoint.connection.hasOutput, false, 'nothing is read after the end');
  });
}

for (const [what, code, frames] of STREAM_ERRORS) {
  test(`${what} ends the stream`, () => {
    const endpoint = server();
    endpoint.connection.feed(Buffer.concat(frames), 0);
    const sent = framesOf(endpoint).filter((each) => each.type === FRAME.RST_STREAM);
    assert.deepEqual(
      sent.map((each) => [each.id, readUint32(each.payload, 0)]),
      [[1, code]],
    );
    endpoint.connection.feed(headersFrame(9, GET), 0);
    assert.deepEqual(endpoint.talks.get(9)?.headers, GET);
    assert.equal(endpoint.error, undefined);
  });
}

test('a stream may not send more than its window', () => {
  const endpoint = server();
  endpoint.autoConsume = false;
  endpoint.connection.growWindow(undefined, 1 << 20);
  framesOf(endpoint);
  const data = frame(FRAME.DATA, 0, 1, Buffer.alloc(16_384));
  endpoint.connection.feed(Buffer.concat([OPEN, data, data, data, data]), 0);
  assert.equal(endpoint.talks.get(1)?.resetCode, FLOW_CONTROL_ERROR);
  assert.equal(endpoint.error, undefined);
});

test('less of the window of a connection is kept open for a while, and then all of it again', () => {
  const endpoint = server();
  endpoint.connection.growWindow(undefined, 500_000);
  framesOf(endpoint);
  endpoint.connection.feed(OPEN, 0);
  const data = frame(FRAME.DATA, 0, 1, Buffer.alloc(16_384));
  let open = 500_000;
  /** So many frames come; what is open then. */
  const after = (frames: number) => {
    for (let left = frames; left > 0; left -= 1) {
      endpoint.connection.feed(data, 0);
      open -= 16_384;
      for (const { type, id, payload } of framesOf(endpoint))
        if (type === FRAME.WINDOW_UPDATE && id === 0) open += readUint32(payload, 0);
    }
    return open;
  };
  endpoint.connection.keepOpen(100_000);
  const narrow = after(40);
  assert.ok(narrow > 16_384 && narrow <= 100_000, `${narrow} bytes open`);
  endpoint.connection.keepOpen(Number.POSITIVE_INFINITY);
  const wide = after(20);
  assert.ok(wide >= 250_000 && wide <= 500_000, `${wide} bytes open`);
  assert.equal(endpoint.error, undefined);
});

test('the streams of a connection that ends are told some at once, and the others when they are asked for', () => {
  const endpoint = new Endpoint({ role: 'client' });
  endpoint.connection.feed(Buffer.concat([SETTINGS, SETTINGS_ACK]), 0);
  const streams = Array.from({ length: 2 * ENDED_AT_ONCE + 10 }, () => endpoint.open(GET, []));
  const untold = () =>
    streams.filter(({ id }) => endpoint.talks.get(id)?.resetCode !== H2_CODE.CANCEL);
  endpoint.connection.end(H2_CODE.CANCEL);
  assert.equal(untold().length, ENDED_AT_ONCE + 10);
  const [early] = untold();
  assert.ok(early !== undefined);
  endpoint.connection.reset(early, H2_CODE.CANCEL);
  assert.ok(endpoint.connection.ending);
  endpoint.connection.endMore();
  endpoint.connection.endMore();
  assert.equal(endpoint.connection.ending, false);
  assert.deepEqual(untold(), [early], 'who gave up hears nothing more');
});

test('the streams that a goodbye refuses are told some at once, and the others when they are asked for', () => {
  const endpoint = new Endpoint({ role: 'client' });
  endpoint.connection.feed(Buffer.concat([SETTINGS, SETTINGS_ACK]), 0);
  const streams = Array.from({ length: 2 * ENDED_AT_ONCE + 10 }, () => endpoint.open(GET, []));
  const [served] = streams;
  assert.ok(served !== undefined);
  const refused = () =>
    streams.filter(({ id }) => endpoint.talks.get(id)?.resetCode === H2_CODE.REFUSED_STREAM);
  const goodbye = frame(FRAME.GOAWAY, 0, 0, `0000000${served.id.toString(16)}00000000`);
  endpoint.connection.feed(goodbye, 0);
  assert.equal(refused().length, ENDED_AT_ONCE);
  assert.ok(endpoint.connection.ending);
  endpoint.connection.endMore();
  endpoint.connection.endMore();
  assert.equal(endpoint.connection.ending, false);
  assert.deepEqual(refused(), streams.slice(1), 'all but the one that is served');
});

const RESPONSE_ERRORS: readonly (readonly [string, Buffer[]])[] = [
  ['no :status', [headersFrame(1, ['a', 'b'])]],
  [':status of two digits', [headersFrame(1, [':status', '20'])]],
  [':status 101', [headersFrame(1, [':status', '101'], false)]],
  ['a request for an answer', [headersFrame(1, GET)]],
  ['an interim answer that ends the stream', [headersFrame(1, [':status', '103'])]],
  ['DATA before the answer', [frame(FRAME.DATA, 0, 1, 'aa')]],
  ['data of a 204', [headersFrame(1, [':status', '204'], false), frame(FRAME.DATA, 1, 1, 'aa')]],
];

for (const [what, frames] of RESPONSE_ERRORS) {
  test(`a client refuses ${what}`, () => {
    const endpoint = client();
    endpoint.connection.feed(Buffer.concat(frames), 0);
    assert.equal(endpoint.talks.get(1)?.resetCode, PROTOCOL_ERROR);
    assert.equal(endpoint.error, undefined);
  });
}

test('a client refuses a stream opened by the server, pushed or not', () => {
  const pushed = client();
  pushed.connection.feed(frame(FRAME.PUSH_PROMISE, FLAG.END_HEADERS, 1, '0000000282'), 0);
  assert.equal(pushed.error?.rule, 'PUSH');
  const opened = client();
  opened.connection.feed(headersFrame(2, [':status', '200']), 0);
  assert.equal(opened.error?.rule, 'STREAM_ID');
});

test('the answer to HEAD may announce a length', () => {
  const endpoint = client(GET.with(1, 'HEAD'));
  endpoint.connection.feed(headersFrame(1, [':status', '200', 'content-length', '5']), 0);
  assert.equal(endpoint.talks.get(1)?.closed, true);
});

test('extended CONNECT passes where it is served', () => {
  const endpoint = server({ connectProtocol: true });
  const request = [...GET.with(1, 'CONNECT'), ':protocol', 'websocket'];
  endpoint.connection.feed(headersFrame(1, request, false), 0);
  assert.deepEqual(endpoint.talks.get(1)?.headers, request);
});

test('a wrong preface ends the connection, byte by byte', () => {
  const endpoint = new Endpoint({ role: 'server' });
  for (const byte of Buffer.from('PRI * HTTP/1.1\r\n'))
    endpoint.connection.feed(Buffer.of(byte), 0);
  assert.equal(endpoint.error?.rule, 'PREFACE');
  const other = new Endpoint({ role: 'server' });
  other.connection.feed(Buffer.concat([PREFACE, headersFrame(1, GET)]), 0);
  assert.equal(other.error?.rule, 'PREFACE');
});

for (const [what, rule, bytes] of ATTACKS) {
  test(`a flood of ${what} ends the connection: ${rule}`, () => {
    const endpoint = server();
    endpoint.connection.feed(bytes, 0);
    assert.equal(endpoint.error?.rule, rule);
    assert.equal(endpoint.error?.code, 'OVERLOADED');
    assert.equal(
      readUint32(framesOf(endpoint).at(-1)?.payload ?? Buffer.alloc(8), 4),
      ENHANCE_YOUR_CALM,
    );
  });
}

test('an answer to a PING that nobody sent is passed over, as h2spec wants it', () => {
  const endpoint = server();
  endpoint.connection.feed(
    Buffer.concat([
      frame(FRAME.PING, FLAG.ACK, 0, '696e76616c696400'),
      frame(FRAME.PING, 0, 0, '6832737065630000'),
    ]),
    0,
  );
  assert.deepEqual(
    framesOf(endpoint).map(({ type, flags, payload }) => [type, flags, payload.toString('hex')]),
    [[FRAME.PING, FLAG.ACK, '6832737065630000']],
  );
  assert.equal(endpoint.error, undefined);
});

test('a client may measure the path with a PING for each answer, as gRPC does', () => {
  const endpoint = server();
  endpoint.onEnd = (stream) => {
    endpoint.connection.sendHeaders(stream, [':status', '200'], false);
    endpoint.connection.sendData(stream, Buffer.from('answer'), 0, 6, true);
  };
  for (let at = 0; at < 2_000; at += 1) {
    endpoint.connection.feed(headersFrame(2 * at + 1, GET), at);
    endpoint.connection.feed(frame(FRAME.PING, 0, 0, '0000000000000000'), at);
    endpoint.connection.takeOutput();
  }
  assert.equal(endpoint.error, undefined);
});

test('a server may measure the path with a PING for each request, as gRPC does', () => {
  const endpoint = new Endpoint({ role: 'client' });
  endpoint.connection.feed(Buffer.concat([SETTINGS, SETTINGS_ACK]), 0);
  for (let at = 0; at < 2_000; at += 1) {
    const { id } = endpoint.open(POST, [Buffer.from('question')]);
    endpoint.connection.feed(frame(FRAME.PING, 0, 0, '0000000000000000'), at);
    endpoint.connection.feed(headersFrame(id, [':status', '200']), at);
    endpoint.connection.takeOutput();
  }
  assert.equal(endpoint.error, undefined);
});

test('a client whose requests all run out of time is no flood, however many they are', () => {
  const endpoint = server();
  let before: Buffer[] = [];
  for (let second = 0; second < 60; second += 1) {
    const ids = Array.from({ length: 240 }, (_, at) => 2 * (second * 240 + at) + 1);
    const asked = ids.map((id) => headersFrame(id, GET));
    endpoint.connection.feed(Buffer.concat([...before, ...asked]), second * 1_200);
    before = ids.map((id) => frame(FRAME.RST_STREAM, 0, id, '00000008'));
    endpoint.connection.takeOutput();
  }
  assert.equal(endpoint.error, undefined);
});

test('the same frames at an honest pace pass', () => {
  const endpoint = server();
  for (let second = 0; second < 3_000; second += 1) {
    const id = 2 * second + 1;
    const nowMs = second * 1_000;
    endpoint.connection.feed(
      Buffer.concat([headersFrame(id, GET), frame(FRAME.RST_STREAM, 0, id, '00000008')]),
      nowMs,
    );
    endpoint.connection.feed(frame(FRAME.PING, 0, 0, '0000000000000000'), nowMs);
    endpoint.connection.feed(SETTINGS, nowMs);
    endpoint.connection.takeOutput();
  }
  assert.equal(endpoint.error, undefined);
});

test('who resets less than half of its streams is never limited', () => {
  const endpoint = server();
  endpoint.onEnd = (stream) => endpoint.connection.sendHeaders(stream, [':status', '200'], true);
  for (let at = 0; at < 10_000; at += 1) {
    const id = 4 * at + 1;
    endpoint.connection.feed(headersFrame(id, GET), 0);
    const reset = frame(FRAME.RST_STREAM, 0, id + 2, '00000008');
    endpoint.connection.feed(Buffer.concat([headersFrame(id + 2, POST, false), reset]), 0);
    endpoint.connection.takeOutput();
  }
  assert.equal(endpoint.error, undefined);
});

test('a peer that asks and does not read is cut off at the bound of the output', () => {
  const limits = { ...HTTP2_LIMITS, pings: { burst: 1e9, perSecond: 0 } };
  const endpoint = new Endpoint({ role: 'server', limits });
  endpoint.connection.feed(Buffer.concat([PREFACE, SETTINGS]), 0);
  const pings = repeat(1_000, () => frame(FRAME.PING, 0, 0, '0000000000000000'));
  for (let round = 0; round < 100 && endpoint.error === undefined; round += 1)
    endpoint.connection.feed(pings, 0);
  assert.equal(endpoint.error?.rule, 'OUTPUT_QUEUE');
  const bytes = Buffer.concat(endpoint.connection.takeOutput()).length;
  assert.ok(bytes < limits.outputControlBytes + 20_000, `${bytes}`);
});

test('a tunnel outlives that its link takes nothing for a moment, either way', () => {
  const far = server({ limits: TUNNEL_LIMITS });
  const near = new Endpoint({ role: 'client', limits: TUNNEL_LIMITS });
  near.connection.feed(Buffer.concat([SETTINGS, SETTINGS_ACK]), 0);
  const tokens = Array.from({ length: 3_000 }, (_, at) => `${at} `.padEnd(600, 'x'));
  far.onEnd = (stream) => {
    const token = tokens[(stream.id - 1) / 2] ?? '';
    far.connection.sendHeaders(stream, [':status', '200', 'set-cookie', token], true);
  };
  for (const [at, token] of tokens.entries()) {
    near.open([...GET, 'cookie', token], []);
    far.connection.feed(headersFrame(2 * at + 1, GET), 0);
  }
  near.connection.feed(frame(FRAME.WINDOW_UPDATE, 0, 0, '00000001'), 0);
  assert.deepEqual([near.error, far.error], [undefined, undefined]);
});

test('a list above the bound is reported, not kept', () => {
  const endpoint = server();
  const bomb = Buffer.concat([block(GET), block(['x', 'v'.repeat(3_000)])]);
  const indexed = Buffer.concat([
    bomb,
    Buffer.from('40017803', 'hex'),
    Buffer.from('aaa'),
    Buffer.alloc(8_000, 0xbe),
  ]);
  endpoint.connection.feed(frame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, 1, indexed), 0);
  assert.deepEqual(endpoint.tooLarge, [1]);
  assert.equal(endpoint.error, undefined);
});

test('streams that wait for window, or get it by the spoonful, are reported', () => {
  const endpoint = server();
  endpoint.onEnd = (stream) => {
    endpoint.connection.sendHeaders(stream, [':status', '200'], false);
    endpoint.send(stream, [Buffer.alloc(100_000)]);
  };
  endpoint.connection.feed(headersFrame(1, GET), 0);
  for (let second = 0; second < 9; second += 1) {
    endpoint.connection.sweep(second * 1_000);
    endpoint.connection.feed(frame(FRAME.WINDOW_UPDATE, 0, 1, '00000001'), second * 1_000);
    endpoint.connection.feed(frame(FRAME.WINDOW_UPDATE, 0, 0, '00000001'), second * 1_000);
  }
  assert.deepEqual(endpoint.stalls, []);
  endpoint.connection.sweep(HTTP2_LIMITS.stallMs);
  assert.deepEqual(endpoint.stalls, [1]);
});

test('goodbye comes in two steps, and what it cut off is known to be unseen', () => {
  const ours = server();
  ours.connection.feed(headersFrame(1, POST, false), 0);
  ours.connection.announceLeaving();
  ours.connection.feed(headersFrame(3, GET), 0);
  ours.connection.drain();
  ours.connection.feed(headersFrame(5, GET), 0);
  const sent = framesOf(ours);
  const goaways = sent.filter((each) => each.type === FRAME.GOAWAY);
  assert.deepEqual(
    goaways.map((each) => readUint32(each.payload, 0)),
    [0x7fff_ffff, 3],
  );
  const resets = sent.filter((each) => each.type === FRAME.RST_STREAM);
  assert.deepEqual(
    resets.map((each) => [each.id, readUint32(each.payload, 0)]),
    [[5, REFUSED_STREAM]],
  );
  assert.equal(ours.connection.streams, 2);

  const theirs = client();
  theirs.open(GET, []);
  theirs.connection.feed(frame(FRAME.GOAWAY, 0, 0, '0000000100000000'), 0);
  assert.equal(theirs.talks.get(3)?.resetCode, REFUSED_STREAM);
  assert.equal(theirs.talks.get(1)?.resetCode, -1);
  assert.deepEqual(theirs.goaway, { lastId: 1, code: 0 });
  assert.equal(theirs.connection.canOpen, false);
});

test('ids near their end are reported once, and no stream is opened beyond the peer’s limit', () => {
  const limits = { ...HTTP2_LIMITS, renewAtStreamId: 3 };
  const endpoint = new Endpoint({ role: 'client', limits });
  endpoint.connection.feed(frame(FRAME.SETTINGS, 0, 0, '000300000003'), 0);
  for (const renewals of [0, 1, 1]) {
    endpoint.open(GET, []);
    assert.equal(endpoint.renewals, renewals);
  }
  assert.equal(endpoint.connection.canOpen, false);
});
