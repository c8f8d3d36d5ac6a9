/** Obtaining an identity, from Secret to certificate, over a real socket. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Clock, systemClock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import { type LogFields, type Logger, silentLogger } from '#core/log.ts';
import { identityNetwork } from '#core/network.ts';
import { seededRandom } from '#core/random.ts';
import { VirtualClock } from '#core/virtual-clock.ts';
import { requestCertificate } from '#identity/client.ts';
import type { Credentials } from '#identity/credentials.ts';
import { createRequest } from '#identity/csr.ts';
import { createSigningServer, SIGNING_LIMITS } from '#identity/server.ts';
import { type Authority, createSigning, ownCredentials } from '#identity/signing.ts';
import { RENEWED_EACH_MS, renewalMs, WorkloadIdentity } from '#identity/workload.ts';
import { createKey } from '#identity/x509.ts';
import { createAuthority, systemId } from './authority-fixture.ts';

const GATEWAY = systemId('west', 'isthmus-gateway');
const GOOD_TOKEN = 'good-token';

interface Service {
  readonly server: Server;
  readonly port: number;
}

async function serve(
  t: TestContext,
  authority: Authority,
  options: {
    account?: string;
    clock?: Clock;
    limits?: typeof SIGNING_LIMITS;
    log?: Logger;
  } = {},
): Promise<Service> {
  const clock = options.clock ?? systemClock;
  const id = systemId('west', options.account ?? 'isthmus-identity');
  const credentials = ownCredentials(
    authority,
    id,
    ['isthmus-identity.isthmus-system.svc'],
    Date.now(),
  );
  const sign = createSigning({
    trustDomain: 'west.isthmus.local',
    clock,
    authority: () => authority,
    review: async (token) => {
      if (token !== GOOD_TOKEN) throw new IsthmusError('IDENTITY_REFUSED', 'The token is bad');
      return { namespace: 'isthmus-system', serviceAccount: 'isthmus-gateway' };
    },
  });
  const server = createSigningServer({
    credentials,
    clock,
    log: options.log ?? silentLogger,
    sign,
    ...(options.limits ? { limits: options.limits } : {}),
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

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

interface WorkloadFiles {
  readonly tokenFile: string;
  readonly bundleFile: string;
}

/** Files of a workload, which are not there yet. */
function workloadFiles(t: TestContext): WorkloadFiles {
  const directory = mkdtempSync(join(tmpdir(), 'isthmus-workload-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return { tokenFile: join(directory, 'token'), bundleFile: join(directory, 'ca.crt') };
}

/** A gateway that asks for its certificate at `port`. */
function workloadAt(port: number, files: WorkloadFiles, clock: Clock): WorkloadIdentity {
  return new WorkloadIdentity({
    id: GATEWAY,
    identityAddress: { host: '127.0.0.1', port },
    network: identityNetwork,
    ...files,
    clock,
    random: seededRandom(1),
    log: silentLogger,
  });
}

/** The machine's clock, except that waits of half a minute pass at once; `skippedMs` is how much that was. */
function impatientClock(): Clock & { readonly skippedMs: number } {
  let skippedMs = 0;
  return {
    ...systemClock,
    get skippedMs() {
      return skippedMs;
    },
    monotonicMs: () => systemClock.monotonicMs() + skippedMs,
    wallMs: () => systemClock.wallMs() + skippedMs,
    after(delayMs, callback) {
      if (delayMs < 30_000) return systemClock.after(delayMs, callback);
      skippedMs += delayMs;
      return systemClock.after(0, callback);
    },
  };
}

test('A workload waits for its files and for identity, then renews and tells its listeners', async (t) => {
  const west = createAuthority('west');
  const { port } = await serve(t, west);
  const files = workloadFiles(t);
  const clock = impatientClock();
  const identity = workloadAt(port, files, clock);
  assert.throws(() => identity.current(), { code: 'INTERNAL' });
  let skippedMs = 0;
  const renewed = new Promise<Credentials>((resolve) =>
    identity.onRenewed((credentials) => {
      skippedMs = clock.skippedMs;
      identity.close();
      resolve(credentials);
    }),
  );
  const started = identity.start(new AbortController().signal);
  writeFileSync(files.tokenFile, `${GOOD_TOKEN}\n`);
  writeFileSync(files.bundleFile, west.trustBundle);
  const first = await started;
  const second = await renewed;
  assert.notEqual(first.certificateChain, second.certificateChain);
  assert.notEqual(first.privateKey, second.privateKey);
  assert.equal(
    identity.current().id,
    'spiffe://west.isthmus.local/ns/isthmus-system/sa/isthmus-gateway',
  );
  assert.ok(skippedMs > 15 * 3_600_000 && skippedMs < 19 * 3_600_000, `${skippedMs} ms`);
});

test('A certificate is renewed in time where the machine slept, or its clock was put right', async (t) => {
  const west = createAuthority('west');
  const { port } = await serve(t, west);
  const files = workloadFiles(t);
  writeFileSync(files.tokenFile, GOOD_TOKEN);
  writeFileSync(files.bundleFile, west.trustBundle);
  let sleptMs = 0;
  const waits: { readonly delayMs: number; readonly callback: () => void }[] = [];
  const identity = workloadAt(port, files, {
    ...systemClock,
    wallMs: () => systemClock.wallMs() + sleptMs,
    after(delayMs, callback) {
      if (delayMs >= RENEWED_EACH_MS) waits.push({ delayMs, callback });
      return systemClock.after(delayMs, callback);
    },
  });
  t.after(() => identity.close());
  const renewed = new Promise<Credentials>((resolve) => identity.onRenewed(resolve));
  const first = await identity.start(new AbortController().signal);
  sleptMs = 20 * 3_600_000;
  const next = waits.at(-1);
  assert.ok(next && next.delayMs <= 60_000, `the next look is in ${next?.delayMs} ms`);
  next.callback();
  assert.notEqual((await renewed).certificateChain, first.certificateChain);
});

test('A certificate that is due as soon as it is signed is not renewed without a pause', async (t) => {
  const west = createAuthority('west');
  const { validity } = west;
  const notAfterMs = Date.now() + 70_000;
  const { port } = await serve(t, { ...west, validity: { ...validity, notAfterMs } });
  const files = workloadFiles(t);
  writeFileSync(files.tokenFile, GOOD_TOKEN);
  writeFileSync(files.bundleFile, west.trustBundle);
  const waits: number[] = [];
  const identity = workloadAt(port, files, {
    ...systemClock,
    after(delayMs, callback) {
      waits.push(delayMs);
      return systemClock.after(delayMs, callback);
    },
  });
  const first = await identity.start(new AbortController().signal);
  assert.equal(renewalMs(first, Date.now(), { next: () => 1 }), 0);
  assert.equal(waits.at(-1), RENEWED_EACH_MS);
  identity.close();
});

test('A workload that is told to end while it waits rejects with the reason', async () => {
  const ended = new AbortController();
  const identity = workloadAt(
    9,
    { tokenFile: '/nonexistent/token', bundleFile: '/nonexistent/ca.crt' },
    systemClock,
  );
  const started = identity.start(ended.signal);
  const reason = new Error('over');
  ended.abort(reason);
  await assert.rejects(started, reason);
});

test('Renewal is due between two thirds and four fifths of a life', () => {
  const life = { notBeforeMs: 0, notAfterMs: 30_000 };
  const at = (next: number) => renewalMs(life, 1_000, { next: () => next });
  assert.equal(at(0), 19_000);
  assert.ok(at(0.999) < 23_000);
  assert.equal(renewalMs(life, 40_000, { next: () => 0 }), 0);
});
