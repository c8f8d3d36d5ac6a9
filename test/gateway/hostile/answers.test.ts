/**
 * A linked cluster that answers as no gateway would. What its clients asked for ends, soon and with a code that says whose
 * fault it is; what it broke is counted; and nobody else notices, neither another cluster's traffic nor local pods.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { Registry } from 'prom-client';
import { hostileHello } from '#bench/soak/attacks/peer-hello.ts';
import { gatewayCredentials } from '#bench/soak/authority.ts';
import { systemClock } from '#core/clock.ts';
import { trustDomainOf } from '#core/id.ts';
import { loopbackNetwork } from '#core/network.ts';
import { seededRandom } from '#core/random.ts';
import { FLOODS } from '#gateway/listener/barred.ts';
import { ATTEMPTS_MAX } from '#gateway/resilience/repeat.ts';
import type { ListenerRoute, Peer } from '#gateway/snapshot/types.ts';
import { dialPeer } from '#gateway/tunnel/dial.ts';
import { FLAG, FRAME, H2_CODE } from '#gateway/wire/http2/frames.ts';
import {
  exporting,
  listener,
  peerOf,
  request,
  startCluster,
  startPod,
  type TestCluster,
  until,
} from '../world.ts';
import { type Answering, AnsweringPeer } from './answering-peer.ts';

/** One way to answer. */
interface Case {
  readonly name: string;
  /** Rules of which one must be counted; none where it breaks none. */
  readonly rules?: readonly string[];
  /** What the client is told; `cut`: its answer breaks off. */
  readonly told: readonly (string | 'cut')[];
  /** Status and fields of an answer that stands. */
  readonly check?: (answer: Awaited<ReturnType<typeof request>>) => void;
  /** The client takes its time to read. */
  readonly slow?: boolean;
  readonly answer: Answering;
}

const OK = [':status', '200'];
const LOST = ['TUNNEL_LOST', 'PEER_UNREACHABLE'];
const MIB = 1024 * 1024;
const FORGED = [
  'isthmus-caller',
  'a',
  'isthmus-target',
  'b',
  'isthmus-hops',
  'c',
  'isthmus-x',
  'd',
];

