/** What whoever reaches port 4143 can do without being linked, and who connects without end. */
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import { GATEWAY_PORT, linkServerName } from '#core/names.ts';
import { ALPN } from '#gateway/tunnel/dial.ts';
import { gatewayCredentials } from '../authority.ts';
import { type Attack, connect, hold, type Target } from './attack.ts';

/** Every attack of this kind. */
export const STRANGERS: readonly Attack[] = [
  {
    name: 'silent handshakes',
    source: 'handshake',
    rules: ['HANDSHAKES_UNDER_WAY', 'HANDSHAKES_OF_SOURCE', 'HANDSHAKES_OVERALL'],
    begin: (target) => hold(500, open(target), (socket) => socket.resume()),
  },
  {
    name: 'garbage handshakes',
    source: 'handshake',
    rules: ['HANDSHAKE_FAILED'],
    begin: (target) =>
      hold(64, open(target), (socket) => {
        socket.resume();
        socket.write(randomBytes(512));
      }),
  },
  {
    name: 'foreign certificates',
    source: 'handshake',
    rules: ['HANDSHAKE_FAILED', 'NOT_ADMITTED'],
    begin(target) {
      const { certificateChain, privateKey, trustBundle } = gatewayCredentials(
        'hostile',
        Date.now(),
      );
      return hold(
        16,
        () =>
          tls.connect({
            ...{ host: target.host, port: GATEWAY_PORT, localAddress: target.source },
            ...{ cert: certificateChain, key: privateKey, ca: trustBundle },
            ...{ servername: linkServerName(target.hostile), ALPNProtocols: [ALPN.client] },
            rejectUnauthorized: false,
          }),
        (socket) => socket.resume(),
      );
    },
  },
  {
    name: 'connection flood',
    source: 'listener',
    rules: ['CLIENTS_MAX', 'CLIENTS_OF_SOURCE'],
    begin: (target) =>
      hold(
        14_000,
        () => connect(target),
        (socket) => {
          socket.resume();
          socket.write('GET / HTTP/1.1\r\nhost: soak\r\n\r\n');
        },
      ),
  },
];

function open({ host, source }: Target) {
  return () => net.connect({ host, port: GATEWAY_PORT, localAddress: source });
}
