/**
 * HTTP/2 connections against the error codes of RFC 9113 and against the attacks of the last years.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { H2Rule } from '#gateway/wire/http2/error.ts';
import { FLAG, FRAME, H2_CODE, PREFACE, readUint32 } from '#gateway/wire/http2/frames.ts';
import { HTTP2_LIMITS, type Http2Limits } from '#gateway/wire/http2/limits.ts';
import { block, Endpoint, frame, GET, headersFrame } from '../../fuzz/http2-kit.ts';

const SETTINGS = frame(FRAME.SETTINGS, 0, 0);
const SETTINGS_ACK = frame(FRAME.SETTINGS, FLAG.ACK, 0);
const POST = GET.with(1, 'POST');
const { PROTOCOL_ERROR, FRAME_SIZE_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED } = H2_CODE;
const { COMPRESSION_ERROR, ENHANCE_YOUR_CALM, REFUSED_STREAM } = H2_CODE;

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

const OPEN = headersFrame(1, POST, false);

/** What ends the whole connection: rule, code, frames after SETTINGS. */
const CONNECTION_ERRORS: readonly (readonly [string, H2Rule, number, Buffer[]])[] = [
  [
    'a frame above SETTINGS_MAX_FRAME_SIZE',
    'FRAME_SIZE',
    FRAME_SIZE_ERROR,
    [frame(FRAME.DATA, 0, 1, Buffer.alloc(16_385))],
  ],
  ['DATA on stream 0', 'STREAM_ID', PROTOCOL_ERROR, [frame(FRAME.DATA, 0, 0, 'aa')]],
  ['DATA on an idle stream', 'STREAM_IDLE', PROTOCOL_ERROR, [frame(FRAME.DATA, 0, 1, 'aa')]],
  [
    'padding as long as the frame',
    'PADDING',
    PROTOCOL_ERROR,
    [OPEN, frame(FRAME.DATA, FLAG.PADDED, 1, '05aabb')],
  ],
  [
    'padded DATA without a pad length',
    'FRAME_SIZE',
    FRAME_SIZE_ERROR,
    [OPEN, frame(FRAME.DATA, FLAG.PADDED, 1)],
  ],
  ['HEADERS on stream 0', 'STREAM_ID', PROTOCOL_ERROR, [headersFrame(0, GET)]],
  ['HEADERS on an even stream', 'STREAM_ID', PROTOCOL_ERROR, [headersFrame(2, GET)]],
  [
    'a stream id below the last one',
    'STREAM_CLOSED',
    STREAM_CLOSED,
    [headersFrame(5, GET, false), headersFrame(3, GET)],
  ],
  [
    'HEADERS padding beyond the frame',
    'PADDING',
    PROTOCOL_ERROR,
    [frame(FRAME.HEADERS, FLAG.PADDED | FLAG.END_HEADERS, 1, 'ff82')],
  ],
  [
    'HEADERS too short for its priority',
    'FRAME_SIZE',
    FRAME_SIZE_ERROR,
    [frame(FRAME.HEADERS, FLAG.PRIORITY | FLAG.END_HEADERS, 1, '82')],
  ],
  [
    'a broken header block',
    'HEADER_BLOCK',
    COMPRESSION_ERROR,
    [frame(FRAME.HEADERS, FLAG.END_HEADERS, 1, '80')],
  ],
  [
    'CONTINUATION out of place',
    'CONTINUATION_PLACE',
    PROTOCOL_ERROR,
    [frame(FRAME.CONTINUATION, 0, 1, '82')],
  ],
  [
    'a frame inside a header block',
    'BLOCK_INTERRUPTED',
    PROTOCOL_ERROR,
    [frame(FRAME.HEADERS, 0, 1, '82'), frame(FRAME.PING, 0, 0, '0000000000000000')],
  ],
  [
    'CONTINUATION of another stream',
    'BLOCK_INTERRUPTED',
    PROTOCOL_ERROR,
    [frame(FRAME.HEADERS, 0, 1, '82'), frame(FRAME.CONTINUATION, 4, 3, '84')],
  ],
  [
    'PRIORITY of a wrong length',
    'FRAME_SIZE',
    FRAME_SIZE_ERROR,
    [frame(FRAME.PRIORITY, 0, 1, '00')],
  ],
  [
    'PRIORITY on stream 0',
    'STREAM_ID',
    PROTOCOL_ERROR,
    [frame(FRAME.PRIORITY, 0, 0, '0000000001')],
  ],
  [
    'RST_STREAM on stream 0',
    'STREAM_ID',
    PROTOCOL_ERROR,
    [frame(FRAME.RST_STREAM, 0, 0, '00000008')],
  ],
  [
    'RST_STREAM on an idle stream',
    'STREAM_IDLE',
    PROTOCOL_ERROR,
    [frame(FRAME.RST_STREAM, 0, 1, '00000008')],
  ],
  [
    'RST_STREAM of a wrong length',
    'FRAME_SIZE',
    FRAME_SIZE_ERROR,
    [OPEN, frame(FRAME.RST_STREAM, 0, 1, '000008')],
  ],
  ['SETTINGS on a stream', 'STREAM_ID', PROTOCOL_ERROR, [frame(FRAME.SETTINGS, 0, 1)]],
  [
    'SETTINGS of a wrong length',
    'FRAME_SIZE',
    FRAME_SIZE_ERROR,
    [frame(FRAME.SETTINGS, 0, 0, '000300')],
  ],
  [
    'SETTINGS ACK with a payload',
    'FRAME_SIZE',
    FRAME_SIZE_ERROR,
    [frame(FRAME.SETTINGS, FLAG.ACK, 0, '000300000001')],
  ],
  ['SETTINGS ACK of nothing', 'SETTING_ACK', PROTOCOL_ERROR, [SETTINGS_ACK]],
  [
    'ENABLE_PUSH of 2',
    'SETTING_VALUE',
    PROTOCOL_ERROR,
    [frame(FRAME.SETTINGS, 0, 0, '000200000002')],
  ],
  [
    'INITIAL_WINDOW_SIZE of 2^31',
    'SETTING_WINDOW',
    FLOW_CONTROL_ERROR,
    [frame(FRAME.SETTINGS, 0, 0, '000480000000')],
  ],
  [
    'MAX_FRAME_SIZE of 16383',
    'SETTING_VALUE',
    PROTOCOL_ERROR,
    [frame(FRAME.SETTINGS, 0, 0, '000500003fff')],
  ],
  [
    'MAX_FRAME_SIZE of 2^24',
    'SETTING_VALUE',
    PROTOCOL_ERROR,
    [frame(FRAME.SETTINGS, 0, 0, '000501000000')],
  ],
  [
    'ENABLE_CONNECT_PROTOCOL taken back',
    'SETTING_VALUE',
    PROTOCOL_ERROR,
    [frame(FRAME.SETTINGS, 0, 0, '000800000001000800000000')],
  ],
  [
    'a window of a stream pushed over 2^31 by SETTINGS',
    'WINDOW_OVERFLOW',
    FLOW_CONTROL_ERROR,
    [
      OPEN,
      frame(FRAME.WINDOW_UPDATE, 0, 1, '7fff0000'),
      frame(FRAME.SETTINGS, 0, 0, '00047fffffff'),
    ],
  ],
  [
    'PUSH_PROMISE',
    'PUSH',
    PROTOCOL_ERROR,
    [frame(FRAME.PUSH_PROMISE, FLAG.END_HEADERS, 1, '0000000282')],
  ],
  ['PING of a wrong length', 'FRAME_SIZE', FRAME_SIZE_ERROR, [frame(FRAME.PING, 0, 0, '00')]],
  [
    'PING ACK of nothing',
    'PING_ACK',
    PROTOCOL_ERROR,
    [frame(FRAME.PING, FLAG.ACK, 0, '0000000000000000')],
  ],
  ['PING on a stream', 'STREAM_ID', PROTOCOL_ERROR, [frame(FRAME.PING, 0, 1, '0000000000000000')]],
  [
    'GOAWAY on a stream',
    'STREAM_ID',
    PROTOCOL_ERROR,
    [frame(FRAME.GOAWAY, 0, 1, '0000000000000000')],
  ],
  ['GOAWAY too short', 'FRAME_SIZE', FRAME_SIZE_ERROR, [frame(FRAME.GOAWAY, 0, 0, '00000000')]],
  [
    'WINDOW_UPDATE of a wrong length',
    'FRAME_SIZE',
    FRAME_SIZE_ERROR,
    [frame(FRAME.WINDOW_UPDATE, 0, 0, '0001')],
  ],
  [
    'WINDOW_UPDATE of 0 for the connection',
    'WINDOW_ZERO',
    PROTOCOL_ERROR,
    [frame(FRAME.WINDOW_UPDATE, 0, 0, '00000000')],
  ],
  [
    'WINDOW_UPDATE on an idle stream',
    'STREAM_IDLE',
    PROTOCOL_ERROR,
    [frame(FRAME.WINDOW_UPDATE, 0, 1, '00000001')],
  ],
  [
    'a connection window over 2^31-1',
    'WINDOW_OVERFLOW',
    FLOW_CONTROL_ERROR,
    [frame(FRAME.WINDOW_UPDATE, 0, 0, '7fffffff')],
  ],
  [
    'more DATA than the connection window',
    'WINDOW_EXCEEDED',
    FLOW_CONTROL_ERROR,
    [
      OPEN,
      headersFrame(3, POST, false),
      ...Array.from({ length: 5 }, (_, at) =>
        frame(FRAME.DATA, 0, at < 2 ? 1 : 3, Buffer.alloc(16_384)),
      ),
    ],
  ],
];

