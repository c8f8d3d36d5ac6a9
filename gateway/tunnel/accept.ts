/**
 * Port 4143: where peers dial in.
 *
 * The TLS server name says who calls, and only that peer's bundle is in the context that answers; one
 * decision, `admit()`, follows before any byte is read. What comes before is bounded by `handshakes.ts`.
 */
import net, { type Socket } from 'node:net';
import tls from 'node:tls';
import type { Clock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import { listen } from '#core/listen.ts';
import type { Logger } from '#core/log.ts';
import { clusterOfServerName, GATEWAY_ACCOUNT, SYSTEM_NAMESPACE } from '#core/names.ts';
import type { Address, Network } from '#core/network.ts';
import { sparing } from '#core/sparing.ts';
import { admit } from '#identity/admit.ts';
import { linkServerOptions } from '#identity/tls.ts';
import type { Credentials } from '#identity/workload.ts';
import { ALPN } from './dial.ts';
import { HANDSHAKES, HandshakeGate, type HandshakeRefusal } from './handshakes.ts';
import type { PeerTunnels } from './peer.ts';

export interface AcceptOptions {
  readonly address: Address;
  readonly network: Network;
  readonly clock: Clock;
  readonly log: Logger;
  credentials(): Credentials;
  /** The tunnels of `cluster`, or `undefined` when no Link names it. */
  peer(cluster: string): PeerTunnels | undefined;
  /** A connection was closed before or in its handshake. */
  refused(rule: HandshakeRefusal | 'HANDSHAKE_FAILED' | 'NOT_ADMITTED'): void;
  /** Makes a tunnel of an admitted connection. */
  admitted(socket: tls.TLSSocket, peer: PeerTunnels, httpRole: 'client' | 'server'): void;
}

/** Opens the port; rejects with `ADDRESS_IN_USE` when it is taken. */
export async function acceptPeers(accepting: AcceptOptions): Promise<net.Server> {
  const { clock } = accepting;
  const log = sparing(accepting.log, clock);
  const options = { ...accepting, log };
  const gate = new HandshakeGate();
  /** When raw connections came whose handshake has not ended, by remote address and port. */
  const underWay = new Map<string, number>();
  const leave = (from: string) => {
    if (underWay.delete(from)) gate.leave();
  };
  const secure = tls.createServer({
    ...linkServerOptions({
      credentials: () => options.credentials(),
      bundleOf: (cluster) => {
        const peer = options.peer(cluster)?.peer;
        return peer && !peer.suspended ? peer.trustBundle : undefined;
      },
    }),
    ALPNProtocols: [ALPN.client, ALPN.server],
    handshakeTimeout: HANDSHAKES.timeoutMs,
  });
  secure.on('tlsClientError', (error, socket) => {
    options.refused('HANDSHAKE_FAILED');
    log.debug('handshake refused', { error: error.message, from: socket.remoteAddress });
    socket.destroy();
  });
  secure.on('secureConnection', (socket) => {
    const from = remoteOf(socket);
    const sinceMs = underWay.get(from);
    leave(from);
    onSecure(socket, sinceMs ?? Number.NEGATIVE_INFINITY, options);
  });
  const server = net.createServer({ noDelay: true }, (socket) => {
    const refusal = gate.enter(socket.remoteAddress ?? '', clock.monotonicMs());
    if (refusal !== undefined) {
      options.refused(refusal);
      socket.resetAndDestroy();
      return;
    }
    const from = remoteOf(socket);
    underWay.set(from, clock.monotonicMs());
    socket.once('close', () => leave(from));
    secure.emit('connection', socket);
  });
  await listen(server, options.address, options.network);
  return server;
}

function remoteOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}

/** Decides on a connection that came at `sinceMs` and shows a certificate that some bundle vouches for. */
function onSecure(socket: tls.TLSSocket, sinceMs: number, options: AcceptOptions): void {
  socket.on('error', (error) =>
    options.log.debug('peer connection failed', { error: error.message }),
  );
  const cluster = clusterOfServerName(String(socket.servername));
  const peer = cluster === undefined ? undefined : options.peer(cluster);
  if (peer === undefined || peer.peer.suspended) {
    refuse(socket, options, `no Link for "${socket.servername}"`);
    return;
  }
  if (peer.trustedSinceMs >= sinceMs) {
    // The bundle that vouched was chosen when the handshake began, and may have been withdrawn since.
    refuse(socket, options, `the Link of "${socket.servername}" changed during the handshake`);
    return;
  }
  const admission = admit(socket, {
    trustDomain: peer.peer.trustDomain,
    namespace: SYSTEM_NAMESPACE,
    serviceAccounts: [GATEWAY_ACCOUNT],
  });
  if (!admission.admitted) {
    refuse(socket, options, admission.reason);
    return;
  }
  // The ALPN name is the dialler's role; ours is the other.
  options.admitted(socket, peer, socket.alpnProtocol === ALPN.server ? 'client' : 'server');
}

function refuse(socket: tls.TLSSocket, options: AcceptOptions, reason: string): void {
  const error = new IsthmusError('NOT_AUTHORIZED', reason);
  options.refused('NOT_ADMITTED');
  options.log.warn('peer refused', { code: error.code, reason, from: socket.remoteAddress });
  socket.destroy();
}
