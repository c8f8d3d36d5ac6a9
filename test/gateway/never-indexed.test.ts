/** What a sender keeps out of every table of header compression stays out on each hop (RFC 7541 section 6.2.3). */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { exporting, listener, peerOf, startCluster, until } from './world.ts';

/** Node's own mark, which its parser sets where a field came as never indexed. */
function marksOf(headers: http2.IncomingHttpHeaders): string[] {
  return (headers as { [http2.sensitiveHeaders]?: string[] })[http2.sensitiveHeaders] ?? [];
}

/** A pod of HTTP/2 that marks fields of its own, and the marks it has seen. */
async function startMarkingPod() {
  const seen: string[][] = [];
  const seenTrailing: string[][] = [];
  const server = http2.createServer();
  server.on('stream', (stream: http2.ServerHttp2Stream, headers) => {
    seen.push(marksOf(headers));
    stream.on('trailers', (trailers) => seenTrailing.push(marksOf(trailers)));
    stream.respond(
      { ':status': 200, 'x-token': 't', [http2.sensitiveHeaders]: ['x-token'] },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () =>
      stream.sendTrailers({ 'x-proof': 'p', 'x-sum': '1', [http2.sensitiveHeaders]: ['x-proof'] }),
    );
    stream.resume().on('end', () => stream.end('answer'));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return { server, seen, seenTrailing, endpoint: { host: '127.0.0.1', port, podName: 'marking' } };
}

test('fields that came as never indexed are sent on so, both ways and through two gateways', async (t) => {
  const pod = await startMarkingPod();
  const [west, east] = await Promise.all([startCluster('west'), startCluster('east')]);
  let session: http2.ClientHttp2Session | undefined;
  t.after(async () => {
    session?.destroy();
    pod.server.close();
    await Promise.all([west.stop(), east.stop()]);
  });
  const offered = exporting([pod.endpoint]);
  const port = { hint: 'http' as const, protocol: 'http2' as const, endpoints: [pod.endpoint] };
  for (const service of offered.services.values())
    (service.ports as Map<number, typeof port>).set(8080, port);
  await east.set({ ...offered, peers: new Map([['west', peerOf(west)]]) });
  await west.set({
    peers: new Map([['east', peerOf(east)]]),
    listeners: new Map([[10_001, listener(10_001, { clusters: ['east'] })]]),
  });
  await until('linked', () => west.gateway.peers.tunnels('east')?.connected === true);
  session = http2.connect(`http://${west.host}:10001`);
  for (let round = 0; round < 3; round += 1) {
    const stream: http2.ClientHttp2Stream = session.request(
      {
        ':path': '/',
        ':method': 'POST',
        'x-key': 'secret',
        'x-other': 'open',
        authorization: 'Bearer b',
        [http2.sensitiveHeaders]: ['x-key'],
      },
      { waitForTrailers: true, endStream: false },
    );
    const trailing = once(stream, 'trailers') as Promise<[http2.IncomingHttpHeaders]>;
    stream.on('wantTrailers', () =>
      stream.sendTrailers({ 'x-seal': 's', 'x-count': '2', [http2.sensitiveHeaders]: ['x-seal'] }),
    );
    stream.end('question');
    const [headers]: [http2.IncomingHttpHeaders] = (await once(stream, 'response')) as never;
    stream.resume();
    await once(stream, 'close');
    assert.equal(headers['x-token'], 't');
    assert.deepEqual(marksOf(headers), ['x-token']);
    const [trailers] = await trailing;
    assert.equal(trailers['x-sum'], '1');
    assert.deepEqual(marksOf(trailers), ['x-proof']);
  }
  // Credentials are hidden whether or not their sender asked for it.
  for (const marks of pod.seen) assert.deepEqual([...marks].sort(), ['authorization', 'x-key']);
  assert.equal(pod.seen.length, 3);
  assert.deepEqual(pod.seenTrailing, [['x-seal'], ['x-seal'], ['x-seal']]);
});
