/**
 * What a request costs both gateways together, in figures that do not depend on the machine's mood: bytes
 * allocated, as V8 counts them whether or not they are collected, and calls that write to a socket.
 *
 * A change that passes a bound here has made the data path dearer: see `npm run bench -- wire`.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { getHeapStatistics } from 'node:v8';
import { Worker } from 'node:worker_threads';
import {
  exporting,
  listener,
  peerOf,
  startCluster,
  type TestCluster,
  until,
} from '#test/gateway/world.ts';
import type { Order } from './wire-guard-load.ts';

const LISTENER_PORT = 10_001;
const CONNECTIONS = 16;
const PIPELINED = 8;
const WARM_BATCHES = 60;
const BATCHES = 100;
const REQUESTS = CONNECTIONS * PIPELINED * BATCHES;

/** Of both gateways, for one request and its answer. Lower it when the data path gets leaner. */
const BYTES_MAX = 10_000;
/**
 * Eight requests that come as one are one write between the gateways at least, and each of them one write to
 * the pod; answers that come one by one are one write each on the link and one to the client. So 3.125 is
 * what a machine in its worst mood may need, a few WINDOW_UPDATEs aside; heads and bodies apart need more.
 */
const WRITES_MAX = 3.2;
/** Methods of a handle that write; its counters begin alike. */
const WRITES = /^write(v|Buffer|\w+String)$/;

let west: TestCluster;
let east: TestCluster;
let load: Worker;

before(async () => {
  load = new Worker(new URL('./wire-guard-load.ts', import.meta.url));
  const [podPort] = (await once(load, 'message')) as [number];
  west = await startCluster('west');
  east = await startCluster('east');
  const pod = { host: '127.0.0.1', port: podPort, podName: 'pod' };
  await east.set({ ...exporting([pod]), peers: new Map([['west', peerOf(west)]]) });
  await west.set({
    listeners: new Map([[LISTENER_PORT, listener(LISTENER_PORT, { clusters: ['east'] })]]),
    peers: new Map([['east', peerOf(east)]]),
  });
  await until('linked', () => west.gateway.peers.candidate('east', 'shop/backend').weight === 1);
  await drive(WARM_BATCHES);
});

after(async () => {
  await load.terminate();
  await Promise.all([west.stop(), east.stop()]);
});

test('a request through both gateways allocates and writes no more than it may', async (t) => {
  const counter = countWrites();
  t.after(() => counter.restore());
  const before = allocatedBytes();
  await drive(BATCHES);
  const bytes = (allocatedBytes() - before) / REQUESTS;
  const writes = counter.count / REQUESTS;
  t.diagnostic(`${Math.round(bytes)} bytes and ${writes.toFixed(2)} writes a request`);
  assert.ok(bytes > 0 && bytes <= BYTES_MAX, `${bytes} bytes a request`);
  assert.ok(writes > 0 && writes <= WRITES_MAX, `${writes} writes a request`);
});

async function drive(batches: number): Promise<void> {
  const order: Order = {
    host: west.host,
    port: LISTENER_PORT,
    connections: CONNECTIONS,
    pipelined: PIPELINED,
    batches,
  };
  load.postMessage(order);
  const [answer] = (await once(load, 'message')) as [unknown];
  assert.equal(answer, 'done');
}

function allocatedBytes(): number {
  const statistics = getHeapStatistics() as unknown as { total_allocated_bytes: number };
  return statistics.total_allocated_bytes;
}

/** Counts calls of the methods by which Node's sockets, plain and TLS, hand bytes to the system. */
function countWrites() {
  const restores: (() => void)[] = [];
  const counter = {
    count: 0,
    restore() {
      for (const each of restores) each();
    },
  };
  for (const prototype of writingPrototypes()) {
    for (const name of Object.getOwnPropertyNames(prototype).filter((each) => WRITES.test(each))) {
      const original = prototype[name] as (...parts: unknown[]) => unknown;
      prototype[name] = function (this: unknown, ...parts: unknown[]) {
        counter.count += 1;
        return original.apply(this, parts);
      };
      restores.push(() => {
        prototype[name] = original;
      });
    }
  }
  assert.equal(restores.length, 2 * 6, 'Node has other methods to write than this test knows');
  return counter;
}

/** Where the handles of plain and TLS sockets have their methods. */
function writingPrototypes(): Record<string, unknown>[] {
  const socket = new net.Socket();
  // A handle comes with the first attempt to connect.
  socket.on('error', () => undefined).connect({ host: '127.0.0.1', port: 1 });
  const secured = new tls.TLSSocket(socket, { isServer: false });
  secured.on('error', () => undefined);
  const found = [socket, secured].map((each) => {
    let at = (each as unknown as { readonly _handle: object })._handle;
    while (!Object.hasOwn(at, 'writeBuffer')) at = Object.getPrototypeOf(at) as object;
    return at as Record<string, unknown>;
  });
  secured.destroy();
  socket.destroy();
  return found;
}
