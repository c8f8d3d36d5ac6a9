/**
 * What the tests of `kube` share: a scripted API server over plain HTTP, and a root certificate.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '#core/clock.ts';
import { silentLogger } from '#core/log.ts';
import { identityNetwork } from '#core/network.ts';
import { systemRandom } from '#core/random.ts';
import { noHeaders } from '#kube/credentials.ts';
import { HttpKubeClient, type HttpKubeClientOptions } from '#kube/http-client.ts';

/** A self-signed CA, valid for a hundred years; its key was never kept. */
export const TEST_ROOT = `-----BEGIN CERTIFICATE-----
MIIBfzCCASWgAwIBAgIUWYGvUrgGwef833PPQZBkGNwqA44wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJdGVzdC1yb290MCAXDTI2MTEyMTA2MTEyOVoYDzIxMjYxMDI4
MDYxMTI5WjAUMRIwEAYDVQQDDAl0ZXN0LXJvb3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASCRS3hJ98iZW0dOJZlQjbzAHdGYRFBBWlHX452XFbNaYfGLZSKUVXZ
0P91gDY679ac1UnpTMejVLH5rMhLIKJro1MwUTAdBgNVHQ4EFgQU7qhOOsc9Agd2
dHIZkO8q4srm2NQwHwYDVR0jBBgwFoAU7qhOOsc9Agd2dHIZkO8q4srm2NQwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEAlSmNnqPfiOxbF7KYw573
eQJUJsWSe2SVEKfqS6yPEAYCICjhynJAFapxlq4kF9HkPcNPgk2dF62Ama+TWh9m
1IZJ
-----END CERTIFICATE-----
`;

/** One request as the server saw it. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Answers one request; may keep the response open. */
export type Script = (seen: Seen, response: ServerResponse) => void;

/** An HTTP server whose answers a test decides; `seen` holds every request. */
export async function scriptedServer(script: Script) {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? '/', 'http://server');
    const one = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body: Buffer.concat(chunks).toString('utf8'),
    };
    seen.push(one);
    script(one, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}`),
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A client for `server`, closed with `await using`. */
export function clientOf(server: URL, options: Partial<HttpKubeClientOptions> = {}) {
  const client = new HttpKubeClient({
    server,
    tls: {},
    headers: noHeaders,
    network: identityNetwork,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    ...options,
  });
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
}

/** Ends the response with `value` as JSON. */
export function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

/** Ends the response with a metav1.Status. */
export function refuse(response: ServerResponse, code: number, reason: string): void {
  json(response, code, { kind: 'Status', code, reason, message: `scripted ${reason}` });
}

/** A ConfigMap as an API server would send it. */
export function configMap(name: string, resourceVersion: string, value = ''): unknown {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'shop', uid: `uid-${name}`, resourceVersion },
    data: { value },
  };
}

/** One line of a watch. */
export function event(type: string, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`;
}

/** Polls until `condition` holds; fails after 10 s. */
export async function eventually(what: string, condition: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
