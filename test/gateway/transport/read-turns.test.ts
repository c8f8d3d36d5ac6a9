/** Many sockets that bring much at once, and what becomes of those that bring little. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { READ_BYTES_PER_TURN } from '#gateway/transport/read-turns.ts';
import { Transport, type TransportOwner } from '#gateway/transport/transport.ts';
import { until } from '../world.ts';

const READ_AT_ONCE = 64 * 1_024;
const MUCH = Buffer.alloc(2_000_000, 0x61);
const MANY = 60;

/** Counts the bytes of all it owns. */
class Count implements TransportOwner {
  bytes = 0;
  readonly onEnd = () => undefined;
  readonly onRoom = () => undefined;
  readonly onClosed = () => undefined;
  readonly flush = () => undefined;

  onBytes(_bytes: Buffer, from: number, to: number): void {
    this.bytes += to - from;
  }
}

test('sockets that bring much are read in turns, and one that brings little at once', async (t) => {
  const server = net.createServer({ pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const coming: net.Socket[] = [];
  server.on('connection', (socket) => coming.push(socket));
  const senders = Array.from({ length: MANY }, () => net.connect({ port, host: '127.0.0.1' }));
  const light = net.connect({ port, host: '127.0.0.1', noDelay: true });
  t.after(() => {
    server.close();
    for (const each of [...senders, light, ...coming]) each.destroy();
  });
  await until('all are there', () => coming.length === MANY + 1);
  const [much, little] = [new Count(), new Count()];
  for (const each of senders) each.write(MUCH);
  for (const socket of coming) {
    const isLight = socket.remotePort === light.localPort;
    new Transport(socket, isLight ? little : much).resume();
  }
  let most = 0;
  let asked = 0;
  for (let turns = 0; much.bytes < MANY * MUCH.length; turns += 1) {
    const before = much.bytes;
    await turn();
    // In the first turns all are read once; then some go on, each of which may bring one read more than there was room for.
    if (before > MANY * READ_AT_ONCE) most = Math.max(most, much.bytes - before);
    if (turns % 10 === 9) {
      assert.equal(little.bytes, asked, `what was asked for 10 turns ago came after turn ${turns}`);
      light.write('x');
      asked += 1;
    }
  }
  assert.ok(most <= 3 * READ_BYTES_PER_TURN, `${most} bytes in one turn`);
  assert.ok(asked > 5, `asked ${asked} times`);
});
