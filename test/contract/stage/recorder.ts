/**
 * An API server's door that writes down who asked for what: between components and a control plane.
 *
 * It changes nothing, terminates TLS with a certificate of its own, and takes a caller's word for its
 * name: the ServiceAccount of a token's claims, whose signature the API server behind it checks.
 */
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createServer, request as requestTls, type Server } from 'node:https';
import { parsePath, verbOf } from '#devcluster/api/request.ts';
import { asString, type JsonObject } from '#devcluster/values/json.ts';
import type { Pair } from '../control-plane/certificates.ts';

/** One request and what became of it. */
export interface Recorded {
  /** `namespace/name` of a ServiceAccount; empty for anybody else. */
  readonly account: string;
  readonly verb: string;
  readonly group: string;
  /** With the subresource, as RBAC writes it: `links/status`. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly status: number;
}

/** See the file header. */
export class Recorder {
  readonly recorded: Recorded[] = [];
  readonly #server: Server;
  readonly #target: URL;
  readonly #ca: string;

  constructor(target: string, ca: string, serving: Pair) {
    this.#target = new URL(target);
    this.#ca = ca;
    const options = { key: serving.key, cert: serving.certificate, keepAliveTimeout: 65_000 };
    this.#server = createServer(options, (incoming, outgoing) => this.#pass(incoming, outgoing));
  }

  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => resolve());
    });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** What was refused, as sentences. */
  refusals(): string[] {
    return this.recorded
      .filter(({ status }) => status === 403)
      .map(({ account, verb, group, resource, namespace, name }) => {
        const kind = group === '' ? resource : `${resource}.${group}`;
        return `${account} may not ${verb} ${kind} ${namespace}/${name}`;
      });
  }

  #pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const ask = this.#target.protocol === 'https:' ? requestTls : request;
    const sent = ask(
      {
        host: this.#target.hostname,
        port: this.#target.port,
        path: incoming.url ?? '/',
        method: incoming.method ?? 'GET',
        headers: incoming.headers,
        ca: this.#ca,
      },
      (answer) => {
        this.#record(incoming, answer.statusCode ?? 0);
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        // The head of a watch comes long before its first event.
        outgoing.flushHeaders();
        answer.pipe(outgoing);
        answer.on('error', () => outgoing.destroy());
      },
    );
    sent.on('error', () => outgoing.destroy());
    outgoing.on('close', () => sent.destroy());
    incoming.pipe(sent);
  }

  #record(incoming: IncomingMessage, status: number): void {
    const url = new URL(incoming.url ?? '/', 'https://localhost');
    const target = parsePath(url.pathname);
    if (!target) return;
    const { group, plural, subresource, namespace, name } = target;
    const resource = subresource === '' ? plural : `${plural}/${subresource}`;
    const account = accountOf(incoming.headers.authorization ?? '');
    const verb = verbOf(incoming.method ?? 'GET', target, url.searchParams);
    const seen = { account, group, resource, namespace, name, status };
    this.recorded.push({ ...seen, verb });
    // Who makes an object by applying it is asked for both verbs.
    if (verb === 'patch' && status === 201) this.recorded.push({ ...seen, verb: 'create' });
  }
}

function accountOf(authorization: string): string {
  const claims = /^Bearer [^.]+\.([^.]+)\.[^.]+$/.exec(authorization)?.[1];
  if (claims === undefined) return '';
  try {
    const { sub } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as JsonObject;
    const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(asString(sub)) ?? [];
    return namespace === undefined ? '' : `${namespace}/${name}`;
  } catch {
    // No token of an account.
    return '';
  }
}
