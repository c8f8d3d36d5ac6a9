/** Exec plugins of a kubeconfig: what they are told, how long they may take, how long what they gave is used. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { type Clock, systemClock } from '#core/clock.ts';
import { silentLogger } from '#core/log.ts';
import { identityNetwork } from '#core/network.ts';
import { systemRandom } from '#core/random.ts';
import { servingCertificate } from '#devcluster/api/certificates.ts';
import { execPlugin } from '#kube/exec-plugin.ts';
import { kubeconfigClient } from '#kube/kubeconfig.ts';
import { configMaps } from '#kube/resources/builtin.ts';
import { clientOf, configMap, json, refuse, scriptedServer } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'isthmus-exec-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const cluster = { server: 'https://c.example:6443', 'certificate-authority-data': 'Y2E=' };
const runs = join(folder, 'runs');
let wallMs = Date.parse('2026-06-01T00:00:00Z');
const clock: Clock = { ...systemClock, wallMs: () => wallMs };

/** A plugin that runs `script` and notes every run with what it was told. */
function plugin(script: string, config: object = {}, timeoutMs = 5_000) {
  rmSync(runs, { force: true });
  const path = join(folder, 'plugin.mjs');
  writeFileSync(
    path,
    `import { appendFileSync } from 'node:fs';
const info = process.env.KUBERNETES_EXEC_INFO;
appendFileSync(${JSON.stringify(runs)}, info + '\\n');
const say = (status) => console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status }));
${script}`,
  );
  return execPlugin({
    config: {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: process.execPath,
      args: [path, 'argument'],
      env: [{ name: 'EXTRA', value: 'extra' }],
      ...config,
    },
    cluster,
    directory: folder,
    env: process.env,
    clock,
    timeoutMs,
  });
}
const ran = () => (existsSync(runs) ? readFileSync(runs, 'utf8').trim().split('\n') : []);

test('a plugin is told for which cluster it runs, and gets its arguments and variables', async () => {
  const source = plugin('say({ token: process.argv[2] + process.env.EXTRA });', {
    provideClusterInfo: true,
  });
  assert.deepEqual(await source.headers(false), { authorization: 'Bearer argumentextra' });
  assert.deepEqual(JSON.parse(ran()[0] ?? ''), {
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    spec: { interactive: false, cluster },
  });
});

test('what it gave is used until a minute before it expires, or until it is refused', async () => {
  const source = plugin("say({ token: 't', expirationTimestamp: '2026-06-01T01:00:00Z' });");
  await Promise.all([source.headers(false), source.headers(false)]);
  wallMs = Date.parse('2026-06-01T00:58:59Z');
  await source.headers(false);
  assert.equal(ran().length, 1, 'one run for all');
  await source.headers(true);
  assert.equal(ran().length, 2, 'refused');
  wallMs = Date.parse('2026-06-01T00:59:01Z');
  await source.headers(false);
  assert.equal(ran().length, 3, 'too close to its end');
});

for (const [what, script, expected] of [
  ['hangs', 'setInterval(() => undefined, 1000);', /gave nothing within 400 ms/],
  ['fails', "console.error('not logged in'); process.exit(3);", /ended with 3: not logged in/],
  ['prints nonsense', "console.log('hello');", /gave no ExecCredential/],
  ['gives nothing to use', 'say({});', /neither token nor certificate/],
] as const) {
  test(`a plugin that ${what} is an error that names it`, async () => {
    await assert.rejects(
      plugin(script, {}, what === 'hangs' ? 400 : 5_000).headers(false),
      (error: Error & { code?: string; field?: string }) => {
        assert.equal(error.code, 'INVALID_CONFIG');
        assert.equal(error.field, 'users[].user.exec');
        assert.match(error.message, expected);
        return true;
      },
    );
  });
}

test('a program that is not there is named with its hint, an unknown version with those known', async () => {
  const missing = plugin('', { command: 'no-such-plugin', installHint: 'Install it.' });
  await assert.rejects(missing.headers(false), /no-such-plugin cannot be run: .*Install it\./);
  assert.throws(() => plugin('', { apiVersion: 'other/v1' }), /apiVersion: is "other\/v1"/);
});

test('a token refused with 401 is asked for again, once', async () => {
  await using server = await scriptedServer((seen, response) =>
    seen.headers.authorization === 'Bearer 2'
      ? json(response, 200, configMap('a', '1'))
      : refuse(response, 401, 'Unauthorized'),
  );
  const count = join(folder, 'count');
  writeFileSync(count, '0');
  const source = plugin(`
import { readFileSync, writeFileSync } from 'node:fs';
const next = Number(readFileSync(${JSON.stringify(count)}, 'utf8')) + 1;
writeFileSync(${JSON.stringify(count)}, String(next));
say({ token: String(next) });`);
  await using client = clientOf(server.url, { headers: source });
  assert.equal((await client.get(configMaps, 'a', 'shop'))?.metadata.name, 'a');
  assert.equal(ran().length, 2);
});

test('a kubeconfig with an exec plugin that gives a certificate shows it to the server', async () => {
  const serving = servingCertificate(['127.0.0.1'], Date.now());
  const caller = servingCertificate(['caller'], Date.now());
  let shown: string | undefined;
  const server = createServer(
    {
      key: serving.key,
      cert: `${serving.certificate}${serving.ca}`,
      requestCert: true,
      rejectUnauthorized: false,
    },
    (request, response) => {
      shown = (request.socket as TLSSocket).getPeerX509Certificate()?.subjectAltName;
      response.end(JSON.stringify(configMap('a', '1')));
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const path = join(folder, 'certificate.mjs');
  const status = { clientCertificateData: caller.certificate, clientKeyData: caller.key };
  const answer = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status };
  writeFileSync(path, `console.log(${JSON.stringify(JSON.stringify(answer))});`);
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: process.execPath,
    args: [path],
    interactiveMode: 'Never',
  };
  const ca = Buffer.from(serving.ca).toString('base64');
  const file = join(folder, 'kubeconfig');
  writeFileSync(
    file,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'c',
      clusters: [{ name: 'c', cluster: { server: url, 'certificate-authority-data': ca } }],
      users: [{ name: 'c', user: { exec } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'c' } }],
    }),
  );
  const { client } = await kubeconfigClient({
    paths: [file],
    env: process.env,
    network: identityNetwork,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
  });
  assert.equal((await client.get(configMaps, 'a', 'shop'))?.metadata.name, 'a');
  assert.equal(shown, 'DNS:caller');
  await client.close();
  server.closeAllConnections();
  server.close();
});
