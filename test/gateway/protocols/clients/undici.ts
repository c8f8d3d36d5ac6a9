/**
 * undici: its HTTP/1.1 client, and its HTTP/2 client with prior knowledge.
 */
import { PassThrough } from 'node:stream';
import { Client, type Dispatcher, H2CClient } from 'undici';
import { AUTHORITY, type Target } from '../case.ts';
import { type Ask, collect, fieldsOf, type HttpClient, type HttpSession } from './http-client.ts';

function session(client: Dispatcher, target: Target): HttpSession {
  target.defer(() => void client.destroy().catch(() => undefined));
  const begin = (ask: Ask, body: Buffer | PassThrough | AsyncIterable<Buffer> | null) =>
    client.request({
      method: (ask.method ?? 'GET') as Dispatcher.HttpMethod,
      path: ask.path,
      headers: { host: AUTHORITY, ...ask.headers },
      body: body as Buffer | null,
      signal: target.signal,
    });
  return {
    async ask(ask) {
      const { body } = ask;
      const answer = await begin(
        ask,
        body === undefined || Buffer.isBuffer(body) ? (body ?? null) : partsOf(body),
      );
      const received = await collect(answer.body);
      const { statusCode: status, headers, trailers } = answer;
      return {
        status,
        headers: fieldsOf(headers),
        trailers: fieldsOf(trailers),
        body: received,
        interim: [],
      };
    },
    talk(ask) {
      const sink = new PassThrough();
      const answer = begin(ask, ask.method === 'POST' ? sink : null);
      const head = answer.then(({ statusCode, headers }) => ({
        status: statusCode,
        headers: fieldsOf(headers),
      }));
      head.catch(() => undefined);
      return {
        head,
        write: (data) => void sink.write(data),
        end: () => void sink.end(),
        async *chunks() {
          yield* (await answer).body;
        },
        cancel: () => void client.destroy().catch(() => undefined),
      };
    },
  };
}

async function* partsOf(parts: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* parts;
}

export const undiciHttp1: HttpClient = {
  name: 'undici',
  version: '1.1',
  trailers: false,
  interim: false,
  open: (target) => session(new Client(`http://${target.host}:${target.port}`), target),
};

export const undiciHttp2: HttpClient = {
  name: 'undici over HTTP/2',
  version: '2.0',
  trailers: false,
  interim: false,
  open: (target) => session(new H2CClient(`http://${target.host}:${target.port}`), target),
};
