/**
 * Connections of HTTP/2 are replaced before their stream ids run out, with another one there first.
 */
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import { test } from 'node:test';
import { describeService } from '#gateway/balance/describe.ts';
import type { Tunnel } from '#gateway/tunnel/tunnel.ts';
import { startLoad } from './workers/load.ts';
import { startAnyPod } from './workers/pod.ts';
import { exporting, listener, peerOf, request, startCluster, until } from './world.ts';

const PORT = 10_001;
/** The 21st stream of a connection asks for another one. */
const RENEW_AT = 41;

for (const hidden of [false, true]) {
  const which = hidden ? 'that the peer dialled' : 'that we dialled';
  test(`tunnels ${which} are renewed under load, and nothing is lost`, async (t) => {
    const west = await startCluster('west', { renewAtStreamId: RENEW_AT });
    const east = await startCluster('east', { renewAtStreamId: RENEW_AT });
    const pod = await startAnyPod(2);
    t.after(async () => {
      pod.destroy();
      await Promise.all([west.stop(), east.stop()]);
    });
    await east.set({ ...exporting([pod.endpoint]), peers: new Map([['west', peerOf(west)]]) });
    const change = hidden ? { gateways: [] } : {};
    await west.set({
      listeners: new Map([[PORT, listener(PORT, { clusters: ['east'] })]]),
      peers: new Map([['east', peerOf(east, change)]]),
    });
    await until('served', async () => (await request(west.host, PORT)).status === 200);

    const seen = new Set<Tunnel>();
    const watching = setInterval(() => {
      const tunnel = west.gateway.peers.tunnels('east')?.pick('data');
      if (tunnel) seen.add(tunnel);
    }, 2);
    const load = startLoad({ host: west.host, port: PORT });
    await until(
      'many tunnels',
      () => seen.size > 10 && Object.keys(load.done).length === 5,
      10_000,
    );
    const { failures } = await load.stop();
    clearInterval(watching);
    assert.deepEqual(failures, []);
    // What was replaced ends, but for the two that are used and those that end just now.
    await until('the old ones end', () => [...seen].filter((each) => !each.ended).length <= 3);
    for (const [, balancer] of west.gateway.balancer.entries()) {
      for (const each of describeService(balancer, 0).remote) assert.equal(each.inFlight, 0);
    }
  });
}

test('connections to pods and of clients are renewed', async (t) => {
  const west = await startCluster('west', { renewAtStreamId: RENEW_AT });
  let sessions = 0;
  const pod = http2.createServer((_, response) => response.end('served'));
  pod.on('session', () => {
    sessions += 1;
  });
  await new Promise<void>((resolve) => pod.listen(0, '127.0.0.1', resolve));
  const address = pod.address();
  assert.ok(address !== null && typeof address === 'object');
  t.after(async () => {
    pod.close();
    await west.stop();
  });
  await west.set({
    ...exporting([{ host: '127.0.0.1', port: address.port, podName: 'h2c' }]),
    listeners: new Map([[PORT, listener(PORT, { local: true })]]),
  });
  let goaways = 0;
  let session: http2.ClientHttp2Session | undefined;
  for (let each = 0; each < 100; each += 1) {
    if (session === undefined || session.closed) {
      session = http2.connect(`http://${west.host}:${PORT}`);
      session.on('goaway', () => {
        goaways += 1;
      });
    }
    const stream = session.request({ ':path': '/', ':authority': 'backend' });
    let body = '';
    for await (const chunk of stream.setEncoding('utf8')) body += chunk;
    assert.equal(body, 'served');
  }
  session?.close();
  // Of 21 streams each, or one more that was under way when the client was told.
  assert.ok(sessions >= 4, `${sessions} connections to the pod`);
  assert.ok(goaways >= 4, `clients were told ${goaways} times`);
});
