/** A root that is withdrawn while a handshake which it vouches for is under way. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import tls from 'node:tls';
import { systemClock } from '#core/clock.ts';
import { silentLogger } from '#core/log.ts';
import { loopbackNetwork } from '#core/network.ts';
import { acceptPeers } from '#gateway/tunnel/accept.ts';
import { ALPN } from '#gateway/tunnel/dial.ts';
import type { PeerTunnels } from '#gateway/tunnel/peer.ts';
import { linkClientOptions } from '#identity/tls.ts';
import { createAuthority } from '#test/identity/authority-fixture.ts';
import { freshHost } from '../world.ts';

/** A listener of west's that knows east by one bundle, which {@link withdraw} replaces. */
async function listening(t: { after(end: () => void): void }) {
  const west = createAuthority('west');
  const east = createAuthority('east');
  const renewed = createAuthority('east');
  const known = { clusterName: 'east', trustDomain: 'east.isthmus.local', suspended: false };
  const tunnels = {
    peer: { ...known, trustBundle: east.trustBundle },
    trustedSinceMs: systemClock.monotonicMs(),
  };
  const { promise: outcome, resolve } = Promise.withResolvers<string>();
  const host = freshHost();
  const server = await acceptPeers({
    address: { host, port: 4143 },
    network: loopbackNetwork,
    clock: systemClock,
    log: silentLogger,
    credentials: () => west.of('isthmus-gateway'),
    peer: () => tunnels as unknown as PeerTunnels,
    refused: resolve,
    admitted: (socket) => {
      socket.destroy();
      resolve('admitted');
    },
  });
  t.after(() => server.close());
  const withdraw = () => {
    tunnels.peer = { ...known, trustBundle: renewed.trustBundle };
    tunnels.trustedSinceMs = systemClock.monotonicMs();
  };
  return { host, west, east, outcome, withdraw };
}

for (const withdrawn of [false, true]) {
  const what = withdrawn ? 'after its root was withdrawn is refused' : 'is admitted';
  test(`a handshake that ends late ${what}`, async (t) => {
    const { host, west, east, outcome, withdraw } = await listening(t);
    // What the client says after its first words is held back.
    const held: (() => void)[] = [];
    const { promise: second, resolve: onSecond } = Promise.withResolvers<void>();
    const relay = net.createServer((client) => {
      const server = net.connect(4143, host);
      let words = 0;
      client.on('data', (data) => {
        words += 1;
        if (words === 1) server.write(data);
        else held.push(() => server.write(data));
        if (words === 2) onSecond();
      });
      server.on('data', (data) => client.write(data));
      server.on('close', () => client.destroy());
      client.on('close', () => server.destroy());
      for (const each of [client, server]) each.on('error', () => undefined);
    });
    const relayHost = freshHost();
    await new Promise<void>((resolve) => relay.listen(4143, relayHost, resolve));
    t.after(() => relay.close());
    const socket = tls.connect({
      host: relayHost,
      port: 4143,
      ...linkClientOptions({
        credentials: east.of('isthmus-gateway'),
        ownCluster: 'east',
        peerBundle: west.trustBundle,
      }),
      ALPNProtocols: [ALPN.client],
    });
    socket.on('error', () => undefined);
    t.after(() => socket.destroy());
    await second;
    if (withdrawn) withdraw();
    for (const release of held) release();
    assert.equal(await outcome, withdrawn ? 'NOT_ADMITTED' : 'admitted');
  });
}
