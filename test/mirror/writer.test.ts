/** Writes: how many at a time, for how long, and what becomes of those that fail. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IsthmusError } from '#core/errors.ts';
import { StatusError } from '#kube/client.ts';
import { endpointSlices, serviceExports, services } from '#kube/resources/builtin.ts';
import { WRITES_OF_PEER } from '#mirror/budgets.ts';
import { eventually } from '../kube/support.ts';
import type { MemoryClient } from './memory-client.ts';
import {
  backend,
  gateways,
  labelled,
  link,
  linked,
  run,
  scriptedGateway,
  snapshot,
  world,
} from './stage.ts';

/** Has every write of the mirror of `shop/bad` refused with `cause`; counts them. */
function refuseBad(client: MemoryClient, cause: StatusError): { readonly times: number } {
  const refused = { times: 0 };
  client.refuse = (_verb, _resource, object) => {
    if (object !== 'shop/bad-east') return;
    refused.times += 1;
    throw new IsthmusError('API_REFUSED', 'refused', { cause });
  };
  return refused;
}

test('an object that cannot be written holds up no other', async () => {
  await using stage = await linked();
  const { client, gateway } = stage;
  client.refuse = (_verb, _resource, object) => {
    if (object === 'shop/bad-east') throw new IsthmusError('API_REFUSED', 'scripted');
  };
  gateway.say(snapshot(1, backend('bad'), backend('good')));
  await eventually('the good ones', () => client.all(services).size === 3);
  await eventually('the failure', () => stage.controller.backlog().failing === 1);
  client.refuse = () => undefined;
  await eventually('all', () => client.all(services).size === 4);
});

test('a wave over many mirrors is of bounded width', async () => {
  await using stage = await linked();
  const { client, gateway } = stage;
  const exports = Array.from({ length: 100 }, (_, index) => backend(`s-${index}`));
  gateway.say(snapshot(1, ...exports));
  await eventually('200 mirrors', () => client.all(services).size === 200);
  gateways(client, '10.0.1.9');
  const moved = () =>
    [...client.all(endpointSlices).values()].filter(
      (each) => each.endpoints[0]?.addresses[0] === '10.0.1.9',
    ).length;
  await eventually('every slice', () => moved() === 201);
  assert.ok(client.runningMax <= 16, `${client.runningMax} at once`);
});

test('a term that ends begins no write, and ends those under way', async () => {
  const client = world();
  link(client);
  const exports = Array.from({ length: 8 }, (_, index) => backend(`s-${index}`));
  const gateway = scriptedGateway();
  const term = new AbortController();
  const signals: (AbortSignal | undefined)[] = [];
  let late = 0;
  // No apply ends but by its signal.
  client.apply = async (_resource, _object, options) => {
    if (term.signal.aborted) late += 1;
    const { signal } = options ?? {};
    signals.push(signal);
    return await new Promise((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  };
  const actions: boolean[] = [];
  await using stage = run(client, gateway.replica, {
    term: term.signal,
    onAction: (action, failed) => {
      if (action.do === 'apply') actions.push(failed);
    },
  });
  await eventually('the stream', () => gateway.opened() > 0);
  gateway.say(snapshot(1, ...exports));
  await eventually('writes', () => signals.length === 16);
  term.abort();
  await stage.leading;
  assert.ok(signals.every((each) => each?.aborted));
  assert.equal(late, 0);
  assert.deepEqual(actions, Array<boolean>(16).fill(true), 'the slices were not begun');
});

test('a write that is refused as invalid is told, waits long, and is tried at once when it changes', async () => {
  await using stage = await linked();
  const { client, gateway } = stage;
  const cause = new StatusError(422, 'Invalid', 'spec.ports[0].name: not a name');
  const refused = refuseBad(client, cause);
  gateway.say(snapshot(1, backend('bad'), backend('good')));
  const synced = () => stage.condition('CatalogSynced');
  await eventually('the finding', () => synced()?.reason === 'PartlyImported');
  assert.match(synced()?.message ?? '', /shop\/bad-east .* not a name/);
  for (let index = 0; index < 20; index += 1) {
    stage.controller.changed();
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  assert.equal(refused.times, 1, 'the same is not tried again soon');
  gateway.say(snapshot(2, { ...backend('bad'), ports: [{ port: 81 }] }, backend('good')));
  await eventually('another try', () => refused.times === 2);
  client.refuse = () => undefined;
  gateway.say(snapshot(3, { ...backend('bad'), ports: [{ port: 82 }] }, backend('good')));
  await eventually('written', () => client.all(services).has('shop/bad-east'));
  await eventually('told', () => synced()?.reason === 'Synced');
});

test('a mirror that a quota forbids is told, and tried again after a while', async () => {
  await using stage = await linked();
  const { client, gateway } = stage;
  const said = 'services "bad-east" is forbidden: exceeded quota: few';
  const refused = refuseBad(client, new StatusError(403, 'Forbidden', said));
  gateway.say(snapshot(1, backend('bad'), backend('good')));
  const synced = () => stage.condition('CatalogSynced');
  await eventually('the finding', () => synced()?.reason === 'PartlyImported');
  assert.match(synced()?.message ?? '', /shop\/bad-east .* exceeded quota: few/);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(refused.times, 1);
  assert.equal(stage.controller.backlog().failing, 1);
});

test('a peer that changes without end is written no more often than its budget, others go before', async () => {
  await using stage = await linked();
  const { client, gateway } = stage;
  // Written twice, with two mirrors each, they are more than there is a budget for.
  const count = Math.round(0.35 * WRITES_OF_PEER.burst);
  const exports = (round: number) =>
    Array.from({ length: count }, (_, index) => ({
      ...backend(`s-${index}`),
      exportedAnnotations: { round: String(round) },
    }));
  const applied = () => client.writes.filter((each) => each.startsWith('apply services')).length;
  const beganMs = performance.now();
  gateway.say(snapshot(1, ...exports(1)));
  await eventually('all mirrors', () => client.all(services).size === 2 * count);
  await eventually('quiet', () => stage.controller.backlog().depth === 0);
  gateway.say(snapshot(2, ...exports(2)));
  await eventually('the budget is spent', () => applied() >= WRITES_OF_PEER.burst);
  client.put(services, labelled('frontend'));
  await eventually('the export', () => client.all(serviceExports).has('shop/frontend'));
  assert.ok(stage.controller.backlog().depth > 200, 'before what is left of the peer');
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { burst, perSecond } = WRITES_OF_PEER;
  const most = burst + ((performance.now() - beganMs) / 1_000) * perSecond;
  assert.ok(applied() <= most, `${applied()} of ${most}`);
});
