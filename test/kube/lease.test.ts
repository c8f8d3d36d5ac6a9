/** The lease that says who works. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import { silentLogger } from '#core/log.ts';
import { systemRandom } from '#core/random.ts';
import type { KubeClient } from '#kube/client.ts';
import { leadWhileElected } from '#kube/lease.ts';
import { leases } from '#kube/resources/builtin.ts';
import type { KubeObject, Lease } from '#kube/types.ts';
import { eventually } from './support.ts';

const base = { clock: systemClock, random: systemRandom, log: silentLogger };

/** One Lease with optimistic locking. */
function leaseServer() {
  let held: Lease | undefined;
  let version = 0;
  let broken = false;
  const store = (object: KubeObject): Lease => {
    if (broken) throw new IsthmusError('CLUSTER_UNREACHABLE', 'broken');
    if (held && object.metadata.resourceVersion !== held.metadata.resourceVersion) {
      throw new IsthmusError('API_CONFLICT', 'conflict');
    }
    version += 1;
    const metadata = { ...object.metadata, resourceVersion: String(version) };
    held = leases.parse({ ...object, metadata });
    return held;
  };
  const client = {
    get: async () => held,
    create: async (_: unknown, object: KubeObject) => store(object),
    replace: async (_: unknown, object: KubeObject) => store(object),
  } as unknown as Pick<KubeClient, 'get' | 'create' | 'replace'>;
  return {
    client,
    break: () => {
      broken = true;
    },
    holder: () => held?.spec.holderIdentity,
  };
}

function campaign(client: Pick<KubeClient, 'get' | 'create' | 'replace'>, holder: string) {
  const stop = new AbortController();
  const state = { leading: false, terms: 0 };
  const done = leadWhileElected(
    {
      ...base,
      client,
      namespace: 'isthmus-system',
      name: 'isthmus-mirror',
      holder,
      durationMs: 300,
      renewDeadlineMs: 150,
      retryMs: 20,
    },
    stop.signal,
    async (leading) => {
      state.leading = true;
      state.terms += 1;
      await new Promise((resolve) => leading.addEventListener('abort', resolve, { once: true }));
      state.leading = false;
    },
  );
  return { state, stop: () => stop.abort(), done };
}

test('one of two leads; when it leaves, the other does', async () => {
  const server = leaseServer();
  const one = campaign(server.client, 'one');
  await eventually('one leads', () => one.state.leading);
  const two = campaign(server.client, 'two');
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.deepEqual([one.state.leading, two.state.leading, one.state.terms], [true, false, 1]);
  one.stop();
  await one.done;
  await eventually('two leads', () => two.state.leading);
  assert.equal(server.holder(), 'two');
  two.stop();
  await two.done;
});

test('a leader that cannot renew stops by itself', async () => {
  const server = leaseServer();
  const one = campaign(server.client, 'one');
  await eventually('one leads', () => one.state.leading);
  server.break();
  await eventually('one stops', () => !one.state.leading);
  one.stop();
  await one.done;
});
