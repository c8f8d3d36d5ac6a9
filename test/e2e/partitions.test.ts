/** Partitions between components that are processes of their own: who no longer hears whom, and that it passes. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { EAST, WEST } from '#cli/dev/demo.ts';
import { ADMIN_PORT } from '#core/names.ts';
import { pods as podResource, services } from '#kube/resources/builtin.ts';
import { get, patch, type Stage, setStage, shares, until } from './stage.ts';

const SOON_MS = 20_000;
const EAST_GATEWAYS = { from: 'gateway', to: { component: 'gateway', cluster: EAST } };
const WEST_GATEWAYS = { from: 'gateway', to: { component: 'gateway', cluster: WEST } };

describe('two clusters with a partition', () => {
  let stage: Stage;
  before(async () => {
    stage = await setStage({ network: 'loopback' });
    const { client } = stage.demo.cluster(WEST);
    for (const name of ['backend-east', 'backend-global'])
      await until(
        name,
        SOON_MS,
        async () => (await client.get(services, name, 'shop')) !== undefined,
      );
  });
  after(() => stage?.end());

  const post = (cluster: string, path: string, body: object) =>
    stage.demo.cluster(cluster).client.post(`/faults/partitions${path}`, body);
  const part = async (cluster: string, body: object) => {
    const { id } = (await post(cluster, '', body)) as { id: string };
    return () => post(cluster, '/heal', { id });
  };
  /** Tunnels of the gateways of `cluster`, all told. */
  const tunnels = async (cluster: string): Promise<number> => {
    const each = stage.demo.cluster(cluster).gateways.map(async ({ ip }) => {
      const answer = await fetch(`http://${ip}:${ADMIN_PORT}/links`);
      const { links } = (await answer.json()) as { links: { connected: boolean }[] };
      return links.filter((link) => link.connected).length;
    });
    return (await Promise.all(each)).reduce((sum, count) => sum + count, 0);
  };
  const answers = async (name: string) => {
    const address = await stage.address(WEST, name);
    return get(address, 1_000).then(
      ({ cluster }) => cluster,
      () => 'nobody',
    );
  };

  test('gateways of two clusters fall silent to each other, and find each other again', async () => {
    await until('east answers', SOON_MS, async () => (await answers('backend-east')) === EAST);
    await post(WEST, '/prepare', EAST_GATEWAYS);
    await post(EAST, '/prepare', WEST_GATEWAYS);
    await until(
      'east answers still',
      SOON_MS,
      async () => (await answers('backend-east')) === EAST,
    );
    const heals = [await part(WEST, EAST_GATEWAYS), await part(EAST, WEST_GATEWAYS)];
    const noticedMs = await until('no tunnel', SOON_MS, async () => (await tunnels(WEST)) === 0);
    assert.ok(noticedMs > 1_000, `nobody was told: it took ${noticedMs} ms of silence`);
    assert.equal(await answers('backend-east'), 'nobody');
    assert.equal(await answers('backend-global'), WEST);
    for (const heal of heals) await heal();
    await until('east again', SOON_MS, async () => (await answers('backend-east')) === EAST);
  });

  test('with one direction refused, requests take the tunnels of the other', async () => {
    const heal = await part(WEST, { ...EAST_GATEWAYS, how: 'refused' });
    await until('east answers', SOON_MS, async () => (await answers('backend-east')) === EAST);
    await heal();
    await assert.rejects(post(WEST, '', { from: 'mirror', to: EAST_GATEWAYS.to }), /to\.cluster/);
  });

  test('slow pairs are slow, each way', async () => {
    const pods = { component: 'pods', namespace: 'shop', selector: 'app=backend' };
    const heal = await part(EAST, { from: 'gateway', to: pods, how: 'slow', delayMs: 150 });
    const startMs = performance.now();
    assert.equal(await answers('backend-east'), EAST);
    assert.ok(performance.now() - startMs >= 290);
    await heal();
  });

  test('gateways that cannot reach their own pods ask the other cluster', async () => {
    const pods = { component: 'pods', namespace: 'shop', selector: 'app=backend' };
    const heal = await part(WEST, { from: 'gateway', to: pods, how: 'refused' });
    const address = await stage.address(WEST, 'backend-global');
    await until('east alone', SOON_MS, async () => (await shares(address, 10))[EAST] === 10);
    await heal();
    await until('west again', SOON_MS, async () => (await answers('backend-global')) === WEST);
  });

  test('clients that are cut off from gateways get no answer', async () => {
    const heal = await part(WEST, {
      from: 'client',
      to: { component: 'gateway' },
      how: 'refused',
    });
    assert.equal(await answers('backend-global'), 'nobody');
    await heal();
    assert.notEqual(await answers('backend-global'), 'nobody');
  });

  test('a mirror controller without its API server writes nothing until it is back', async () => {
    const heal = await part(EAST, { from: 'mirror', to: { component: 'apiServer' } });
    await patch(stage.demo.cluster(WEST), '/api/v1/namespaces/shop/services/frontend', {
      metadata: { labels: { 'isthmus.dev/export': 'true' } },
    });
    const { client } = stage.demo.cluster(EAST);
    const mirror = () => client.get(services, 'frontend-west', 'shop');
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    assert.equal(await mirror(), undefined);
    await heal();
    await until('it is written', 40_000, async () => (await mirror()) !== undefined);
  });

  test('a new gateway without identity is not ready until it reaches it', async () => {
    const west = stage.demo.cluster(WEST);
    const before = west.gateways.map(({ pod }) => pod);
    const fresh = () => west.gateways.find(({ pod }) => !before.includes(pod));
    const heal = await part(WEST, { from: 'gateway', to: { component: 'identity' } });
    await west.client.delete(podResource, before[0] ?? '', 'isthmus-system', {
      gracePeriodSeconds: 0,
    });
    await until('a new one runs', SOON_MS, () => fresh() !== undefined);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    assert.equal(fresh()?.ready, false);
    await heal();
    await until('it is ready', SOON_MS, () => fresh()?.ready === true);
  });
});
