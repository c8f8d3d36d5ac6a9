/**
 * What the HTTP pods answer, the same over HTTP/1.1 and over HTTP/2 (Node's compatibility interface).
 */
import { createHash } from 'node:crypto';
import type http from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import { patterned, sha256 } from '../case.ts';
import type { Journal } from '../journal.ts';

/** What `/hash` says of the request. */
export interface Seen {
  readonly pod: string;
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly httpVersion: string;
  readonly sha256: string;
  readonly length: number;
  /** Names and values in turn, as they came, without pseudo-header fields. */
  readonly headers: readonly string[];
  readonly trailers: readonly string[];
}

type Route = (context: {
  request: http.IncomingMessage;
  response: http.ServerResponse;
  url: URL;
  pod: string;
  journal: Journal;
}) => void;

const ROUTES: Readonly<Record<string, Route>> = {
  '/echo': ({ request, response }) => {
    const hash = createHash('sha256');
    let length = 0;
    response.setHeader('trailer', 'x-sha256, x-length');
    response.writeHead(200);
    response.flushHeaders();
    request.on('data', (chunk: Buffer) => {
      hash.update(chunk);
      length += chunk.length;
      if (response.write(chunk)) return;
      request.pause();
      response.once('drain', () => request.resume());
    });
    request.on('end', () => {
      response.addTrailers({ 'x-sha256': hash.digest('hex'), 'x-length': String(length) });
      response.end();
    });
  },
  '/hash': ({ request, response, pod }) => sendSeen(request, response, pod, 200),
  '/bytes': ({ request, response, url }) => {
    const whole = patterned(Number(url.pathname.split('/')[2]));
    const range = /^bytes=(\d+)-(\d+)$/.exec(String(request.headers.range));
    const body = range ? whole.subarray(Number(range[1]), Number(range[2]) + 1) : whole;
    request.resume();
    if (range) {
      response.statusCode = 206;
      response.setHeader('content-range', `bytes ${range[1]}-${range[2]}/${whole.length}`);
    }
    if (url.searchParams.has('trailers')) response.setHeader('trailer', 'x-sha256');
    else if (!url.searchParams.has('chunked')) response.setHeader('content-length', body.length);
    if (request.method !== 'HEAD') response.write(body);
    if (url.searchParams.has('trailers')) response.addTrailers({ 'x-sha256': sha256(body) });
    response.end();
  },
  '/interim': ({ request, response, pod }) => {
    const { stream } = response as unknown as Http2ServerResponse;
    if (stream === undefined) response.writeProcessing();
    else stream.additionalHeaders({ ':status': 102 });
    response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style', 'x-early': 'yes' });
    sendSeen(request, response, pod, 200);
  },
  '/early': ({ request, response, url }) => {
    const body = 'too large';
    response.writeHead(413, { 'content-length': body.length });
    response.end(body);
    if (url.searchParams.has('stop')) {
      const { stream } = response as unknown as Http2ServerResponse;
      stream?.once('finish', () => stream.close());
    } else request.resume();
  },
  '/status': ({ request, response, url }) => {
    const status = Number(url.pathname.split('/')[2]);
    request.resume();
    response.statusCode = status;
    if (status === 304) {
      response.setHeader('content-length', '1234');
      response.setHeader('etag', '"one"');
      response.end();
    } else response.end(status === 204 ? undefined : `status ${status}`);
  },
  '/undated': ({ request, response, pod }) => {
    response.sendDate = false;
    sendSeen(request, response, pod, 200);
  },
  '/headers': ({ request, response }) => {
    request.resume();
    response.setHeader('set-cookie', ['a=1; Path=/', 'b=2, with a comma']);
    response.setHeader('x-z', 'first');
    response.setHeader('x-twice', ['one', 'two']);
    response.setHeader('x-a', 'last');
    response.setHeader('x-empty', '');
    response.end('headers');
  },
  // Fields no server has a right to: the gateways' own, and those of the pod's own connection.
  '/forge': ({ request, response }) => {
    request.resume();
    const { stream } = response as unknown as Http2ServerResponse;
    if (stream === undefined) {
      response.setHeader('connection', 'x-private, keep-alive');
      response.setHeader('keep-alive', 'timeout=77');
      response.setHeader('x-private', '1');
    }
    response.setHeader('isthmus-error', 'INTERNAL');
    response.setHeader('isthmus-unheard-of', 'forged');
    response.setHeader('x-kept', 'yes');
    response.setHeader('trailer', 'isthmus-error, x-kept-too');
    response.write('forged');
    response.addTrailers({ 'isthmus-error': 'INTERNAL', 'x-kept-too': 'yes' });
    response.end();
  },
  '/slow': ({ request, response, url }) => {
    request.resume();
    let left = 5;
    const step = () => {
      left -= 1;
      response.write(`${left}\n`);
      if (left === 0) response.end();
      else setTimeout(step, Number(url.searchParams.get('ms') ?? 80));
    };
    step();
  },
  // Never ends by itself: what becomes of the client is noted.
  '/endless': ({ request, response, url, journal }) => {
    const id = url.searchParams.get('id') ?? '';
    request.resume();
    response.write('begun');
    journal.note(id, 'begun');
    const timer = setInterval(() => response.write(Buffer.alloc(1_024)), 20);
    response.on('close', () => {
      clearInterval(timer);
      journal.note(id, 'gone');
    });
    response.on('error', () => undefined);
  },
  '/upload': ({ request, response, url, journal }) => {
    const id = url.searchParams.get('id') ?? '';
    const { stream } = response as unknown as Http2ServerResponse;
    request.once('data', () => journal.note(id, 'begun'));
    request.resume();
    request.on('error', () => undefined);
    // A stream that was reset has an end as well; its code tells the difference.
    request.on('end', () => setImmediate(() => response.end('whole')));
    (stream ?? request).on('close', () => {
      const whole = stream === undefined ? request.complete : stream.rstCode === 0;
      journal.note(id, whole ? 'whole' : 'cut');
    });
  },
  '/cut': ({ request, response, url }) => {
    request.resume();
    if (url.searchParams.has('length')) response.setHeader('content-length', 100_000);
    const { stream } = response as unknown as Http2ServerResponse;
    response.write(patterned(50_000), () =>
      setTimeout(() => (stream === undefined ? response.destroy() : stream.close(2)), 50),
    );
  },
  '/until-close': ({ request, response }) => {
    request.resume();
    response.removeHeader('transfer-encoding');
    response.setHeader('connection', 'close');
    response.write(patterned(30_000, 3));
    response.end(patterned(30_000, 4));
  },
  '/upgrade': ({ request, response }) => {
    request.resume();
    response.writeHead(426, { upgrade: 'echo', connection: 'upgrade', 'content-length': 7 });
    response.end('upgrade');
  },
};