for (const [what, rule, code, frames] of CONNECTION_ERRORS) {
  test(`${what} ends the connection: ${rule}`, () => {
    const limits = { ...HTTP2_LIMITS, heldBytes: 0 };
    const endpoint = server({ limits });
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

const withField = (...fields: string[]) => [headersFrame(1, [...GET, ...fields])];
const without = (name: string) => {
  const at = GET.indexOf(name);
  return [headersFrame(1, GET.toSpliced(at, 2))];
};

/** What ends one stream: code, frames after SETTINGS; a later request on stream 9 must still pass. */
const STREAM_ERRORS: readonly (readonly [string, number, Buffer[]])[] = [
  ['an upper-case name', PROTOCOL_ERROR, withField('X-A', 'b')],
  ['an empty name', PROTOCOL_ERROR, withField('', 'b')],
  ['a name with a colon', PROTOCOL_ERROR, withField('a:b', 'c')],
  ['a name with a blank', PROTOCOL_ERROR, withField('a ', 'c')],
  ['a line feed in a value', PROTOCOL_ERROR, withField('a', 'b\nc: d')],
  ['a carriage return in a value', PROTOCOL_ERROR, withField('a', 'b\rc')],
  ['NUL in a value', PROTOCOL_ERROR, withField('a', 'b\0c')],
  ['a control character in a value', PROTOCOL_ERROR, withField('a', 'b\x01c')],
  ['a blank before a value', PROTOCOL_ERROR, withField('a', ' b')],
  ['a blank after a value', PROTOCOL_ERROR, withField('a', 'b\t')],
  ['connection', PROTOCOL_ERROR, withField('connection', 'close')],
  ['keep-alive', PROTOCOL_ERROR, withField('keep-alive', '5')],
  ['proxy-connection', PROTOCOL_ERROR, withField('proxy-connection', 'close')],
  ['transfer-encoding', PROTOCOL_ERROR, withField('transfer-encoding', 'chunked')],
  ['upgrade', PROTOCOL_ERROR, withField('upgrade', 'h2c')],
  ['te other than trailers', PROTOCOL_ERROR, withField('te', 'gzip')],
  ['two hosts', PROTOCOL_ERROR, withField('host', 'shop', 'host', 'shop')],
  ['host unlike :authority', PROTOCOL_ERROR, withField('host', 'other')],
  ['two lengths', PROTOCOL_ERROR, withField('content-length', '0', 'content-length', '0')],
  ['a length that is no number', PROTOCOL_ERROR, withField('content-length', '+1')],
  ['a length and no data', PROTOCOL_ERROR, withField('content-length', '1')],
  [
    'a pseudo-header after a field',
    PROTOCOL_ERROR,
    [headersFrame(1, [...GET.slice(0, 6), 'a', 'b', ...GET.slice(6)])],
  ],
  ['an unknown pseudo-header', PROTOCOL_ERROR, [headersFrame(1, [...GET, ':else', 'x'])]],
  [':status in a request', PROTOCOL_ERROR, [headersFrame(1, [...GET, ':status', '200'])]],
  ['a repeated :path', PROTOCOL_ERROR, [headersFrame(1, [...GET, ':path', '/'])]],
  ['no :method', PROTOCOL_ERROR, without(':method')],
  ['no :scheme', PROTOCOL_ERROR, without(':scheme')],
  ['no :path', PROTOCOL_ERROR, without(':path')],
  ['neither :authority nor host', PROTOCOL_ERROR, without(':authority')],
  ['an empty :path', PROTOCOL_ERROR, [headersFrame(1, GET.with(5, ''))]],
  ['a :path without a slash', PROTOCOL_ERROR, [headersFrame(1, GET.with(5, 'a'))]],
  ['a blank in :path', PROTOCOL_ERROR, [headersFrame(1, GET.with(5, '/a b'))]],
  ['a fragment in :path', PROTOCOL_ERROR, [headersFrame(1, GET.with(5, '/a#b'))]],
  ['userinfo in :authority', PROTOCOL_ERROR, [headersFrame(1, GET.with(7, 'me@shop'))]],
  ['a blank in :method', PROTOCOL_ERROR, [headersFrame(1, GET.with(1, 'GET /'))]],
  ['CONNECT with :path', PROTOCOL_ERROR, [headersFrame(1, GET.with(1, 'CONNECT'))]],
  ['CONNECT without :authority', PROTOCOL_ERROR, [headersFrame(1, [':method', 'CONNECT'])]],
  [
    ':protocol that was not offered',
    PROTOCOL_ERROR,
    [headersFrame(1, [...GET.with(1, 'CONNECT'), ':protocol', 'websocket'], false)],
  ],
  [
    'less data than promised',
    PROTOCOL_ERROR,
    [
      headersFrame(1, [...POST, 'content-length', '3'], false),
      frame(FRAME.DATA, FLAG.END_STREAM, 1, 'aa'),
    ],
  ],
  [
    'more data than promised',
    PROTOCOL_ERROR,
    [headersFrame(1, [...POST, 'content-length', '1'], false), frame(FRAME.DATA, 0, 1, 'aaaa')],
  ],
  [
    'trailers before the promised data',
    PROTOCOL_ERROR,
    [headersFrame(1, [...POST, 'content-length', '3'], false), headersFrame(1, ['a', 'b'])],
  ],
  [
    'trailers that do not end the stream',
    PROTOCOL_ERROR,
    [OPEN, headersFrame(1, ['a', 'b'], false)],
  ],
  ['a pseudo-header in trailers', PROTOCOL_ERROR, [OPEN, headersFrame(1, [':path', '/'])]],
  ['DATA after the end', STREAM_CLOSED, [headersFrame(1, GET), frame(FRAME.DATA, 0, 1, 'aa')]],
  ['HEADERS after the end', STREAM_CLOSED, [headersFrame(1, GET), headersFrame(1, ['a', 'b'])]],
  ['WINDOW_UPDATE of 0', PROTOCOL_ERROR, [OPEN, frame(FRAME.WINDOW_UPDATE, 0, 1, '00000000')]],
  [
    'a stream window over 2^31-1',
    FLOW_CONTROL_ERROR,
    [OPEN, frame(FRAME.WINDOW_UPDATE, 0, 1, '7fffffff')],
  ],
];

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

const repeat = (count: number, make: (at: number) => Buffer) =>
  Buffer.concat(Array.from({ length: count }, (_, at) => make(at)));

const ATTACKS: readonly (readonly [string, H2Rule, Buffer])[] = [
  [
    'rapid reset',
    'FLOOD_RESETS',
    repeat(1_100, (at) =>
      Buffer.concat([
        headersFrame(2 * at + 1, GET),
        frame(FRAME.RST_STREAM, 0, 2 * at + 1, '00000008'),
      ]),
    ),
  ],
  [
    'resets provoked from us',
    'FLOOD_PROVOKED',
    repeat(1_100, (at) =>
      Buffer.concat([
        headersFrame(2 * at + 1, GET),
        frame(FRAME.WINDOW_UPDATE, 0, 2 * at + 1, '00000000'),
      ]),
    ),
  ],
  [
    'malformed requests',
    'FLOOD_PROVOKED',
    repeat(1_100, (at) => headersFrame(2 * at + 1, [':method', 'GET'])),
  ],
  [
    'streams above the limit',
    'FLOOD_PROVOKED',
    repeat(1_400, (at) => headersFrame(2 * at + 1, GET)),
  ],
  [
    'CONTINUATION frames without end',
    'FLOOD_CONTINUATION',
    Buffer.concat([
      frame(FRAME.HEADERS, 0, 1, block(GET)),
      repeat(20, () => frame(FRAME.CONTINUATION, 0, 1)),
    ]),
  ],
  [
    'a header block without end',
    'BLOCK_SIZE',
    Buffer.concat([
      frame(FRAME.HEADERS, 0, 1, block(GET)),
      repeat(5, () => frame(FRAME.CONTINUATION, 0, 1, Buffer.alloc(16_000, 0x82))),
    ]),
  ],
  ['SETTINGS', 'FLOOD_SETTINGS', repeat(100, () => SETTINGS)],
  ['PING', 'FLOOD_PING', repeat(200, () => frame(FRAME.PING, 0, 0, '0000000000000000'))],
  ['empty DATA', 'FLOOD_EMPTY', Buffer.concat([OPEN, repeat(300, () => frame(FRAME.DATA, 0, 1))])],
  [
    'DATA of nothing but padding',
    'FLOOD_EMPTY',
    Buffer.concat([OPEN, repeat(300, () => frame(FRAME.DATA, FLAG.PADDED, 1, '020000'))]),
  ],
  ['PRIORITY', 'FLOOD_IGNORED', repeat(1_100, () => frame(FRAME.PRIORITY, 0, 1, '0000000300'))],
  ['unknown frames', 'FLOOD_IGNORED', repeat(1_100, () => frame(0xbe, 0, 0))],
  ['GOAWAY', 'FLOOD_IGNORED', repeat(1_100, () => frame(FRAME.GOAWAY, 0, 0, '0000000000000000'))],
  [
    'WINDOW_UPDATE',
    'FLOOD_WINDOW',
    repeat(20_100, () => frame(FRAME.WINDOW_UPDATE, 0, 0, '00000001')),
  ],
];

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
  endpoint.connection.sweep(10_000);
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
