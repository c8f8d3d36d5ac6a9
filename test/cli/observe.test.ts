/** The address that isthmus dev sends its traffic to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressObserver } from '#cli/dev/observe.ts';
import { systemRandom } from '#core/random.ts';
import { VirtualClock } from '#core/virtual-clock.ts';
import { services } from '#kube/resources/builtin.ts';
import { MemoryClient } from '../support/memory-client.ts';

test('a Service that was made anew is followed to its new address, and is nowhere in between', async (t) => {
  const client = new MemoryClient();
  const clock = new VirtualClock();
  const ended = new AbortController();
  t.after(() => ended.abort(new Error('the test is over')));
  const create = (clusterIP: string) =>
    client.create(services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'backend-global', namespace: 'shop' },
      spec: { clusterIP, ports: [{ port: 8080 }] },
    } as never);
  await create('127.10.96.7');
  const observer = new AddressObserver(
    { client },
    { namespace: 'shop', service: 'backend-global' },
    { clock, random: systemRandom, signal: ended.signal },
  );
  await observer.ready;
  assert.equal(observer.host(), '127.10.96.7');
  await client.delete(services, 'backend-global', 'shop');
  await clock.pass(1_000);
  assert.equal(observer.host(), undefined);
  await create('127.10.96.9');
  await clock.pass(1_000);
  assert.equal(observer.host(), '127.10.96.9');
});
