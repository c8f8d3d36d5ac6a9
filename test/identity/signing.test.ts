/** What identity signs and refuses, over a real socket. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import { type LogFields, silentLogger } from '#core/log.ts';
import { identityNetwork } from '#core/network.ts';
import { VirtualClock } from '#core/virtual-clock.ts';
import { requestCertificate } from '#identity/client.ts';
import { createRequest } from '#identity/csr.ts';
import { SIGNING_LIMITS } from '#identity/server.ts';
import { createKey } from '#identity/x509.ts';
import { createAuthority, systemId } from './authority-fixture.ts';
import { GATEWAY, GOOD_TOKEN, serve } from './service.ts';

function ask(port: number, trustBundle: string, body: { csr: string; token: string }) {
  return requestCertificate(body, {
    address: { host: '127.0.0.1', port },
    network: identityNetwork,
    trustBundle,
    trustDomain: 'west.isthmus.local',
    clock: systemClock,
    signal: new AbortController().signal,
  });
}

const goodBody = () => ({ csr: createRequest(createKey(), GATEWAY), token: GOOD_TOKEN });

test('Identity signs for the id that the token proves', async (t) => {
  const west = createAuthority('west');
  const { port } = await serve(t, west);
  const answer = await ask(port, west.trustBundle, goodBody());
  assert.equal(answer.trustBundle, west.trustBundle);
  const leaf = new X509Certificate(answer.certificateChain);
  assert.match(leaf.subjectAltName ?? '', /sa\/isthmus-gateway$/);
});

test('Identity refuses with a code, a message and the next step', async (t) => {
  const west = createAuthority('west');
  const { port } = await serve(t, west);
  const refusals: [{ csr: string; token: string }, string][] = [
    [{ ...goodBody(), token: 'stolen' }, 'IDENTITY_REFUSED'],
    [
      { csr: createRequest(createKey(), systemId('west', 'isthmus-mirror')), token: GOOD_TOKEN },
      'IDENTITY_REFUSED',
    ],
    [{ csr: 'nonsense', token: GOOD_TOKEN }, 'CERTIFICATE_INVALID'],
    [{ csr: '', token: GOOD_TOKEN }, 'BAD_REQUEST'],
    [{ csr: 'x'.repeat(100_000), token: GOOD_TOKEN }, 'BODY_TOO_LARGE'],
  ];
  for (const [body, code] of refusals) {
    await assert.rejects(ask(port, west.trustBundle, body), (error: unknown) => {
      assert.ok(error instanceof IsthmusError);
      assert.equal(error.code, code, error.message);
      assert.ok(error.next.length > 0);
      return true;
    });
  }
});

test('A caller that asks too often is told to wait, and others are not', async (t) => {
  const west = createAuthority('west');
  const rate = { perSecond: 0.001, burst: 2, addressesMax: 10 };
  const { port } = await serve(t, west, { limits: { ...SIGNING_LIMITS, rate } });
  await ask(port, west.trustBundle, goodBody());
  await ask(port, west.trustBundle, goodBody());
  await assert.rejects(ask(port, west.trustBundle, goodBody()), { code: 'OVERLOADED' });
});

test('Whoever is refused again and again fills no log, and the log says how often that was', async (t) => {
  const west = createAuthority('west');
  const lines: (LogFields | undefined)[] = [];
  const log = { ...silentLogger, warn: (_: string, fields?: LogFields) => lines.push(fields) };
  const clock = new VirtualClock();
  const { port } = await serve(t, west, { log, clock });
  const refused = { ...goodBody(), token: 'stolen' };
  for (let each = 0; each < 60; each += 1) {
    await assert.rejects(ask(port, west.trustBundle, refused));
  }
  assert.equal(lines.length, 20);
  clock.runUntil(5_000);
  await assert.rejects(ask(port, west.trustBundle, refused));
  assert.equal(lines.length, 21);
  assert.equal(lines.at(-1)?.untold, 40);
});

test('An address that keeps connections open leaves some to others', async (t) => {
  const west = createAuthority('west');
  const limits = { ...SIGNING_LIMITS, connectionsMax: 4, connectionsOfOneMax: 3 };
  const { port } = await serve(t, west, { limits });
  const idle = Array.from({ length: 8 }, () => {
    const socket = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' });
    return socket.on('error', () => undefined);
  });
  t.after(() => idle.forEach((socket) => void socket.destroy()));
  await Promise.all(idle.slice(3).map((socket) => once(socket, 'close')));
  assert.equal(idle.filter(({ destroyed }) => !destroyed).length, 3);
  const answer = await ask(port, west.trustBundle, goodBody());
  assert.equal(answer.trustBundle, west.trustBundle);
});

test('A token is never sent to a server that is not identity', async (t) => {
  const west = createAuthority('west');
  const impostor = await serve(t, west, { account: 'isthmus-gateway' });
  let asked = 0;
  impostor.server.on('request', () => {
    asked += 1;
  });
  await assert.rejects(ask(impostor.port, west.trustBundle, goodBody()), {
    code: 'NOT_AUTHORIZED',
  });
  const forged = await serve(t, createAuthority('west'));
  await assert.rejects(ask(forged.port, west.trustBundle, goodBody()), {
    code: 'CLUSTER_UNREACHABLE',
  });
  assert.equal(asked, 0);
});
