/** Connections to pods that speak HTTP/2, whether their port says so or not: how many streams each takes is the pod's to say. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import { after, before, test } from 'node:test';
import type { HttpVersion } from '#gateway/http/message.ts';
import { exporting, listener, startCluster, type TestCluster } from '../world.ts';

let cluster: TestCluster;

before(async () => {
  cluster = await startCluster('west');
});

after(() => cluster.stop());

/** Makes `ports` of this machine the only pods, of a Service port that declares `protocol`. */
async function serveFrom(
  ports: readonly number[],
  protocol: HttpVersion | undefined,
): Promise<void> {
  const { services, exports } = exporting(
    ports.map((port) => ({ host: '127.0.0.1', port, podName: `pod-${port}` })),
  );
  for (const service of services.values())
    for (const [key, each] of service.ports)
      (service.ports as Map<number, typeof each>).set(key, { ...each, protocol });
  const listeners = new Map([[10_001, listener(10_001, { local: true })]]);
  await cluster.set({ services, exports, listeners });
}

/** Asks `count` times at once by one connection, with a method that may not be repeated; the statuses. */
async function askAtOnce(session: http2.ClientHttp2Session, count: number): Promise<number[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const stream = session.request({ ':method': 'POST', ':path': '/' });
      stream.end();
      const [head] = await once(stream, 'response');
      stream.resume();
      await once(stream, 'close');
      return head[':status'];
    }),
  );
}

for (const protocol of [undefined, 'http2'] as const) {
  const declared = protocol === undefined ? 'says nothing' : 'says HTTP/2';
  test(`no pod whose port ${declared} gets more streams than it takes`, async (t) => {
    let connections = 0;
    const pod = http2.createServer({ settings: { maxConcurrentStreams: 20 } });
    pod.on('session', () => {
      connections += 1;
    });
    pod.on('stream', (stream: http2.ServerHttp2Stream) =>
      setTimeout(() => {
        stream.respond();
        stream.end('served');
      }, 20),
    );
    pod.listen(0, '127.0.0.1');
    await once(pod, 'listening');
    await serveFrom([(pod.address() as net.AddressInfo).port], protocol);
    const session = http2.connect(`http://${cluster.host}:10001`);
    t.after(() => {
      session.destroy();
      pod.close();
    });
    await once(session, 'remoteSettings');
    // The first come to a pod nobody knows, the others to one that has room for twenty more.
    for (const count of [100, 150])
      assert.deepEqual(new Set(await askAtOnce(session, count)), new Set([200]));
    assert.ok(connections <= 16, `${connections} connections`);
  });
}

test('what waited for a pod that breaks off before it has spoken is asked of another', async (t) => {
  const silent = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.destroy());
  });
  const pod = http2.createServer((_incoming, response) => response.end());
  const ports: number[] = [];
  for (const server of [silent, pod]) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ports.push((server.address() as net.AddressInfo).port);
  }
  await serveFrom(ports, 'http2');
  const session = http2.connect(`http://${cluster.host}:10001`);
  t.after(() => {
    session.destroy();
    silent.close();
    pod.close();
  });
  assert.deepEqual(new Set(await askAtOnce(session, 4)), new Set([200]));
});

test('what the only pod leaves unserved when it says goodbye goes to it by another connection', async (t) => {
  let goodbyes = 0;
  const pod = http2.createServer();
  pod.on('session', (session) => {
    let served = 0;
    session.on('stream', (stream) => {
      served += 1;
      stream.on('error', () => undefined);
      if (served === 1) {
        stream.respond();
        setTimeout(() => stream.end('served'), 20);
      } else if (served === 2) {
        goodbyes += 1;
        session.goaway(http2.constants.NGHTTP2_NO_ERROR, 1);
      }
    });
  });
  pod.listen(0, '127.0.0.1');
  await once(pod, 'listening');
  await serveFrom([(pod.address() as net.AddressInfo).port], 'http2');
  const session = http2.connect(`http://${cluster.host}:10001`);
  t.after(() => {
    session.destroy();
    pod.close();
  });
  assert.deepEqual(await askAtOnce(session, 2), [200, 200]);
  assert.equal(goodbyes, 1);
});

test('a pod that vanishes without a word while it owes an answer is missed', async (t) => {
  const pod = http2.createServer();
  const sockets: net.Socket[] = [];
  let cut = (): void => undefined;
  pod.on('stream', () => cut());
  pod.listen(0, '127.0.0.1');
  await once(pod, 'listening');
  // Stands for the way there: nothing passes any more, and nobody hears of it.
  const way = net.createServer((near) => {
    const far = net.connect((pod.address() as net.AddressInfo).port, '127.0.0.1');
    sockets.push(near, far);
    for (const each of [near, far]) each.on('error', () => undefined);
    near.pipe(far).pipe(near);
    cut = () => {
      near.unpipe(far).resume();
      far.unpipe(near).resume();
    };
  });
  way.listen(0, '127.0.0.1');
  await once(way, 'listening');
  await serveFrom([(way.address() as net.AddressInfo).port], 'http2');
  const session = http2.connect(`http://${cluster.host}:10001`);
  t.after(() => {
    session.destroy();
    for (const each of sockets) each.destroy();
    pod.close();
    way.close();
  });
  const askedMs = performance.now();
  const [status] = await askAtOnce(session, 1);
  const tookMs = performance.now() - askedMs;
  assert.equal(status, 502);
  assert.ok(tookMs > 9_000 && tookMs < 15_000, `${tookMs} ms`);
});

test('a pod that ends its connections by their age is asked however many long answers are left in old ones', async (t) => {
  const pod = http2.createServer();
  pod.on('session', (session) => {
    // As gRPC servers do with a maximum age and none for the calls in it: what was begun goes on.
    session.once('stream', () => setImmediate(() => session.goaway()));
  });
  pod.on('stream', (stream: http2.ServerHttp2Stream) => {
    stream.on('error', () => undefined);
    stream.respond();
  });
  pod.listen(0, '127.0.0.1');
  await once(pod, 'listening');
  await serveFrom([(pod.address() as net.AddressInfo).port], 'http2');
  const session = http2.connect(`http://${cluster.host}:10001`);
  t.after(() => {
    session.destroy();
    pod.close();
  });
  for (let asked = 0; asked < 20; asked += 1) {
    const stream = session.request({ ':method': 'POST', ':path': '/' });
    stream.on('error', () => undefined);
    stream.end();
    const [head] = await once(stream, 'response');
    assert.equal(head[':status'], 200, `request ${asked}`);
    // The goodbye that follows the answer is heard.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

test('a pod that says goodbye to each connection before anything is asked is given up', async (t) => {
  let connections = 0;
  const pod = http2.createServer();
  pod.on('session', (session) => {
    connections += 1;
    session.goaway();
  });
  pod.listen(0, '127.0.0.1');
  await once(pod, 'listening');
  await serveFrom([(pod.address() as net.AddressInfo).port], 'http2');
  const session = http2.connect(`http://${cluster.host}:10001`);
  t.after(() => {
    session.destroy();
    pod.close();
  });
  const late = new Promise<number[]>((resolve) => setTimeout(() => resolve([0]), 5_000).unref());
  const statuses = await Promise.race([askAtOnce(session, 1), late]);
  assert.deepEqual(statuses, [503], `after ${connections} connections`);
});
