/** A linked cluster that greets as no gateway would: what is told of it stays short, for others are told of beside it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import tls from 'node:tls';
import { hostileHello } from '#bench/soak/attacks/peer-hello.ts';
import { systemClock } from '#core/clock.ts';
import { type Logger, silentLogger } from '#core/log.ts';
import { loopbackNetwork } from '#core/network.ts';
import { LINES_OF_OTHERS } from '#core/sparing.ts';
import { linkReports } from '#gateway/admin/report.ts';
import { ALPN, dialPeer } from '#gateway/tunnel/dial.ts';
import { linkServerOptions } from '#identity/tls.ts';
import { createAuthority } from '#test/identity/authority-fixture.ts';
import { freshHost, peerOf, startCluster, until } from '../world.ts';
import { AnsweringPeer } from './answering-peer.ts';

test('a hello that is wrong in hundreds of ways is told in a line', async (t) => {
  const west = await startCluster('west');
  t.after(() => west.stop());
  const authority = createAuthority('east');
  const credentials = authority.of('isthmus-gateway');
  const host = freshHost();
  const hello = {
    ...hostileHello('east'),
    features: Array(60).fill(1),
    replicas: Array(60).fill(1),
  };
  const server = tls.createServer(
    {
      ...linkServerOptions({
        credentials: () => credentials,
        bundleOf: () => west.authority.trustBundle,
      }),
      ALPNProtocols: [ALPN.client],
    },
    (socket) => new AnsweringPeer(socket, hello, () => undefined),
  );
  await new Promise<void>((resolve) => server.listen(4143, host, resolve));
  t.after(() => server.close());
  const east = { ...peerOf({ ...west, name: 'east', host }), trustBundle: authority.trustBundle };
  void west.set({ peers: new Map([['east', east]]) });
  const told = () => linkReports(west.gateway.peers)[0]?.error;
  await until('it is told', () => told()?.code === 'TUNNEL_LOST');
  const { message = '' } = told() ?? {};
  // The mirror controller takes an answer with anything longer in it for none, and so for no news of any link.
  assert.ok(message.length < 200, `${message.length} characters`);
  assert.match(message, /the hello is not valid: features/);
});

test('a peer that dials again and again with such a hello fills no log', async (t) => {
  const lines: unknown[] = [];
  const log: Logger = {
    ...silentLogger,
    warn: (message) => void lines.push(message),
    with: () => log,
  };
  const west = await startCluster('west', { log });
  t.after(() => west.stop());
  const east = { ...west, name: 'east', authority: createAuthority('east') };
  await west.set({ peers: new Map([['east', peerOf(east, { gateways: [] })]]) });
  const peers: AnsweringPeer[] = [];
  t.after(() => peers.forEach(({ socket }) => void socket.destroy()));
  for (let each = 0; each < 60; each += 1) {
    const socket = await dialPeer(peerOf(west), { host: west.host, port: 4143 }, 'server', {
      ...{ clock: systemClock, network: loopbackNetwork, ownCluster: 'east' },
      credentials: east.authority.of('isthmus-gateway'),
    });
    peers.push(
      new AnsweringPeer(socket, { ...hostileHello('east'), features: 1 }, () => undefined),
    );
  }
  await until('all were refused', () => peers.every(({ socket }) => socket.destroyed));
  assert.deepEqual(new Set(lines), new Set(['hello refused']));
  assert.equal(lines.length, LINES_OF_OTHERS.burst);
});
