/** Port 4143: each peer meets its own bundle alone, and everybody else is turned away. */
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import {
  type ConnectionOptions,
  connect,
  createServer,
  type Server,
  type TLSSocket,
} from 'node:tls';
import { linkServerName } from '#core/names.ts';
import { type Admission, admit } from '#identity/admit.ts';
import type { Credentials } from '#identity/credentials.ts';
import {
  clusterClientOptions,
  clusterServerOptions,
  linkClientOptions,
  linkServerOptions,
} from '#identity/tls.ts';
import { createAuthority, systemId, type TestAuthority, validFor } from './authority-fixture.ts';

const EXPECTED = { namespace: 'isthmus-system', serviceAccounts: ['isthmus-gateway'] };

interface Port {
  readonly port: number;
  readonly server: Server;
  readonly admissions: Admission[];
  readonly bundles: Map<string, string>;
}

/** East's port 4143, linked to west (and to north when given). */
async function listen(t: TestContext, east: TestAuthority, peers: TestAuthority[]): Promise<Port> {
  const bundles = new Map(peers.map((peer) => [peer.cluster, peer.trustBundle]));
  const credentials = east.of('isthmus-gateway');
  const admissions: Admission[] = [];
  const server = createServer(
    linkServerOptions({ credentials: () => credentials, bundleOf: (name) => bundles.get(name) }),
    (socket) => {
      const cluster = String(socket.servername).split('.')[0];
      const admission = admit(socket, { trustDomain: `${cluster}.isthmus.local`, ...EXPECTED });
      admissions.push(admission);
      socket.on('error', () => undefined);
      if (admission.admitted) socket.write('hello');
      else socket.destroy();
    },
  );
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, server, admissions, bundles };
}

interface Outcome {
  readonly admitted: boolean;
  readonly reused: boolean;
  readonly session: Buffer | undefined;
}

/** Dials and waits for the first byte, or for the refusal. */
function dial(t: TestContext, port: number, options: ConnectionOptions): Promise<Outcome> {
  return new Promise((resolve) => {
    let session: Buffer | undefined;
    const socket: TLSSocket = connect({ port, host: '127.0.0.1', ...options });
    t.after(() => socket.destroy());
    socket.on('session', (ticket) => {
      session = ticket;
    });
    socket.once('error', () => resolve({ admitted: false, reused: false, session }));
    socket.once('close', () => resolve({ admitted: false, reused: false, session }));
    socket.once('data', () => {
      // Tickets follow the handshake and come before the first byte.
      resolve({ admitted: true, reused: socket.isSessionReused(), session });
      socket.end();
    });
  });
}

function asCluster(own: TestAuthority, peer: TestAuthority, credentials?: Credentials) {
  return linkClientOptions({
    credentials: credentials ?? own.of('isthmus-gateway'),
    ownCluster: own.cluster,
    peerBundle: peer.trustBundle,
  });
}

test('Two linked clusters meet, and both know whom', async (t) => {
  const [west, east] = [createAuthority('west'), createAuthority('east')];
  const { port, admissions } = await listen(t, east, [west]);
  const socket = connect({ port, host: '127.0.0.1', ...asCluster(west, east) });
  t.after(() => socket.destroy());
  await new Promise((resolve, reject) => {
    socket.once('data', resolve);
    socket.once('error', reject);
  });
  assert.equal(socket.getProtocol(), 'TLSv1.3');
  assert.equal(socket.getCipher().name, 'TLS_AES_128_GCM_SHA256');
  const trustDomain = 'east.isthmus.local';
  assert.ok(admit(socket, { trustDomain, ...EXPECTED }).admitted);
  assert.deepEqual(admissions, [{ admitted: true, id: systemId('west', 'isthmus-gateway') }]);
});

test("A look-alike root of another peer does not reach a peer's context", async (t) => {
  const [west, east] = [createAuthority('west'), createAuthority('east')];
  const north = createAuthority('north');
  // North is linked, and makes itself a root that says it is west's.
  const forged = createAuthority('west');
  const { port, bundles } = await listen(t, east, [west, north]);
  bundles.set('north', north.trustBundle + forged.trustBundle);
  assert.equal((await dial(t, port, asCluster(forged, east))).admitted, false);
  // Through north's own door the forged certificate verifies, and admit() sees the trust domain.
  const throughNorth = { ...asCluster(forged, east), servername: linkServerName('north') };
  assert.equal((await dial(t, port, throughNorth)).admitted, false);
  // And west is not disturbed.
  assert.equal((await dial(t, port, asCluster(west, east))).admitted, true);
});

