/** Certificates that are renewed in place: the next connection is made with what stands in the files now. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { systemClock } from '#core/clock.ts';
import { silentLogger } from '#core/log.ts';
import { identityNetwork } from '#core/network.ts';
import { systemRandom } from '#core/random.ts';
import { servingCertificate } from '#devcluster/api/certificates.ts';
import { TOKEN_MAX_AGE_MS } from '#kube/credentials.ts';
import { inClusterClient } from '#kube/in-cluster.ts';
import { kubeconfigClient } from '#kube/kubeconfig.ts';
import { configMaps } from '#kube/resources/builtin.ts';
import { configMap } from './support.ts';

/** Time passes when a test says so; timers run as ever. */
function handClock() {
  let aheadMs = 0;
  const clock = Object.assign(Object.create(systemClock) as typeof systemClock, {
    monotonicMs: () => systemClock.monotonicMs() + aheadMs,
  });
  return { clock, aMinutePasses: () => (aheadMs += TOKEN_MAX_AGE_MS + 1) };
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-followed-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** An API server with the certificate it is told to have; who its callers are, one after the other. */
async function serverOf(t: TestContext) {
  const callers: (string | undefined)[] = [];
  let serving = servingCertificate(['127.0.0.1'], Date.now());
  const material = () => ({ key: serving.key, cert: `${serving.certificate}${serving.ca}` });
  const server: Server = createServer(
    { ...material(), requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      callers.push((request.socket as TLSSocket).getPeerX509Certificate()?.subjectAltName);
      response.end(JSON.stringify(configMap('a', '1')));
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    callers,
    ca: () => serving.ca,
    /** From now on connections meet a certificate of another authority, and those there were end. */
    rotate() {
      serving = servingCertificate(['127.0.0.1'], Date.now());
      server.setSecureContext({ ...material() });
      server.closeAllConnections();
    },
  };
}

const shared = {
  network: identityNetwork,
  random: systemRandom,
  log: silentLogger,
};

test('a component trusts the CA that its service account is given later', async (t) => {
  const folder = folderOf(t);
  const server = await serverOf(t);
  const { clock, aMinutePasses } = handClock();
  const ca = join(folder, 'ca.crt');
  writeFileSync(join(folder, 'token'), 'token');
  writeFileSync(ca, server.ca());
  const client = inClusterClient({
    ...shared,
    clock,
    host: '127.0.0.1',
    port: server.port,
    serviceAccountFolder: folder,
  });
  t.after(() => client.close());
  const read = () => client.get(configMaps, 'a', 'shop');
  assert.ok(await read());
  server.rotate();
  await assert.rejects(read(), { code: 'CLUSTER_UNREACHABLE' });
  writeFileSync(ca, server.ca());
  aMinutePasses();
  assert.ok(await read());
  writeFileSync(ca, '-----BEGIN CERTIFICATE-----\nhalf of');
  aMinutePasses();
  assert.ok(await read(), 'what is half written is not used');
});

test('a component without a CA says which file it wants', (t) => {
  const folder = folderOf(t);
  const options = { ...shared, clock: systemClock, host: '127.0.0.1', port: 1 };
  assert.throws(() => inClusterClient({ ...options, serviceAccountFolder: folder }), {
    code: 'INVALID_CONFIG',
    message: new RegExp(join(folder, 'ca.crt')),
  });
});

test('the client certificate and CA of a kubeconfig are those their files hold now', async (t) => {
  const folder = folderOf(t);
  const server = await serverOf(t);
  const { clock, aMinutePasses } = handClock();
  const show = (name: string) => {
    const { certificate, key } = servingCertificate([name], Date.now());
    writeFileSync(join(folder, 'client.crt'), certificate);
    return () => writeFileSync(join(folder, 'client.key'), key);
  };
  show('first')();
  writeFileSync(join(folder, 'ca.crt'), server.ca());
  const kubeconfig = join(folder, 'kubeconfig');
  const url = `https://127.0.0.1:${server.port}`;
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'c',
      clusters: [{ name: 'c', cluster: { server: url, 'certificate-authority': 'ca.crt' } }],
      users: [
        { name: 'c', user: { 'client-certificate': 'client.crt', 'client-key': 'client.key' } },
      ],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'c' } }],
    }),
  );
  const { client } = await kubeconfigClient({ ...shared, clock, paths: [kubeconfig] });
  t.after(() => client.close());
  const read = () => client.get(configMaps, 'a', 'shop');
  await read();
  const writeKey = show('second');
  await read();
  aMinutePasses();
  await read();
  assert.deepEqual(server.callers, Array(3).fill('DNS:first'), 'not before the key is there too');
  writeKey();
  await read();
  assert.equal(server.callers.at(-1), 'DNS:second');
  server.rotate();
  writeFileSync(join(folder, 'ca.crt'), server.ca());
  aMinutePasses();
  assert.ok(await read());
});
