/** How the mirror controller reaches its own gateways: mTLS, admission, renewal, silence. */
import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { systemClock } from '#core/clock.ts';
import { identityNetwork } from '#core/network.ts';
import { admit } from '#identity/admit.ts';
import type { Credentials } from '#identity/credentials.ts';
import { clusterClientOptions, clusterServerOptions } from '#identity/tls.ts';
import { endpointSlices } from '#kube/resources/builtin.ts';
import { Replicas, readyAddresses } from '#mirror/replicas.ts';
import { createAuthority } from '../identity/authority-fixture.ts';

const west = createAuthority('west');

/** A server that answers as a gateway of west would, as `serviceAccount`. */
async function gateway(t: TestContext, serviceAccount: string) {
  const credentials = west.of(serviceAccount);
  const callers: unknown[] = [];
  const server = createServer(
    clusterServerOptions({ credentials: () => credentials }),
    (request, response) => {
      const { socket } = request;
      callers.push((socket as TLSSocket).getPeerX509Certificate()?.serialNumber);
      if (request.url === '/links') response.end('{"links":[]}');
      else response.write('{"kind":"heartbeat"}\n');
    },
  );
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  let current: Credentials = west.of('isthmus-mirror');
  const replicas = new Replicas({
    network: { ...identityNetwork, locate: () => ({ host: '127.0.0.1', port }) },
    clock: systemClock,
    tls: () => ({ version: current, options: clusterClientOptions(current) }),
    refusal: (socket) => {
      const expected = {
        trustDomain: 'west.isthmus.local',
        namespace: 'isthmus-system',
        serviceAccounts: ['isthmus-gateway'],
      };
      const admission = admit(socket, expected);
      return admission.admitted ? undefined : admission.reason;
    },
  });
  t.after(() => replicas.close());
  const renew = () => {
    current = west.of('isthmus-mirror');
  };
  return { replicas, callers, renew };
}

const { signal } = new AbortController();

test('a gateway of the own cluster is asked over mTLS, and a renewed certificate is used', async (t) => {
  const { replicas, callers, renew } = await gateway(t, 'isthmus-gateway');
  const ask = async () => await replicas.at(['10.0.0.1'])[0]?.json('/links', signal);
  assert.deepEqual(await ask(), { links: [] });
  assert.deepEqual(await ask(), { links: [] });
  renew();
  assert.deepEqual(await ask(), { links: [] });
  assert.equal(new Set(callers).size, 2);
});

test('somebody else at that address is refused before anything is sent', async (t) => {
  const { replicas, callers } = await gateway(t, 'isthmus-identity');
  const [replica] = replicas.at(['10.0.0.1']);
  await assert.rejects(replica?.json('/links', signal) ?? Promise.resolve(), (error: Error) => {
    assert.match(error.message, /service account isthmus-identity, expected isthmus-gateway/);
    return true;
  });
  assert.equal(callers.length, 0);
});

test('a stream that falls silent ends with an error', async (t) => {
  const { replicas } = await gateway(t, 'isthmus-gateway');
  const [replica] = replicas.at(['10.0.0.1']);
  const chunks: string[] = [];
  await assert.rejects(async () => {
    for await (const chunk of replica?.stream('/catalogs/east', 60, signal) ?? []) {
      chunks.push(Buffer.from(chunk).toString());
    }
  }, /nothing came for 60 ms/);
  assert.deepEqual(chunks, ['{"kind":"heartbeat"}\n']);
});

test('only ready addresses are asked, in one order', () => {
  const slice = endpointSlices.parse({
    metadata: { name: 'a' },
    addressType: 'IPv4',
    endpoints: [
      { addresses: ['10.0.0.2'] },
      { addresses: ['10.0.0.3'], conditions: { ready: false } },
      { addresses: ['10.0.0.1'], conditions: { ready: true } },
    ],
  });
  assert.deepEqual(readyAddresses([slice]), ['10.0.0.1', '10.0.0.2']);
});
