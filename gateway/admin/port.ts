/**
 * The admin port, 4191: liveness, readiness and metrics for anyone; what tells of traffic and peers
 * only over mTLS to an id of this cluster that may, or over loopback.
 */
import http from 'node:http';
import net, { type Socket } from 'node:net';
import tls from 'node:tls';
import { trustDomainOf } from '#core/id.ts';
import { listen } from '#core/listen.ts';
import { MIRROR_ACCOUNT, SYSTEM_NAMESPACE } from '#core/names.ts';
import type { Address, Network } from '#core/network.ts';
import { Strangers } from '#core/strangers.ts';
import { admit } from '#identity/admit.ts';
import { clusterServerOptions } from '#identity/tls.ts';
import type { Credentials } from '#identity/workload.ts';
import { answer, failed, METRICS_FRESH_MS, type Pages, sharedFor } from './pages.ts';

const TLS_HANDSHAKE_BYTE = 0x16;
const HANDSHAKE_MS = 5_000;
const IDLE_MS = 10_000;

/** Where the port is, who may be told everything, and what there is to tell. */
export interface AdminOptions extends Pages {
  readonly address: Address;
  readonly network: Network;
  readonly cluster: string;
  credentials(): Credentials;
}

/** Opens the port, at the pod's address and, where that is another, at loopback. */
export async function serveAdmin(options: AdminOptions): Promise<{ close(): void }> {
  const pages = { ...options, metrics: sharedFor(METRICS_FRESH_MS, options) };
  const serve = (request: http.IncomingMessage, response: http.ServerResponse, trusted: boolean) =>
    void answer(request, response, trusted, pages).catch((error: unknown) =>
      failed(response, error),
    );
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

function isLoopback(socket: Socket): boolean {
  const { remoteAddress } = socket;
  return (
    remoteAddress === '127.0.0.1' || remoteAddress === '::1' || remoteAddress === '::ffff:127.0.0.1'
  );
}
