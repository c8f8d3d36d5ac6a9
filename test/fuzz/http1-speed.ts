/**
 * What a message head costs: ours and llhttp's parser (through Node's binding), and our writer; in one process.
 *
 * Run by hand: `node test/fuzz/http1-speed.ts [rounds]`.
 */
import { HTTPParser } from 'node:_http_common';
import { FRAMING_NONE, framingOfLength, type MessageSink } from '#gateway/wire/http1/message.ts';
import { Http1Parser } from '#gateway/wire/http1/parser.ts';
import { Http1Writer } from '#gateway/wire/http1/writer.ts';

const ROUNDS = Number(process.argv[2] ?? 300_000);
const PATHS = 4_096;

const FIELDS =
  'host: shop.example:8080\r\nuser-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\n' +
  'accept: application/json, text/plain, */*\r\naccept-encoding: gzip, deflate, br\r\n' +
  'accept-language: en-US,en;q=0.9\r\nx-request-id: 7d3c1f0e-6b1c-4f5e-9a53-2f6f0d3e9b11\r\n' +
  'x-forwarded-for: 10.1.2.3\r\ncookie: session=8f14e45fceea167a5a36dedd4bea2543\r\n' +
  'cache-control: no-cache\r\n';
const request = (at: number) =>
  Buffer.from(`GET /cart/items?page=${1_000 + at} HTTP/1.1\r\n${FIELDS}\r\n`);
const same = request(0);
const varied = Array.from({ length: PATHS }, (_, at) =>
  Buffer.from(
    request(at)
      .toString()
      .replace('7d3c1f0e', (0x10000000 + at).toString(16)),
  ),
);
const RESPONSE = Buffer.from(
  'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 16\r\ndate: Mon, 21 Oct 2013 20:13:21 GMT\r\n' +
    'server: shop\r\nvary: accept-encoding\r\n\r\n0123456789abcdef',
);

let heads = 0;
const sink: MessageSink = {
  onHead: ({ headers }) => {
    heads += headers.length > 0 ? 1 : 0;
  },
  onBody: () => undefined,
  onTrailers: () => undefined,
  onEnd: () => undefined,
};

function measure(what: string, run: (at: number) => void): void {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round += 1) {
    const startMs = performance.now();
    for (let at = 0; at < ROUNDS; at += 1) run(at);
    best = Math.min(best, ((performance.now() - startMs) * 1e6) / ROUNDS);
  }
  console.log(`${what.padEnd(44)} ${best.toFixed(0).padStart(6)} ns`);
}

const parser = new Http1Parser('request', sink);
measure(`ours, the same request of ${same.length} bytes`, () => parser.execute(same));
measure('ours, path and id of its own each', (at) => parser.execute(varied[at % PATHS] as Buffer));

const answers = new Http1Parser('response', sink);
measure(`ours, a response of ${RESPONSE.length} bytes`, () => {
  answers.expectResponseTo('GET');
  answers.execute(RESPONSE);
});

const llhttp = new HTTPParser();
llhttp.initialize(HTTPParser.REQUEST, {});
llhttp[HTTPParser.kOnHeadersComplete] = (_major: number, _minor: number, headers: string[]) => {
  heads += headers.length > 0 ? 1 : 0;
  return 0;
};
llhttp[HTTPParser.kOnMessageComplete] = () => undefined;
measure('llhttp, path and id of its own each', (at) =>
  llhttp.execute(varied[at % PATHS] as Buffer),
);

const list: string[] = [];
const lists: string[][] = [];
new Http1Parser('request', { ...sink, onHead: (head) => list.push(...head.headers) }).execute(same);
for (const bytes of varied)
  new Http1Parser('request', { ...sink, onHead: (head) => lists.push(head.headers) }).execute(
    bytes,
  );
const writer = new Http1Writer('request');
const options = { framing: FRAMING_NONE, keepAlive: true, upgrade: '' };
let bytes = 0;
const send = (part: Buffer): void => {
  bytes += part.length;
};
measure('writing the same request', () => {
  writer.request('GET', '/cart/items?page=1000', 'shop.example:8080', list, options);
  writer.end();
  writer.drain().forEach(send);
});
measure('writing, an id of its own each', (at) => {
  writer.request(
    'GET',
    '/cart/items?page=1000',
    'shop.example:8080',
    lists[at % PATHS] ?? list,
    options,
  );
  writer.end();
  writer.drain().forEach(send);
});
const answering = new Http1Writer('response');
const content = Buffer.from('0123456789abcdef');
const fields = ['content-type', 'application/json', 'server', 'shop', 'vary', 'accept-encoding'];
const answer = { ...options, framing: framingOfLength(content.length) };
measure('writing a response with 16 bytes', () => {
  answering.response(200, 'OK', fields, answer);
  answering.body(content);
  answering.end();
  answering.drain().forEach(send);
});
if (heads === 0 || bytes === 0) throw new Error('nothing was read or written');
