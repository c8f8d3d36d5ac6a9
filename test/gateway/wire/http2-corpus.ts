/**
 * Examples of what HTTP/2 must refuse: frames a client sends after its SETTINGS, and the rule or code they meet.
 */
import type { H2Rule } from '#gateway/wire/http2/error.ts';
import { FLAG, FRAME, H2_CODE } from '#gateway/wire/http2/frames.ts';
import { block, frame, GET, headersFrame } from '#test/fuzz/http2-kit.ts';

export const SETTINGS = frame(FRAME.SETTINGS, 0, 0);
export const SETTINGS_ACK = frame(FRAME.SETTINGS, FLAG.ACK, 0);
export const POST = GET.with(1, 'POST');

const { PROTOCOL_ERROR, FRAME_SIZE_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, COMPRESSION_ERROR } =
  H2_CODE;

/** A request whose content is to come. */
export const OPEN = headersFrame(1, POST, false);

/** What ends the whole connection: rule, code, frames after SETTINGS. */
export const CONNECTION_ERRORS: readonly (readonly [string, H2Rule, number, Buffer[]])[] = [
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
  [
    'too much padding on a stream that was reset',
    'PADDING',
    PROTOCOL_ERROR,
    [headersFrame(1, GET.slice(2), false), frame(FRAME.DATA, FLAG.PADDED, 1, '05aabb')],
  ],
  [
    'the header of a frame above the limit inside a header block',
    'FRAME_SIZE',
    FRAME_SIZE_ERROR,
    [frame(FRAME.HEADERS, 0, 1, '82'), Buffer.from('7fffff090000000001', 'hex')],
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
    'a header block that begins with three size updates',
    'HEADER_BLOCK',
    COMPRESSION_ERROR,
    [
      frame(
        FRAME.HEADERS,
        FLAG.END_HEADERS | FLAG.END_STREAM,
        1,
        `202020${block(GET).toString('hex')}`,
      ),
    ],
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
    'HEADERS of a stream that depends on itself',
    'SELF_DEPENDENCY',
    PROTOCOL_ERROR,
    [
      frame(
        FRAME.HEADERS,
        FLAG.PRIORITY | FLAG.END_HEADERS | FLAG.END_STREAM,
        1,
        `800000010f${block(GET).toString('hex')}`,
      ),
    ],
  ],
  [
    'PRIORITY of a stream that depends on itself',
    'SELF_DEPENDENCY',
    PROTOCOL_ERROR,
    [frame(FRAME.PRIORITY, 0, 3, '000000030f')],
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
    'NO_RFC7540_PRIORITIES of 2',
    'SETTING_VALUE',
    PROTOCOL_ERROR,
    [frame(FRAME.SETTINGS, 0, 0, '000900000002')],
  ],
  [
    'NO_RFC7540_PRIORITIES changed after the first SETTINGS',
    'SETTING_VALUE',
    PROTOCOL_ERROR,
    [frame(FRAME.SETTINGS, 0, 0, '000900000001')],
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

const withField = (...fields: string[]) => [headersFrame(1, [...GET, ...fields])];
const without = (name: string) => {
  const at = GET.indexOf(name);
  return [headersFrame(1, GET.toSpliced(at, 2))];
};

/** What ends one stream: code, frames after SETTINGS; a later request on stream 9 must still pass. */
export const STREAM_ERRORS: readonly (readonly [string, number, Buffer[]])[] = [
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

/** `count` frames in a row. */
export const repeat = (count: number, make: (at: number) => Buffer) =>
  Buffer.concat(Array.from({ length: count }, (_, at) => make(at)));

/** What costs us more than it costs the peer. */
export const ATTACKS: readonly (readonly [string, H2Rule, Buffer])[] = [
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
  [
    'answers to no PING',
    'FLOOD_IGNORED',
    repeat(1_100, () => frame(FRAME.PING, FLAG.ACK, 0, '0000000000000000')),
  ],
  ['GOAWAY', 'FLOOD_IGNORED', repeat(1_100, () => frame(FRAME.GOAWAY, 0, 0, '0000000000000000'))],
  [
    'WINDOW_UPDATE',
    'FLOOD_WINDOW',
    repeat(20_100, () => frame(FRAME.WINDOW_UPDATE, 0, 0, '00000001')),
  ],
];
