/** Every attack of the soak, briefly: what it breaks is counted by its name, and a bystander is served. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Registry } from 'prom-client';
import { ATTACKS } from '#bench/soak/attacks/all.ts';
import type { Attack, Target } from '#bench/soak/attacks/attack.ts';
import { gatewayCredentials } from '#bench/soak/authority.ts';
import { type Clock, systemClock } from '#core/clock.ts';
import { trustDomainOf } from '#core/id.ts';
import { loopbackNetwork } from '#core/network.ts';
import { dialPeer } from '#gateway/tunnel/dial.ts';
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

/** Bounds of time come so many times sooner where only they are asked for. */
const HASTE = 20;
/** What takes longer than a test may, or more connections: `npm run soak` has it. */
const LEFT_OUT = new Set(['slow bodies', 'slow readers', 'connection flood', 'tiny DATA']);
const HOSTILE_PORT = 10_002;

const hastened: Clock = {
  monotonicMs: () => systemClock.monotonicMs() * HASTE,
  wallMs: () => systemClock.wallMs(),
  after: (ms, callback) => systemClock.after(ms / HASTE, callback),
  every: (ms, callback) => systemClock.every(ms / HASTE, callback),
};

let east: TestCluster;
let pod: Awaited<ReturnType<typeof startPod>>;

before(async () => {
  east = await startCluster('east');
  pod = await startPod('east-pod', (incoming, response) => {
    incoming.resume();
    if (incoming.url === '/hold') return;
    const [, bytes] = /^\/bytes\/(\d+)/.exec(incoming.url ?? '') ?? [];
    if (bytes === undefined) incoming.on('end', () => response.end('east'));
    else response.end(Buffer.alloc(Number(bytes)));
  });
});

after(async () => {
  pod.destroy();
  await east.stop();
});

for (const [at, attack] of ATTACKS.entries()) {
  if (LEFT_OUT.has(attack.name)) continue;
  test(`${attack.name} (${attack.source})`, { timeout: 20_000 }, () => underAttack(attack, at));
}

async function underAttack(attack: Attack, at: number): Promise<void> {
  const registry = new Registry();
  const timed = attack.ripensMs !== undefined;
  const west = await startCluster('west', { registry, clock: timed ? hastened : systemClock });
  const hostile = `hostile-${at}`;
  const credentials = gatewayCredentials(hostile, Date.now());
  const stranger = { ...peerOf(west), gateways: [], trustBundle: credentials.trustBundle };
  const services = exporting([pod.endpoint]);
  // Links are kept by the clock, too: a hastened gateway serves its own pod.
  const route = timed ? { local: true } : { clusters: ['east'] };
  await east.set({ ...services, peers: new Map([['west', peerOf(west)]]) });
  await west.set({
    ...services,
    listeners: new Map([
      [10_001, listener(10_001, route)],
      [
        HOSTILE_PORT,
        listener(HOSTILE_PORT, { mirror: 'shop/backend-hostile', clusters: [hostile] }),
      ],
    ]),
    peers: new Map([
      ...(timed ? [] : [['east', peerOf(east)] as const]),
      [
        hostile,
        {
          ...stranger,
          linkName: hostile,
          clusterName: hostile,
          trustDomain: trustDomainOf(hostile),
        },
      ],
    ]),
  });
  let last = '';
  const served = async () => {
    const { status, body } = await request(west.host, 10_001);
    last = body;
    return status === 200;
  };
  await until('served', served).catch((error) => assert.fail(`${error}: ${last}`));
  const address = { host: west.host, port: 4143 };
  const dialling = {
    clock: systemClock,
    network: loopbackNetwork,
    ownCluster: hostile,
    credentials,
  };
  const target: Target = {
    ...{ host: west.host, port: 10_001, source: `127.0.2.${at + 1}`, hostile },
    hostilePort: HOSTILE_PORT,
    dial: (role) => dialPeer(peerOf(west), address, role, dialling),
  };
  const stop = attack.begin(target);
  try {
    if (attack.rules.length > 0) {
      await until(`${attack.rules} of ${attack.source}`, () => isCounted(registry, attack), 8_000);
    } else await new Promise((resolve) => setTimeout(resolve, 300));
    const startMs = performance.now();
    assert.ok(await served(), `the bystander is served: ${last}`);
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < 2_000, `the bystander waited for ${tookMs} ms`);
  } finally {
    stop();
    await west.stop();
  }
}

async function isCounted(registry: Registry, { rules }: Attack): Promise<boolean> {
  const metric = await registry.getSingleMetric('isthmus_refused_total')?.get();
  return metric?.values.some(({ labels }) => rules.includes(String(labels['rule']))) === true;
}
