/**
 * Dialling a peer's gateway: TCP, then TLS 1.3 with both certificates, then one decision whether the
 * far side may speak. The ALPN name tells it which HTTP/2 role the dialler takes.
 */
import type { Socket } from 'node:net';
import tls from 'node:tls';
import type { Clock } from '#core/clock.ts';
import { describeError, IsthmusError } from '#core/errors.ts';
import { GATEWAY_ACCOUNT, SYSTEM_NAMESPACE } from '#core/names.ts';
import { formatAddress, type Network } from '#core/network.ts';
import { admit } from '#identity/admit.ts';
import { linkClientOptions } from '#identity/tls.ts';
import type { Credentials } from '#identity/workload.ts';
import type { Peer, PeerAddress } from '../snapshot/types.ts';

/** The dialler is the HTTP/2 client, or the HTTP/2 server. */
export const ALPN = { client: 'h2', server: 'h2-reverse' } as const;
export type HttpRole = keyof typeof ALPN;

const DIAL_TIMEOUT_MS = 5_000;

export interface DialOptions {
  readonly clock: Clock;
  readonly network: Network;
  readonly ownCluster: string;
  readonly credentials: Credentials;
}

/**
 * A connection to `address` on which `peer` has proved itself. Rejects with `PEER_UNREACHABLE` when
 * nothing answers in 5 s, with `NOT_AUTHORIZED` when somebody else does.
 */
export function dialPeer(
  peer: Peer,
  address: PeerAddress,
  httpRole: HttpRole,
  options: DialOptions,
): Promise<Socket> {
  const { clock, network, ownCluster, credentials } = options;
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = tls.connect({
    ...network.locate(address),
    ...linkClientOptions({ credentials, ownCluster, peerBundle: peer.trustBundle }),
    ALPNProtocols: [ALPN[httpRole]],
  });
  socket.setNoDelay(true);
  const fail = (error: IsthmusError) => {
    timer.cancel();
    socket.destroy();
    reject(error);
  };
  const where = `${peer.clusterName} at ${formatAddress(address)}`;
  const timer = clock.after(DIAL_TIMEOUT_MS, () =>
    fail(
      new IsthmusError(
        'PEER_UNREACHABLE',
        `${where} did not answer within ${DIAL_TIMEOUT_MS / 1_000} s`,
      ),
    ),
  );
  socket.on('error', (error) =>
    // Set only where the certificate is what failed: the address is right, the bundle is not.
    fail(
      socket.authorizationError
        ? new IsthmusError(
            'NOT_AUTHORIZED',
            `${where}: spec.trustBundle does not vouch for its certificate: ${error.message}`,
            { cause: error },
          )
        : new IsthmusError('PEER_UNREACHABLE', `${where}: ${describeError(error)}`, {
            cause: error,
          }),
    ),
  );
  socket.once('close', () =>
    fail(
      new IsthmusError('PEER_UNREACHABLE', `${where} closed the connection during the handshake`),
    ),
  );
  socket.once('secureConnect', () => {
    const admission = admit(socket, {
      trustDomain: peer.trustDomain,
      namespace: SYSTEM_NAMESPACE,
      serviceAccounts: [GATEWAY_ACCOUNT],
    });
    if (!admission.admitted) {
      fail(new IsthmusError('NOT_AUTHORIZED', `${where}: ${admission.reason}`));
      return;
    }
    timer.cancel();
    socket.removeAllListeners('close');
    resolve(socket);
  });
  return promise;
}