const CASES: readonly Case[] = [
  ...['099', '1000', '2e2', '-20', '101', ''].map(
    (status): Case => ({
      name: `a status of "${status}"`,
      rules: ['PSEUDO_VALUE'],
      told: ['UPSTREAM_PROTOCOL'],
      answer: (id, peer) => peer.headers(id, [':status', status], true),
    }),
  ),
  {
    name: 'a status of three digits that is none',
    told: ['UPSTREAM_PROTOCOL'],
    answer: (id, peer) => peer.headers(id, [':status', '600'], true),
  },
  {
    name: 'interim answers without end',
    rules: ['FLOOD_INTERIM'],
    told: ['UPSTREAM_PROTOCOL'],
    answer(id, peer) {
      for (let at = 0; at < 10_000; at += 1) peer.headers(id, [':status', '103'], false);
    },
  },
  {
    name: 'a request where an answer belongs',
    rules: ['PSEUDO_MISSING', 'PSEUDO_UNKNOWN'],
    told: ['UPSTREAM_PROTOCOL'],
    answer: (id, peer) => peer.headers(id, [':method', 'GET', ':path', '/'], true),
  },
  {
    name: 'fields of the connection and line breaks in fields',
    rules: ['FIELD_VALUE', 'FIELD_CONNECTION'],
    told: ['UPSTREAM_PROTOCOL'],
    answer(id, peer) {
      peer.headers(id, [...OK, 'x-split', 'a\r\nset-cookie: b', 'connection', 'close'], true);
    },
  },
  {
    name: 'less content than announced',
    rules: ['CONTENT_LENGTH'],
    told: ['cut'],
    answer(id, peer) {
      peer.headers(id, [...OK, 'content-length', '100'], false);
      peer.data(id, 'short', true);
    },
  },
  {
    name: 'more content than announced',
    rules: ['CONTENT_LENGTH'],
    told: ['cut'],
    answer(id, peer) {
      peer.headers(id, [...OK, 'content-length', '2'], false);
      peer.data(id, 'long', true);
    },
  },
  {
    name: 'two lengths',
    rules: ['FIELD_LENGTH'],
    told: ['UPSTREAM_PROTOCOL'],
    answer(id, peer) {
      peer.headers(id, [...OK, 'content-length', '2', 'content-length', '3'], false);
    },
  },
  {
    name: 'content before the head',
    rules: ['DATA_BEFORE_HEADERS'],
    told: ['UPSTREAM_PROTOCOL'],
    answer: (id, peer) => peer.data(id, 'early', true),
  },
  {
    name: 'more content than the windows allow',
    rules: ['WINDOW_EXCEEDED'],
    told: ['cut'],
    slow: true,
    answer(id, peer) {
      peer.headers(id, OK, false);
      for (let at = 0; at < 64; at += 1) peer.data(id, Buffer.alloc(MIB), false);
    },
  },
  {
    name: 'a field list of megabytes',
    rules: ['LIST_SIZE', 'BLOCK_SIZE', 'FLOOD_CONTINUATION'],
    told: ['UPSTREAM_PROTOCOL', ...LOST],
    answer(id, peer) {
      const fields = Array.from({ length: 20 }, (_, at) => [`x-${at}`, 'v'.repeat(5_000)]).flat();
      peer.headers(id, [...OK, ...fields], true);
    },
  },
  {
    name: 'an answer to a stream nobody opened',
    rules: ['STREAM_IDLE', 'STREAM_ID'],
    told: LOST,
    answer: (id, peer) => peer.headers(id + 1_000, OK, true),
  },
  {
    name: 'content of a stream nobody opened',
    rules: ['STREAM_IDLE'],
    told: LOST,
    answer: (id, peer) => peer.data(id + 1_000, 'x', true),
  },
  {
    name: 'a pushed answer',
    rules: ['PUSH'],
    told: LOST,
    answer: (id, peer) => peer.frame(FRAME.PUSH_PROMISE, FLAG.END_HEADERS, id, Buffer.alloc(64)),
  },
  {
    name: 'bytes that are no frames',
    rules: ['FRAME_SIZE'],
    told: LOST,
    answer(_id, peer) {
      const random = seededRandom(7);
      peer.raw(
        Buffer.from(Array.from({ length: 4_096 }, () => 128 + Math.floor(random.next() * 128))),
      );
    },
  },
  {
    name: 'a flood of SETTINGS',
    rules: ['FLOOD_SETTINGS'],
    told: LOST,
    answer(_id, peer) {
      for (let at = 0; at < 1_000; at += 1) peer.frame(FRAME.SETTINGS, 0, 0, Buffer.alloc(0));
    },
  },
  {
    name: 'resets instead of answers',
    told: ['UPSTREAM_RESET'],
    answer: (id, peer) => peer.reset(id, H2_CODE.REFUSED_STREAM),
  },
  {
    name: 'an error no gateway knows',
    told: ['UPSTREAM_PROTOCOL'],
    answer: (id, peer) => peer.headers(id, [':status', '200', 'isthmus-error', 'toString'], true),
  },
  {
    name: 'an error no gateway answers a request with',
    told: ['UPSTREAM_PROTOCOL'],
    answer: (id, peer) => peer.headers(id, [':status', '200', 'isthmus-error', 'USAGE'], true),
  },
  {
    name: 'fields of our own in head and trailers',
    told: ['200'],
    check({ headers, body }) {
      assert.equal(body, 'forged');
      const ours = Object.keys(headers).filter((name) => name.startsWith('isthmus-'));
      assert.deepEqual(ours, []);
    },
    answer(id, peer) {
      peer.headers(id, [...OK, ...FORGED, 'isthmus-upgrade', 'x', 'isthmus-attempts', '9'], false);
      peer.data(id, 'forged', false);
      peer.headers(id, [...FORGED, 'isthmus-error', 'OVERLOADED', 'x-end', 'y'], true);
    },
  },
];

