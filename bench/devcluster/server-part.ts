/**
 * The API server under measurement, in a process of its own: what it costs is measured apart from who asks.
 *
 * Says `{ url, ca, token }` to its parent when it serves, and `{ heapBytes, cpuMs }` whenever it is asked anything.
 */
import { systemClock } from '#core/clock.ts';
import { silentLogger } from '#core/log.ts';
import { loopbackNetwork } from '#core/network.ts';
import { systemRandom } from '#core/random.ts';
import { startApiServer } from '#devcluster/api-server.ts';

const server = await startApiServer({
  cluster: 'bench',
  block: 10,
  network: loopbackNetwork,
  clock: systemClock,
  random: systemRandom,
  log: silentLogger,
  address: { host: '127.0.0.1', port: 0 },
});
process.send?.({ url: server.url, ca: server.ca, token: server.adminToken });
process.on('message', () => {
  globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  process.send?.({
    heapBytes: process.memoryUsage().heapUsed,
    cpuMs: (user + system) / 1_000,
    watches: server.context.watches.count,
  });
});
process.on('disconnect', () => process.exit(0));
