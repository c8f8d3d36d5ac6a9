/** Where pods of an embedded cluster go, and which of them wait. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { asObject, asObjects, at, type JsonObject } from '#devcluster/values/json.ts';
import { eventually, startWorld, type World } from './world.ts';

const PODS = '/api/v1/namespaces/default/pods';
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

async function make(name: string, spec: JsonObject): Promise<void> {
  const containers = [{ name: 'x', image: 'x:1' }];
  const body = { metadata: { name }, spec: { containers, ...spec } };
  const { status, text } = await world.call('POST', PODS, body);
  assert.equal(status, 201, text);
}

async function conditionOf(name: string): Promise<JsonObject> {
  const { body } = await world.call('GET', `${PODS}/${name}`);
  const conditions = asObjects(at(body, 'status', 'conditions'));
  return asObject(conditions.find(({ type }) => type === 'PodScheduled'));
}

async function isReady(name: string): Promise<boolean> {
  const { body } = await world.call('GET', `${PODS}/${name}`);
  const conditions = asObjects(at(body, 'status', 'conditions'));
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

function patch(path: string, body: JsonObject): Promise<unknown> {
  return world.call('PATCH', path, body, { type: 'application/merge-patch+json' });
}

test('a pod of another scheduler waits until that one binds it', async () => {
  await make('foreign', { schedulerName: 'other' });
  await make('own', {});
  await eventually('ours runs', () => isReady('own'));
  const { body } = await world.call('GET', `${PODS}/foreign`);
  assert.equal(at(body, 'spec', 'nodeName'), undefined);
  const binding = { metadata: { name: 'foreign' }, target: { kind: 'Node', name: 'west-pods' } };
  const bound = await world.call('POST', `${PODS}/foreign/binding`, binding);
  assert.equal(bound.status, 201, bound.text);
  await eventually('the bound one runs', () => isReady('foreign'));
});

test('a pod with a gate waits until the gate is gone', async () => {
  await make('gated', { schedulingGates: [{ name: 'example.com/gate' }] });
  await eventually('it says so', async () => {
    return (await conditionOf('gated')).reason === 'SchedulingGated';
  });
  await patch(`${PODS}/gated`, { spec: { schedulingGates: null } });
  await eventually('it runs', () => isReady('gated'));
});

test('a pod goes to a Node that it selects, or waits for one', async () => {
  await make('choosy', { nodeSelector: { disk: 'ssd' } });
  const condition = await eventually('it says so', async () => {
    const found = await conditionOf('choosy');
    return found.reason === 'Unschedulable' && found;
  });
  assert.match(String(condition.message), /didn't match Pod's node affinity\/selector/);
  await patch('/api/v1/nodes/west-pods', { metadata: { labels: { disk: 'ssd' } } });
  await eventually('it runs', () => isReady('choosy'));
});
