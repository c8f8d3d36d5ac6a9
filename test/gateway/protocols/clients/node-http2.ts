/**
 * node:http2 with prior knowledge: every exchange a stream of one connection.
 */
import http2 from 'node:http2';
import { AUTHORITY, type Target } from '../case.ts';
import {
  type Ask,
  collect,
  fieldsOf,
  type HttpClient,
  type HttpSession,
  type Reply,
} from './http-client.ts';

/** A connection that ends with its case. */
export function connectHttp2(
  target: Target,
  options: http2.ClientSessionOptions = {},
): http2.ClientHttp2Session {
  const session = http2.connect(`http://${target.host}:${target.port}`, options);
  session.on('error', () => undefined);
  target.defer(() => session.destroy());
  return session;
}

/** Opens a stream; the caller ends it. */
export function beginStream(
  session: http2.ClientHttp2Session,
  ask: Ask,
  endStream: boolean,
): http2.ClientHttp2Stream {
  const stream = session.request(
    {
      ':method': ask.method ?? 'GET',
      ':path': ask.path,
      ':authority': AUTHORITY,
      ...(Buffer.isBuffer(ask.body) ? { 'content-length': ask.body.length } : {}),
      ...(ask.trailers ? { te: 'trailers', trailer: Object.keys(ask.trailers).join(', ') } : {}),
      ...ask.headers,
    },
    { endStream, waitForTrailers: ask.trailers !== undefined },
  );
  stream.on('error', () => undefined);
  if (ask.trailers) {
    const { trailers } = ask;
    stream.once('wantTrailers', () => stream.sendTrailers({ ...trailers }));
  }
  return stream;
}

/** The head of the answer; rejects when the stream ends without one. */
export function headOf(
  stream: http2.ClientHttp2Stream,
): Promise<{ status: number; headers: string[] }> {
  return new Promise((resolve, reject) => {
    stream.once('response', (headers) =>
      resolve({ status: Number(headers[':status']), headers: fieldsOf(headers) }),
    );
    stream.once('error', reject);
    stream.once('close', () => reject(new Error(`closed: ${stream.rstCode}`)));
  });
}

async function ask(session: http2.ClientHttp2Session, what: Ask): Promise<Reply> {
  const { body } = what;
  const stream = beginStream(session, what, body === undefined && what.trailers === undefined);
  const interim: { status: number; headers: string[] }[] = [];
  let trailers: string[] = [];
  stream.on('headers', (headers) =>
    interim.push({ status: Number(headers[':status']), headers: fieldsOf(headers) }),
  );
  stream.on('trailers', (headers) => {
    trailers = fieldsOf(headers);
  });
  const head = headOf(stream);
  if (Buffer.isBuffer(body)) stream.end(body);
  else {
    for (const part of body ?? []) stream.write(part);
    if (!stream.writableEnded) stream.end();
  }
  const { status, headers } = await head;
  const received = await collect(stream);
  return { status, headers, trailers, body: received, interim };
}

export const nodeHttp2: HttpClient = {
  name: 'node:http2',
  version: '2.0',
  trailers: true,
  interim: true,
  open(target): HttpSession {
    const session = connectHttp2(target);
    return {
      ask: (what) => ask(session, what),
      talk(what) {
        const stream = beginStream(session, what, what.method !== 'POST');
        const head = headOf(stream);
        head.catch(() => undefined);
        return {
          head,
          write: (data) => void stream.write(data),
          end: () => void stream.end(),
          chunks: () => stream,
          cancel: () => stream.close(http2.constants.NGHTTP2_CANCEL),
        };
      },
    };
  },
};