/** Answers one request. */
export function answer(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  pod: string,
  journal: Journal,
): void {
  if (request.url === '*') {
    request.resume();
    response.setHeader('allow', 'GET, HEAD, OPTIONS');
    response.end();
    return;
  }
  const url = new URL(request.url ?? '/', 'http://pod');
  const route = ROUTES[`/${url.pathname.split('/')[1]}`] ?? ROUTES['/hash'];
  route?.({ request, response, url, pod, journal });
}

/** Answers what was seen, once all of it was. */
export function sendSeen(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  pod: string,
  status: number,
): void {
  const hash = createHash('sha256');
  let length = 0;
  request.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    length += chunk.length;
  });
  request.on('end', () => {
    const headers = request.rawHeaders.filter(
      (_, index, all) => !all[index - (index % 2)]?.startsWith(':'),
    );
    const seen: Seen = {
      pod,
      method: request.method ?? '',
      path: request.url ?? '',
      authority: String(request.headers[':authority'] ?? request.headers.host ?? ''),
      httpVersion: request.httpVersion,
      sha256: hash.digest('hex'),
      length,
      headers: headers.map((each, index) => (index % 2 === 0 ? each.toLowerCase() : each)),
      trailers: request.rawTrailers,
    };
    const body = JSON.stringify(seen);
    response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  });
}
