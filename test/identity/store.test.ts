/** Keys in Secrets: made once, shared by replicas, and never replaced when somebody else made them. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { type Clock, systemClock } from '#core/clock.ts';
import { silentLogger } from '#core/log.ts';
import { AuthorityStore, ISSUER_LIFE_MS, reviewToken } from '#identity/store.ts';
import type { Resource } from '#kube/client.ts';
import type { KubeObject } from '#kube/types.ts';
import { MemoryClient } from '../support/memory-client.ts';
import { createAuthority } from './authority-fixture.ts';

interface Data extends KubeObject {
  readonly type?: string;
  readonly data: Record<string, string>;
}

const anything = (plural: string, kind: string): Resource<Data> => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced: true,
  parse: (value) => value as Data,
});
const secrets = anything('secrets', 'Secret');
const configMaps = anything('configmaps', 'ConfigMap');

function storeOf(client: MemoryClient, clock: Clock = systemClock): AuthorityStore {
  return new AuthorityStore({
    client,
    trustDomain: 'west.isthmus.local',
    clock,
    log: silentLogger,
  });
}

async function publishedBundle(client: MemoryClient): Promise<string | undefined> {
  return (await client.get(configMaps, 'isthmus-trust-bundle', 'isthmus-system'))?.data['ca.crt'];
}

test('Replicas that start at once end with the same root and issuer', async () => {
  const client = new MemoryClient();
  const all = await Promise.all([1, 2, 3].map(() => storeOf(client).load()));
  assert.equal(new Set(all.map((each) => each.trustBundle)).size, 1);
  assert.equal(new Set(all.map((each) => each.chain)).size, 1);
  assert.equal(await publishedBundle(client), all[0]?.trustBundle);
  const root = await client.get(secrets, 'isthmus-root', 'isthmus-system');
  assert.equal(root?.type, 'kubernetes.io/tls');
  const issuer = new X509Certificate(all[0]?.chain ?? '');
  assert.ok(issuer.verify(new X509Certificate(all[0]?.trustBundle ?? '').publicKey));
});

test('A second start changes nothing', async () => {
  const client = new MemoryClient();
  const first = await storeOf(client).load();
  const second = await storeOf(client).load();
  assert.deepEqual(
    [second.chain, second.trustBundle, second.validity],
    [first.chain, first.trustBundle, first.validity],
  );
});

test('The trust bundle is put right when somebody changed it', async () => {
  const client = new MemoryClient();
  const store = storeOf(client);
  const { trustBundle } = await store.load();
  const metadata = { name: 'isthmus-trust-bundle', namespace: 'isthmus-system' };
  const wrong = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'ca.crt': 'x' } };
  await client.apply(configMaps, wrong);
  await store.load();
  assert.equal(await publishedBundle(client), trustBundle);
});

test('An issuer of ours is replaced when it grows old, below the same root', async () => {
  const client = new MemoryClient();
  const first = await storeOf(client).load();
  const later = { ...systemClock, wallMs: () => Date.now() + ISSUER_LIFE_MS * 0.7 };
  const second = await storeOf(client, later).load();
  assert.notEqual(second.chain, first.chain);
  assert.equal(second.trustBundle, first.trustBundle);
  assert.ok(second.validity.notAfterMs > first.validity.notAfterMs);
});

test('An issuer that is replaced keeps the roots, labels and annotations somebody added to it', async () => {
  const client = new MemoryClient();
  const first = await storeOf(client).load();
  const issuer = await client.get(secrets, 'isthmus-issuer', 'isthmus-system');
  assert.ok(issuer);
  const bundle = first.trustBundle + createAuthority('east').trustBundle;
  const labels = { ...issuer.metadata.labels, team: 'platform' };
  const changed: Data = {
    ...issuer,
    metadata: { ...issuer.metadata, labels, annotations: { note: 'two roots' } },
    data: { ...issuer.data, 'ca.crt': btoa(bundle) },
  };
  await client.replace(secrets, changed);
  const later = { ...systemClock, wallMs: () => Date.now() + ISSUER_LIFE_MS * 0.7 };
  const second = await storeOf(client, later).load();
  assert.notEqual(second.chain, first.chain);
  assert.equal(second.trustBundle, bundle);
  const renewed = await client.get(secrets, 'isthmus-issuer', 'isthmus-system');
  assert.equal(renewed?.metadata.labels?.team, 'platform');
  assert.equal(renewed?.metadata.annotations?.note, 'two roots');
});

test('An issuer of ours whose root is no longer held, or is another, is kept: a new root would be trusted by nobody', async () => {
  const later = { ...systemClock, wallMs: () => Date.now() + ISSUER_LIFE_MS * 0.7 };
  for (const another of [false, true]) {
    const client = new MemoryClient();
    const first = await storeOf(client).load();
    await client.delete(secrets, 'isthmus-root', 'isthmus-system');
    if (another) {
      const other = new MemoryClient();
      await storeOf(other).load();
      const root = await other.get(secrets, 'isthmus-root', 'isthmus-system');
      assert.ok(root);
      const { resourceVersion: _, ...metadata } = root.metadata;
      await client.create(secrets, { ...root, metadata });
    }
    const second = await storeOf(client, later).load();
    assert.deepEqual([second.chain, second.trustBundle], [first.chain, first.trustBundle]);
    assert.equal(await publishedBundle(client), first.trustBundle);
  }
});

test('An issuer of ours made while the clock was ahead is replaced when the clock is right again', async () => {
  const client = new MemoryClient();
  const first = await storeOf(client).load();
  const ahead = { ...systemClock, wallMs: () => Date.now() + ISSUER_LIFE_MS * 0.7 };
  const second = await storeOf(client, ahead).load();
  assert.ok(second.validity.notBeforeMs > Date.now());
  const third = await storeOf(client).load();
  assert.ok(third.validity.notBeforeMs <= Date.now());
  assert.equal(third.trustBundle, first.trustBundle);
});

function foreignIssuer(data: Record<string, string>): Data {
  const encoded = Object.entries(data).map(([key, text]) => [key, btoa(text)]);
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'isthmus-issuer', namespace: 'isthmus-system' },
    type: 'kubernetes.io/tls',
    data: Object.fromEntries(encoded),
  };
}

test('An issuer that somebody else made is used as it is, and no root is made', async () => {
  const west = createAuthority('west');
  const key = west.signer.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  for (const data of [
    { 'tls.crt': west.chain, 'tls.key': key, 'ca.crt': west.root },
    { 'tls.crt': west.chain + west.root, 'tls.key': key },
  ]) {
    const client = new MemoryClient();
    await client.create(secrets, foreignIssuer(data));
    const authority = await storeOf(client).load();
    assert.equal(authority.chain, west.chain);
    assert.equal(authority.trustBundle, west.root);
    assert.equal(await client.get(secrets, 'isthmus-root', 'isthmus-system'), undefined);
  }
});

test('An issuer that cannot be used is named with its reason', async () => {
  const [west, other] = [createAuthority('west'), createAuthority('west')];
  const key = other.signer.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  const client = new MemoryClient();
  const data = { 'tls.crt': west.chain, 'tls.key': key, 'ca.crt': west.root };
  await client.create(secrets, foreignIssuer(data));
  await assert.rejects(storeOf(client).load(), {
    code: 'CERTIFICATE_INVALID',
    message: /isthmus-issuer cannot be used: tls\.key does not fit tls\.crt/,
  });
});

test('reviewToken() believes only an authenticated ServiceAccount of the right audience', async () => {
  const client = new MemoryClient();
  const status = {
    authenticated: true,
    audiences: ['identity.isthmus.dev'],
    user: { username: 'system:serviceaccount:isthmus-system:isthmus-gateway' },
  };
  client.onPost = () => ({ status });
  assert.deepEqual(await reviewToken(client, 't'), {
    namespace: 'isthmus-system',
    serviceAccount: 'isthmus-gateway',
  });
  assert.deepEqual(client.posts[0]?.body, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token: 't', audiences: ['identity.isthmus.dev'] },
  });
  for (const wrong of [
    { status: { ...status, authenticated: false } },
    { status: { ...status, audiences: [] } },
    { status: { ...status, audiences: ['https://kubernetes.default.svc'] } },
    { status: { ...status, user: { username: 'system:admin' } } },
    { status: {} },
    {},
  ]) {
    client.onPost = () => wrong;
    await assert.rejects(reviewToken(client, 't'), { code: 'IDENTITY_REFUSED' });
  }
});
