/** The plain admin port, whose probes decide whether a component lives. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { identityNetwork } from '#core/network.ts';
import { startAdmin } from '#runtime/admin.ts';

test('whoever keeps connections open keeps no probe out', async (t) => {
  const server = await startAdmin({
    address: { host: '127.0.0.1', port: 0 },
    network: identityNetwork,
    metrics: { contentType: 'text/plain', metrics: async () => '' },
    unready: () => undefined,
  });
  const { port } = server.address() as net.AddressInfo;
  const sockets: net.Socket[] = [];
  t.after(() => {
    sockets.forEach((each) => void each.destroy());
    server.close();
  });
  for (let each = 0; each < 100; each += 1) {
    const socket = net.connect({ host: '127.0.0.1', port });
    socket.on('error', () => undefined);
    sockets.push(socket);
    await new Promise((resolve) => socket.once('connect', resolve));
  }
  const answer = await fetch(`http://127.0.0.1:${port}/live`);
  assert.equal(await answer.text(), 'live\n');
});