const BYSTANDERS = { local: 9_001, east: 9_002 } as const;
const HOSTILE_PORT = 9_100;
/** Whatever a peer answers, its client knows by then. */
const TOLD_MS = 6_000;
const BESIDE_MS = 2_000;
const SLOW_MS = 1_000;

const registry = new Registry();
const credentials = CASES.concat(CASES.slice(0, 2)).map((_, at) =>
  gatewayCredentials(`hostile-${at}`, Date.now()),
);
let west: TestCluster;
let east: TestCluster;
let pods: Awaited<ReturnType<typeof startPod>>[];

before(async () => {
  pods = [await startPod('west-pod'), await startPod('east-pod')];
  const [own, far] = pods;
  assert.ok(own && far);
  west = await startCluster('west', { registry });
  east = await startCluster('east');
  await east.set({ ...exporting([far.endpoint]), peers: new Map([['west', peerOf(west)]]) });
  const hostile = credentials.map(({ trustBundle }, at): [string, Peer] => {
    const name = `hostile-${at}`;
    const trustDomain = trustDomainOf(name);
    const link = { linkName: name, clusterName: name, trustDomain, trustBundle, gateways: [] };
    return [name, { ...peerOf(east), ...link }];
  });
  const route = (port: number, change: Partial<ListenerRoute>): [number, ListenerRoute] => [
    port,
    listener(port, change),
  ];
  await west.set({
    ...exporting([own.endpoint]),
    peers: new Map([['east', peerOf(east)], ...hostile]),
    listeners: new Map([
      route(BYSTANDERS.local, { mirror: 'shop/backend-global', local: true }),
      route(BYSTANDERS.east, { mirror: 'shop/backend-east', clusters: ['east'] }),
      ...hostile.map(([name], at) =>
        route(HOSTILE_PORT + at, { mirror: `shop/backend-${name}`, clusters: [name] }),
      ),
    ]),
  });
  for (const port of Object.values(BYSTANDERS)) await until(`${port}`, () => served(port));
});

after(async () => {
  await Promise.all([west.stop(), east.stop()]);
  for (const pod of pods) pod.destroy();
});

for (const [at, each] of CASES.entries()) {
  test(`${each.name}: ${each.told[0]} to its client, nothing to others`, {
    timeout: 20_000,
  }, async () => {
    const before = await counted();
    const peer = await answerAs(at, each.answer);
    const startMs = performance.now();
    const port = HOSTILE_PORT + at;
    const [answer] = await Promise.all([each.slow ? askSlowly(port) : ask(port), besideAll()]);
    assert.ok(performance.now() - startMs < TOLD_MS, 'the client waited');
    const told =
      answer === 'cut' ? 'cut' : String(answer.headers['isthmus-error'] ?? answer.status);
    assert.ok(each.told.includes(told), `the client was told ${told}`);
    if (answer !== 'cut') each.check?.(answer);
    assert.ok(peer.requests <= ATTEMPTS_MAX, `it was asked ${peer.requests} times`);
    const after = await counted();
    const grown = [...after.keys()].filter((rule) => after.get(rule) !== before.get(rule));
    const { rules } = each;
    if (rules)
      assert.ok(
        rules.some((rule) => grown.includes(rule)),
        `counted: ${grown}`,
      );
    else assert.deepEqual(grown, []);
    await besideAll();
    peer.socket.destroy();
  });
}

