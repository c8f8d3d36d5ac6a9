/** Pods whose port says nothing of what they speak. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { describeService } from '#gateway/balance/describe.ts';
import { exporting, listener, startCluster, startPod, type TestCluster } from './world.ts';

let cluster: TestCluster;
let pod: Awaited<ReturnType<typeof startPod>>;

before(async () => {
  pod = await startPod('http1-only', (incoming, response) => {
    incoming.resume();
    incoming.on('end', () => response.end(`${incoming.method} ${incoming.httpVersion}`));
  });
  cluster = await startCluster('west');
  await cluster.set({
    ...exporting([pod.endpoint]),
    listeners: new Map([[10_001, listener(10_001, { local: true })]]),
  });
});

after(async () => {
  pod.destroy();
  await cluster.stop();
});

test('an HTTP/2 client reaches a pod that knows HTTP/1 alone, and costs it no failure', async () => {
  const session = http2.connect(`http://${cluster.host}:10001`);
  const ask = async (method: string) => {
    const stream = session.request({ ':method': method, ':path': '/' });
    if (method === 'POST') stream.end('content');
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    await once(stream, 'end');
    return text;
  };
  // Not idempotent either: nothing but our preface has reached the pod before.
  const startMs = performance.now();
  assert.equal(await ask('POST'), 'POST 1.1');
  // It has said so with its first bytes; its connection may take a second or two to end.
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs < 1_000, `the first answer took ${tookMs} ms`);
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask('GET')));
  assert.deepEqual(new Set(answers), new Set(['GET 1.1']));
  const [[, balancer] = []] = [...cluster.gateway.balancer.entries()];
  assert.ok(balancer);
  assert.equal(describeService(balancer, 0).local[0]?.success, 1);
  session.destroy();
});

test('a pod that broke off before it spoke is not taken for one that knows HTTP/1 alone', async (t) => {
  const speaks = http2.createServer((incoming, response) => {
    incoming.resume();
    response.end(`by ${incoming.httpVersion}`);
  });
  let connections = 0;
  const starting = net.createServer((socket) => {
    connections += 1;
    socket.on('error', () => undefined);
    if (connections <= 1) socket.destroy();
    else speaks.emit('connection', socket);
  });
  starting.listen(0, '127.0.0.1');
  await once(starting, 'listening');
  t.after(() => starting.close());
  const { port } = starting.address() as net.AddressInfo;
  await cluster.set(exporting([{ host: '127.0.0.1', port, podName: 'starting' }]));
  const session = http2.connect(`http://${cluster.host}:10001`);
  t.after(() => session.destroy());
  const ask = async () => {
    const stream = session.request({ ':path': '/' });
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    await once(stream, 'end');
    return text;
  };
  await ask();
  assert.deepEqual(await Promise.all([ask(), ask()]), ['by 2.0', 'by 2.0']);
});