test('A server name that is unknown, malformed or missing is refused in the handshake', async (t) => {
  const [west, east] = [createAuthority('west'), createAuthority('east')];
  const { port, admissions } = await listen(t, east, [west]);
  const options = asCluster(west, east);
  for (const servername of ['south.link.isthmus', 'west', 'join.isthmus', '']) {
    assert.equal((await dial(t, port, { ...options, servername })).admitted, false, servername);
  }
  assert.deepEqual(admissions, []);
});

test('A client without a certificate, or with an expired one, is refused', async (t) => {
  const [west, east] = [createAuthority('west'), createAuthority('east')];
  const { port, admissions } = await listen(t, east, [west]);
  const bare = {
    servername: linkServerName('west'),
    ca: east.trustBundle,
    checkServerIdentity: () => undefined,
  };
  assert.equal((await dial(t, port, bare)).admitted, false);
  const expired = west.of('isthmus-gateway', validFor(-0.5));
  assert.equal((await dial(t, port, asCluster(west, east, expired))).admitted, false);
  assert.deepEqual(admissions, []);
});

test('A client refuses a server of another bundle', async (t) => {
  const [west, east] = [createAuthority('west'), createAuthority('east')];
  const { port } = await listen(t, east, [west]);
  const lookAlike = createAuthority('east');
  assert.equal((await dial(t, port, asCluster(west, lookAlike))).admitted, false);
});

test('admit() refuses a wrong trust domain, namespace and service account, with the reason', async (t) => {
  const [west, east] = [createAuthority('west'), createAuthority('east')];
  const { port, admissions } = await listen(t, east, [west]);
  const strangers = [
    west.of('isthmus-mirror'),
    west.leaf({ id: systemId('south', 'isthmus-gateway') }),
    west.leaf({ id: { ...systemId('west', 'isthmus-gateway'), namespace: 'shop' } }),
  ];
  for (const credentials of strangers) {
    assert.equal((await dial(t, port, asCluster(west, east, credentials))).admitted, false);
  }
  const reasons = admissions.map((each) => (each.admitted ? 'admitted' : each.reason));
  assert.match(reasons[0] ?? '', /service account isthmus-mirror, expected isthmus-gateway/);
  assert.match(reasons[1] ?? '', /trust domain south\.isthmus\.local, expected west/);
  assert.match(reasons[2] ?? '', /namespace shop, expected isthmus-system/);
});

test('A client that offers a session gets a full handshake, and none once its bundle is gone', async (t) => {
  const [west, east] = [createAuthority('west'), createAuthority('east')];
  const { port, bundles } = await listen(t, east, [west]);
  const options = asCluster(west, east);
  const first = await dial(t, port, options);
  assert.ok(first.admitted);
  assert.ok(first.session, 'the test needs a session to offer');
  const second = await dial(t, port, { ...options, session: first.session });
  assert.deepEqual([second.admitted, second.reused], [true, false]);
  bundles.set('west', createAuthority('west').trustBundle);
  assert.equal((await dial(t, port, { ...options, session: first.session })).admitted, false);
  bundles.delete('west');
  assert.equal((await dial(t, port, { ...options, session: first.session })).admitted, false);
});

test('Contexts are built once per credentials and bundle', () => {
  const [west, east] = [createAuthority('west'), createAuthority('east')];
  const credentials = west.of('isthmus-gateway');
  const context = (own: Credentials) => asCluster(west, east, own).secureContext;
  assert.equal(context(credentials), context(credentials));
  assert.notEqual(context(credentials), context(west.of('isthmus-gateway')));
});

test('Members of one cluster meet on its own bundle, with credentials that may be renewed', async (t) => {
  const west = createAuthority('west');
  let credentials = west.of('isthmus-gateway');
  const server = createServer(
    clusterServerOptions({ credentials: () => credentials }),
    (socket) => {
      socket.on('error', () => undefined);
      socket.write('hello');
    },
  );
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const mirror = clusterClientOptions(west.of('isthmus-mirror'));
  assert.ok((await dial(t, port, mirror)).admitted);
  credentials = west.of('isthmus-gateway', validFor(1));
  assert.ok((await dial(t, port, mirror)).admitted);
  const other = createAuthority('west');
  assert.equal(
    (await dial(t, port, clusterClientOptions(other.of('isthmus-mirror')))).admitted,
    false,
  );
});
