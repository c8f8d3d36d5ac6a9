/**
 * Who dialled, who is the TLS server and who is the HTTP/2 client are three independent matters: a
 * tunnel works in all eight combinations, over real mTLS.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import net, { type AddressInfo } from 'node:net';
import { test } from 'node:test';
import tls from 'node:tls';
import { systemClock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import type { Hello } from '#core/hello.ts';
import { call } from '#gateway/http2/call.ts';
import { peerRequest } from '#gateway/tunnel/greeting.ts';
import { Tunnel } from '#gateway/tunnel/tunnel.ts';
import { linkClientOptions, linkServerOptions } from '#identity/tls.ts';
import { createAuthority, type TestAuthority } from '#test/identity/authority-fixture.ts';

const west = createAuthority('west');
const east = createAuthority('east');
const BODY = Buffer.alloc(3_000_000, 'isthmus');

async function connected(): Promise<{ dialled: net.Socket; accepted: net.Socket; end(): void }> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise<net.Socket>((resolve) => server.once('connection', resolve));
  const dialled = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
  return { dialled, accepted: await accepted, end: () => server.close() };
}

function secured(
  raw: net.Socket,
  role: 'client' | 'server',
  own: TestAuthority,
  peer: TestAuthority,
): tls.TLSSocket {
  const credentials = own.of('isthmus-gateway');
  if (role === 'client') {
    const peerBundle = peer.trustBundle;
    const options = linkClientOptions({ credentials, ownCluster: own.cluster, peerBundle });
    return tls.connect({ ...options, socket: raw });
  }
  const options = linkServerOptions({
    credentials: () => credentials,
    bundleOf: (cluster) => (cluster === peer.cluster ? peer.trustBundle : undefined),
  });
  return new tls.TLSSocket(raw, { ...options, isServer: true });
}

function tunnelOf(connection: tls.TLSSocket, httpRole: 'client' | 'server', cluster: string) {
  const hello: Hello = {
    protocols: { min: 1, max: 1 },
    features: [],
    version: '1.0.0',
    cluster,
    replica: `${cluster}-0`,
    worker: 0,
    purpose: 'data',
    replicas: [],
    wantsReverse: false,
  };
  return new Tunnel({
    connection,
    httpRole,
    hello,
    clock: systemClock,
    serve: (exchange) => {
      exchange.answer({ status: 200, headers: [], upgrade: '', length: BODY.length }, false);
      exchange.body(BODY, 0, BODY.length, true);
    },
    accept: () => undefined,
  });
}

for (const dialler of ['west', 'east'] as const) {
  for (const tlsServer of ['west', 'east'] as const) {
    for (const httpClient of ['west', 'east'] as const) {
      const name = `${dialler} dialled, ${tlsServer} is the TLS server, ${httpClient} the HTTP/2 client`;
      test(name, async () => {
        const { dialled, accepted, end } = await connected();
        const raw = { west: dialler === 'west' ? dialled : accepted, east: dialled };
        raw.east = dialler === 'east' ? dialled : accepted;
        const role = (of: string, holder: string) => (of === holder ? 'client' : 'server');
        const tlsRole = (of: string) => (of === tlsServer ? 'server' : 'client');
        const near = secured(raw.west, tlsRole('west'), west, east);
        const far = secured(raw.east, tlsRole('east'), east, west);
        const tunnels = {
          west: tunnelOf(near, role('west', httpClient), 'west'),
          east: tunnelOf(far, role('east', httpClient), 'east'),
        };
        await Promise.all([tunnels.west.ready, tunnels.east.ready]);
        assert.equal(tunnels.west.peer?.cluster, 'east');
        for (const each of [near, far]) assert.ok(each.getPeerX509Certificate(), 'both show one');
        const hash = createHash('sha256');
        const answer = call(tunnels[httpClient].endpoint, peerRequest('GET', '/'));
        for await (const chunk of answer) hash.update(chunk as Buffer);
        assert.equal(hash.digest('hex'), createHash('sha256').update(BODY).digest('hex'));
        const over = new IsthmusError('TUNNEL_LOST', 'the test is over');
        tunnels.west.close(over);
        tunnels.east.close(over);
        end();
      });
    }
  }
}