test('a peer that reads nothing is given up; what its client sends is held back', {
  timeout: 20_000,
}, async () => {
  const at = CASES.length;
  const peer = await answerAs(at, (_id, { socket }) => socket.pause());
  const socket = net.connect({ host: west.host, port: HOSTILE_PORT + at });
  const said = new Promise<string>((resolve) => {
    socket.once('data', (bytes: Buffer) => resolve(bytes.toString('latin1')));
  });
  socket.on('error', () => undefined);
  socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n');
  let sentBytes = 0;
  const block = Buffer.alloc(MIB);
  const more = () => {
    while (!socket.destroyed && socket.write(block)) sentBytes += block.length;
    if (!socket.destroyed) socket.once('drain', more);
  };
  more();
  const startMs = performance.now();
  await Promise.all([
    said.then((text) => assert.match(text, /isthmus-error: TUNNEL_LOST/)),
    besideAll(),
  ]);
  assert.ok(performance.now() - startMs < TOLD_MS, 'it took long to give up');
  // What sockets of the system hold, twice, and a window.
  assert.ok(sentBytes < 40 * MIB, `${sentBytes} bytes were taken`);
  socket.destroy();
  peer.socket.destroy();
});

test('a peer that breaks the rules again and again is kept out, others are not', {
  timeout: 20_000,
}, async () => {
  const at = CASES.length + 1;
  const flood: Answering = (_id, peer) => {
    for (let each = 0; each < 1_000; each += 1) peer.frame(FRAME.SETTINGS, 0, 0, Buffer.alloc(0));
  };
  for (let each = 0; each < FLOODS.burst; each += 1) {
    const peer = await answerAs(at, flood);
    const ended = once(peer.socket, 'close');
    await Promise.all([ask(HOSTILE_PORT + at), ended]);
  }
  const { socket } = await dial(at, flood);
  await once(socket, 'close');
  assert.equal((await counted()).get('PEER_BARRED'), 1);
  await besideAll();
});

/** The hostile peer `at`, linked; resolves when requests can be sent to it. */
async function answerAs(at: number, answering: Answering): Promise<AnsweringPeer> {
  const peer = await dial(at, answering);
  await until('greeted', () => west.gateway.peers.tunnels(`hostile-${at}`)?.connected === true);
  return peer;
}

async function dial(at: number, answering: Answering): Promise<AnsweringPeer> {
  const cluster = `hostile-${at}`;
  const own = credentials[at];
  assert.ok(own);
  const socket = await dialPeer(peerOf(west), { host: west.host, port: 4143 }, 'server', {
    ...{ clock: systemClock, network: loopbackNetwork, ownCluster: cluster, credentials: own },
  });
  return new AnsweringPeer(socket, hostileHello(cluster), answering);
}

async function ask(port: number): Promise<Awaited<ReturnType<typeof request>> | 'cut'> {
  return request(west.host, port).catch(() => 'cut');
}

/** As {@link ask}, by a client that reads nothing for a while. */
function askSlowly(port: number): Promise<'cut' | Awaited<ReturnType<typeof request>>> {
  return new Promise((resolve) => {
    const sent = http.get({ host: west.host, port, agent: false }, (answer) => {
      setTimeout(() => answer.resume(), SLOW_MS);
      answer.on('error', () => resolve('cut'));
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: '' }),
      );
    });
    sent.on('error', () => resolve('cut'));
  });
}

async function served(port: number): Promise<boolean> {
  return (await request(west.host, port)).status === 200;
}

/** Requests to local pods and to another cluster, all of which are answered, and soon. */
async function besideAll(): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    const startMs = performance.now();
    const all = await Promise.all(Object.values(BYSTANDERS).map(served));
    assert.deepEqual(all, [true, true]);
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < BESIDE_MS, `a bystander waited for ${tookMs} ms`);
  }
}

async function counted(): Promise<Map<string, number>> {
  const metric = await registry.getSingleMetric('isthmus_refused_total')?.get();
  return new Map(metric?.values.map(({ labels, value }) => [String(labels['rule']), value]));
}
