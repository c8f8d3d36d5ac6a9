/** What a peer says, applied message by message. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  applyCatalogMessage,
  type Catalog,
  type CatalogMessage,
  parseCatalogMessage,
} from '#core/catalog.ts';

const entry = {
  namespace: 'shop',
  name: 'backend',
  createdAt: '2026-01-01T00:00:00Z',
  ports: [{ port: 80 }],
  readyEndpoints: 3,
};
const cluster = { name: 'east', version: '1.0.0', trustBundle: 'PEM' };

function parse(message: object): CatalogMessage {
  const parsed = parseCatalogMessage(JSON.stringify(message));
  assert.ok(parsed);
  return parsed;
}

function apply(...messages: object[]): Catalog | undefined {
  return messages.reduce<Catalog | undefined>(
    (known, message) => applyCatalogMessage(known, parse(message)),
    undefined,
  );
}

const at = (revision: number, epoch = 'e1') => ({ epoch, revision });

test('unknown kinds and unknown fields are ignored, defaults filled in', () => {
  assert.equal(parseCatalogMessage('{"kind":"weather","sunny":true}'), undefined);
  const catalog = apply({
    kind: 'snapshot',
    position: { ...at(1), era: 3 },
    cluster: { ...cluster, mood: 'good' },
    exports: [{ ...entry, colour: 'blue' }],
    extra: 1,
  });
  const known = catalog?.exports.get('shop/backend');
  assert.equal(known?.type, 'ClusterSetIP');
  assert.equal(known?.ports[0]?.protocol, 'TCP');
  assert.equal('colour' in (known ?? {}), false);
});

test('a delta changes and removes; an older message changes nothing', () => {
  const snapshot = { kind: 'snapshot', position: at(5), cluster, exports: [entry] };
  const other = { ...entry, name: 'other' };
  const catalog = apply(snapshot, {
    kind: 'delta',
    position: at(6),
    changed: [other],
    removed: ['shop/backend'],
  });
  assert.deepEqual([...(catalog?.exports.keys() ?? [])], ['shop/other']);
  const late = applyCatalogMessage(
    catalog,
    parse({ kind: 'delta', position: at(5), removed: ['shop/other'] }),
  );
  assert.equal(late, catalog);
});

test('a delta without its snapshot asks for a fresh one', () => {
  assert.equal(apply({ kind: 'delta', position: at(1) }), undefined);
  const snapshot = { kind: 'snapshot', position: at(5), cluster, exports: [entry] };
  assert.equal(apply(snapshot, { kind: 'delta', position: at(1, 'e2') }), undefined);
});

test('what passes the limits is refused', () => {
  const refuse = (message: object) =>
    assert.throws(() => parseCatalogMessage(JSON.stringify(message)));
  refuse({
    kind: 'snapshot',
    position: at(1),
    cluster,
    exports: [{ ...entry, name: 'Not-A-Label' }],
  });
  refuse({
    kind: 'snapshot',
    position: at(1),
    cluster,
    exports: [{ ...entry, readyEndpoints: -1 }],
  });
  refuse({ kind: 'snapshot', position: at(1), cluster, exports: Array(10_001).fill(entry) });
  refuse({
    kind: 'snapshot',
    position: at(1),
    cluster,
    exports: [{ ...entry, ports: Array(200).fill({ port: 1 }) }],
  });
});
