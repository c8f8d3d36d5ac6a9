/** Sources that do what honest clients do, again and again: whoever stands for many, as an ingress does, is not kept out for it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { exporting, listener, request, startCluster, startPod, type TestCluster } from './world.ts';

let cluster: TestCluster;
let pod: Awaited<ReturnType<typeof startPod>>;

before(async () => {
  pod = await startPod('pod');
});

after(() => pod.destroy());

const INNOCENT: readonly [string, string][] = [
  ['give up their uploads', 'POST / HTTP/1.1\r\nhost: shop\r\ncontent-length: 9\r\n\r\nhalf'],
  ['ask by a method nobody serves', 'VERSION-CONTROL / HTTP/1.1\r\nhost: shop\r\n\r\n'],
  ['ask for a tunnel', 'CONNECT shop:80 HTTP/1.1\r\nhost: shop:80\r\n\r\n'],
];

for (const [what, text] of INNOCENT) {
  test(`clients that ${what} keep nobody of their source out`, async (t) => {
    cluster = await startCluster('west');
    t.after(() => cluster.stop());
    await cluster.set({
      ...exporting([pod.endpoint]),
      listeners: new Map([[10_001, listener(10_001, { local: true })]]),
    });
    const ask = async () => {
      const socket = net.connect({ port: 10_001, host: cluster.host }).resume();
      socket.on('error', () => undefined);
      socket.end(text);
      await once(socket, 'close');
    };
    for (let times = 0; times < 30; times += 1) await Promise.all(Array.from({ length: 10 }, ask));
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => request(cluster.host, 10_001)),
    );
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  });
}
