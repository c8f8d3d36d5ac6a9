/**
 * Two linked gateways with a bad road between them: connections are cut, ended, reset, silenced, and
 * bytes are changed or repeated, at points a seed decides.
 *
 * `ISTHMUS_TEST_SEEDS` says how many seeds are tried.
 */
import assert from 'node:assert/strict';
import net, { type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { below, type Random, seededRandom } from '#core/random.ts';
import { describeService } from '#gateway/balance/describe.ts';
import { startLoad } from '../workers/load.ts';
import { startAnyPod } from '../workers/pod.ts';
import { exporting, listener, peerOf, request, startCluster, until } from '../world.ts';

const SEEDS = Number(process.env.ISTHMUS_TEST_SEEDS ?? 1);
const PORT = 10_001;
const BAD_MS = 4_000;
/** A fault comes within so many bytes of each connection. */
const FAULT_BYTES_MAX = 12_000;
const KINDS = ['cut', 'end', 'stall', 'flip', 'repeat'] as const;

/** A road to `host` that ruins each connection once, while it is bad. */
async function badRoad(host: string, random: Random) {
  const faults: Record<string, number> = {};
  let bad = true;
  const open = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (near) => {
    const far = net.connect({ host, port: 4143, allowHalfOpen: true });
    const kind = KINDS[below(random, KINDS.length)] ?? 'cut';
    const direction = below(random, 2);
    const afterBytes = below(random, FAULT_BYTES_MAX);
    let broken = false;
    const carry = (from: net.Socket, to: net.Socket, ruins: boolean) => {
      let passed = 0;
      from.on('data', (bytes: Buffer) => {
        if (broken) return;
        const at = afterBytes - passed;
        passed += bytes.length;
        if (!ruins || !bad || at < 0 || at >= bytes.length) {
          to.write(bytes);
          return;
        }
        faults[kind] = (faults[kind] ?? 0) + 1;
        if (kind === 'flip') {
          const changed = Buffer.from(bytes);
          changed[at] = (changed[at] ?? 0) ^ (1 << below(random, 8));
          to.write(changed);
        } else if (kind === 'repeat') {
          to.write(Buffer.concat([bytes.subarray(0, at + 1), bytes.subarray(at)]));
        } else {
          broken = true;
          to.write(bytes.subarray(0, at));
          if (kind === 'end') to.end();
          if (kind !== 'cut') return;
          from.resetAndDestroy();
          to.resetAndDestroy();
        }
      });
      from.on('end', () => broken || to.end());
      from.on('error', () => undefined);
      from.on('close', () => {
        open.delete(from);
        to.destroy();
      });
      open.add(from);
    };
    carry(near, far, direction === 0);
    carry(far, near, direction === 1);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    faults,
    mend() {
      bad = false;
    },
    close() {
      server.close();
      for (const each of open) each.destroy();
    },
  };
}

for (let seed = 1; seed <= SEEDS; seed += 1) {
  test(`seed ${seed}: answers are right or errors, and the tunnels come back`, async (t) => {
    const west = await startCluster('west');
    const east = await startCluster('east');
    const pod = await startAnyPod(2);
    const road = await badRoad(east.host, seededRandom(seed));
    t.after(async () => {
      pod.destroy();
      road.close();
      await Promise.all([west.stop(), east.stop()]);
    });
    await east.set({ ...exporting([pod.endpoint]), peers: new Map([['west', peerOf(west)]]) });
    await west.set({
      listeners: new Map([[PORT, listener(PORT, { clusters: ['east'] })]]),
      peers: new Map([['east', peerOf(east, { gateways: [road.address] })]]),
    });
    const load = startLoad({ host: west.host, port: PORT });
    await new Promise((resolve) => setTimeout(resolve, BAD_MS));
    road.mend();
    // A connection that fell silent last is noticed after three seconds, and its clients told.
    await until('served again', async () => (await request(west.host, PORT)).status === 200, 6_000);
    const { done, failures } = await load.stop();
    const answered = Object.values(done).reduce((sum, each) => sum + each, 0);
    t.diagnostic(`${answered} answered, ${failures.length} failed, ${JSON.stringify(road.faults)}`);
    assert.ok(answered > 0);
    assert.ok(Object.keys(road.faults).length >= 2, 'the road was bad');
    // A status of 200 with anything else than what was sent, or a clean end of a part of it.
    const wrong = failures.filter(({ message }) =>
      /^status 200|came back|no trailers/.test(message),
    );
    assert.deepEqual(wrong, []);
    const late = failures.filter(({ message }) => message.startsWith('not over'));
    assert.deepEqual(late, []);
    await until('nothing is in flight', () => {
      const gateways = [west.gateway, east.gateway];
      return gateways.every(({ balancer }) =>
        [...balancer.entries()].every(([, each]) => {
          const { local, remote } = describeService(each, 0);
          return [...local, ...remote].every(({ inFlight }) => inFlight === 0);
        }),
      );
    });
  });
}
