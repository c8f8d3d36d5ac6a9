/** A client that sends content byte by byte, beside one that sends requests. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { Frames } from '#bench/soak/attacks/frames.ts';
import { SHORT_BYTES } from '#gateway/resilience/trickles.ts';
import { FULL_FRAME_BYTES } from '#gateway/wire/http2/session.ts';
import { exporting, listener, peerOf, request, startCluster, startPod, until } from '../world.ts';

const FRAMES = 12_000;
/** What is beyond the burst takes so long; a little less, for clocks. */
const LEAST_MS =
  (0.9 * 1_000 * (FRAMES * (FULL_FRAME_BYTES - 1) - SHORT_BYTES.burst)) / SHORT_BYTES.perSecond;

test('frames of a byte beyond what a source may send arrive later, all of them', async (t) => {
  const [west, east] = [await startCluster('west'), await startCluster('east')];
  let bytes = 0;
  const pod = await startPod('east-pod', (incoming, response) => {
    incoming.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    incoming.on('end', () => response.end('all'));
  });
  t.after(async () => {
    pod.destroy();
    await Promise.all([west.stop(), east.stop()]);
  });
  await east.set({ ...exporting([pod.endpoint]), peers: new Map([['west', peerOf(west)]]) });
  await west.set({
    listeners: new Map([[10_001, listener(10_001, { clusters: ['east'] })]]),
    peers: new Map([['east', peerOf(east)]]),
  });
  await until('linked', () => west.gateway.peers.candidate('east', 'shop/backend').weight === 1);
  const socket = net.connect({ host: west.host, port: 10_001, localAddress: '127.0.9.1' });
  t.after(() => socket.destroy());
  const frames = new Frames([]);
  socket.resume();
  socket.write(frames.preface().settingsAck().take());
  const id = frames.request('POST', '/', false);
  await request(west.host, 10_001);
  const fromMs = performance.now();
  socket.write(frames.times(FRAMES, () => frames.data(id, Buffer.from('x'), false)));
  await until('all have come', async () => {
    // Somebody else sends requests, too.
    await request(west.host, 10_001);
    return bytes === FRAMES;
  });
  const tookMs = performance.now() - fromMs;
  assert.ok(tookMs >= LEAST_MS, `${tookMs} ms, at least ${LEAST_MS} are due`);
});
