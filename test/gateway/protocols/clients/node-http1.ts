/**
 * node:http over kept-alive connections.
 */
import http from 'node:http';
import { AUTHORITY, type Target } from '../case.ts';
import { type Ask, collect, type HttpClient, type HttpSession, lowerNames } from './http-client.ts';

function begin(agent: http.Agent, target: Target, ask: Ask): http.ClientRequest {
  const { method = 'GET', path, body, trailers } = ask;
  const request = http.request({
    agent,
    host: target.host,
    port: target.port,
    method,
    path,
    headers: {
      host: AUTHORITY,
      ...(Buffer.isBuffer(body) ? { 'content-length': body.length } : {}),
      ...(trailers ? { trailer: Object.keys(trailers).join(', '), te: 'trailers' } : {}),
      ...(body !== undefined && !Buffer.isBuffer(body) ? { 'transfer-encoding': 'chunked' } : {}),
      ...ask.headers,
    },
    maxHeaderSize: 64 * 1024,
  });
  request.on('error', () => undefined);
  return request;
}

function headOf(request: http.ClientRequest): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    request.once('error', reject);
    request.once('close', () => reject(new Error('closed without an answer')));
  });
}

export const nodeHttp1: HttpClient = {
  name: 'node:http',
  version: '1.1',
  trailers: true,
  interim: true,
  open(target): HttpSession {
    const agent = new http.Agent({ keepAlive: true });
    target.defer(() => agent.destroy());
    return {
      async ask(ask) {
        const request = begin(agent, target, ask);
        const interim: { status: number; headers: string[] }[] = [];
        request.on('information', ({ statusCode, rawHeaders }) =>
          interim.push({ status: statusCode, headers: lowerNames(rawHeaders) }),
        );
        const head = headOf(request);
        if (Buffer.isBuffer(ask.body)) request.end(ask.body);
        else {
          for (const part of ask.body ?? []) request.write(part);
          if (ask.trailers) request.addTrailers(ask.trailers);
          request.end();
        }
        const response = await head;
        const body = await collect(response);
        return {
          status: response.statusCode ?? 0,
          headers: lowerNames(response.rawHeaders),
          trailers: lowerNames(response.rawTrailers),
          body,
          interim,
        };
      },
      talk(ask) {
        const request = begin(agent, target, {
          ...ask,
          body: ask.method === 'POST' ? [] : undefined,
        } as Ask);
        const response = headOf(request);
        const head = response.then(({ statusCode, rawHeaders }) => ({
          status: statusCode ?? 0,
          headers: lowerNames(rawHeaders),
        }));
        head.catch(() => undefined);
        if (ask.method === 'POST') request.flushHeaders();
        else request.end();
        return {
          head,
          write: (data) => void request.write(data),
          end: () => void request.end(),
          async *chunks() {
            yield* await response;
          },
          cancel: () => void request.destroy(),
        };
      },
    };
  },
};
