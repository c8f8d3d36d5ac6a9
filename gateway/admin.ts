/**
 * The admin port, 4191: liveness, readiness and metrics for anyone; what tells of traffic and peers
 * only over mTLS to an id of this cluster that may, or over loopback.
 */
import http from 'node:http';
import net, { type Socket } from 'node:net';
import tls from 'node:tls';
import type { Clock } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import { trustDomainOf } from '#core/id.ts';
import { listen } from '#core/listen.ts';
import { MIRROR_ACCOUNT, SYSTEM_NAMESPACE } from '#core/names.ts';
import type { Address, Network } from '#core/network.ts';
import { normalisePath } from '#core/path.ts';
import { Strangers } from '#core/strangers.ts';
import { admit } from '#identity/admit.ts';
import { clusterServerOptions } from '#identity/tls.ts';
import type { Credentials } from '#identity/workload.ts';
import { serveCatalog } from './catalog/serve.ts';
import type { CatalogCell } from './catalog/source.ts';
import type { BalancerReport, LinkReport } from './report.ts';

const TLS_HANDSHAKE_BYTE = 0x16;
const HANDSHAKE_MS = 5_000;
const IDLE_MS = 10_000;
/** Every worker is asked for its metrics, and has requests to serve: who asks sooner gets what others got. */
export const METRICS_FRESH_MS = 1_000;

export interface AdminOptions {
  readonly address: Address;
  readonly network: Network;
  readonly clock: Clock;
  readonly cluster: string;
  credentials(): Credentials;
  links(): Promise<readonly LinkReport[]>;
  balancers(): Promise<readonly BalancerReport[]>;
  /** What `cluster` exports and whom its Link trusts, or `undefined` where no Link names it. */
  catalog(cluster: string): { readonly trust: string; readonly cell: CatalogCell } | undefined;
  /** Empty when ready, else what is missing. */
  notReady(): readonly string[];
  metrics(): Promise<string>;
}

/** Opens the port, at the pod's address and, where that is another, at loopback. */
export async function serveAdmin(options: AdminOptions): Promise<{ close(): void }> {
  const pages = { ...options, metrics: sharedFor(METRICS_FRESH_MS, options) };
  const serve = (request: http.IncomingMessage, response: http.ServerResponse, trusted: boolean) =>
    void answer(request, response, trusted, pages).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else text(response, 500, `${describeError(error)}\n`);
    });
  const plain = http.createServer((request, response) => {
    serve(request, response, isLoopback(request.socket));
  });
  plain.timeout = IDLE_MS;
  const strangers = new Strangers();
  const guarded = http.createServer((request, response) => {
    serve(request, response, true);
  });
  const secure = tls.createServer({
    ...clusterServerOptions({ credentials: () => options.credentials() }),
    handshakeTimeout: HANDSHAKE_MS,
  });
  secure.on('secureConnection', (socket) => {
    const admission = admit(socket, {
      trustDomain: trustDomainOf(options.cluster),
      namespace: SYSTEM_NAMESPACE,
      serviceAccounts: [MIRROR_ACCOUNT],
    });
    if (!admission.admitted) {
      socket.destroy();
      return;
    }
    strangers.welcome(socket);
    guarded.emit('connection', socket);
  });
  secure.on('tlsClientError', (_error, socket) => socket.destroy());
  const front = () => frontDoor(plain, secure, strangers);
  const server = front();
  await listen(server, options.address, options.network);
  const doors = [server];
  if (!isLoopbackHost(options.address.host)) {
    // Where a port that is forwarded by the API server arrives.
    const local = front();
    await listen(local, { host: '127.0.0.1', port: options.address.port }, options.network);
    doors.push(local);
  }
  return { close: () => doors.forEach((each) => void each.close()) };
}

/** What `metrics` says, found out at most once each `freshMs` however often it is asked for. */
function sharedFor(
  freshMs: number,
  { metrics, clock }: Pick<AdminOptions, 'metrics' | 'clock'>,
): AdminOptions['metrics'] {
  let fresh: Promise<string> | undefined;
  return () => {
    if (fresh !== undefined) return fresh;
    fresh = metrics();
    clock.after(freshMs, () => {
      fresh = undefined;
    });
    return fresh;
  };
}

/** Tells TLS from plain HTTP by the first byte. */
function frontDoor(plain: http.Server, secure: tls.Server, strangers: Strangers): net.Server {
  return net.createServer({ pauseOnConnect: true }, (socket) => {
    strangers.add(socket);
    socket.on('error', () => socket.destroy());
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.once('readable', () => {
      const first: Buffer | null = socket.read();
      if (first === null) return;
      socket.setTimeout(0);
      socket.unshift(first);
      (first[0] === TLS_HANDSHAKE_BYTE ? secure : plain).emit('connection', socket);
    });
  });
}

function isLoopbackHost(host: string): boolean {
  return host.startsWith('127.') || host === '::1';
}

async function answer(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  trusted: boolean,
  options: AdminOptions,
): Promise<void> {
  const path = normalisePath(request.url ?? '/');
  request.resume();
  if (request.method !== 'GET') return text(response, 405, 'only GET is served\n');
  if (path === '/live') return text(response, 200, 'live\n');
  if (path === '/ready') {
    const missing = options.notReady();
    const body = missing.length === 0 ? 'ready\n' : `not ready: ${missing.join(', ')}\n`;
    return text(response, missing.length === 0 ? 200 : 503, body);
  }
  if (path === '/metrics') return text(response, 200, await options.metrics());
  if (!trusted) return text(response, 403, 'served over mTLS or loopback only\n');
  if (path === '/links') return json(response, { links: await options.links() });
  if (path === '/balancer') {
    return json(response, { services: await options.balancers() });
  }
  const cluster = /^\/catalogs\/([a-z0-9-]{1,63})$/.exec(path)?.[1];
  if (cluster === undefined) return text(response, 404, 'no such page\n');
  const known = options.catalog(cluster);
  if (!known) return text(response, 404, `no Link names ${cluster}\n`);
  const trust = new URL(request.url ?? '', 'http://gateway').searchParams.get('trust');
  if (trust !== null && trust !== known.trust) {
    return text(response, 409, `the Link of ${cluster} is taken to trust others, here or there\n`);
  }
  const { cell } = known;
  if (options.notReady().length > 0 || !cell.current()) {
    return text(response, 503, `nothing was heard from ${cluster} yet\n`);
  }
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.on('error', () => response.destroy());
  const end = () => void response.destroy();
  cell.closed.addEventListener('abort', end, { once: true });
  response.once('close', () => cell.closed.removeEventListener('abort', end));
  serveCatalog(cell, response, options.clock);
}

function isLoopback(socket: Socket): boolean {
  const { remoteAddress } = socket;
  return (
    remoteAddress === '127.0.0.1' || remoteAddress === '::1' || remoteAddress === '::ffff:127.0.0.1'
  );
}

function text(response: http.ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(body);
}

function json(response: http.ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
