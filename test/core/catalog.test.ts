/** What a peer says, applied message by message. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  applyCatalogMessage,
  CATALOG_LIMITS,
  type Catalog,
  type CatalogMessage,
  catalogExport,
  countFitting,
  exportKey,
  parseCatalogMessage,
} from '#core/catalog.ts';
import { untoldExports } from '#core/untold.ts';

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

test('what passes the limits of a message is refused', () => {
  const refuse = (message: object) =>
    assert.throws(() => parseCatalogMessage(JSON.stringify(message)));
  const snapshot = { kind: 'snapshot', position: at(1), cluster, exports: [entry] };
  refuse({ ...snapshot, exports: Array(10_001).fill(entry) });
  refuse({ ...snapshot, cluster: { ...cluster, trustBundle: 'x'.repeat(65_537) } });
  refuse({ ...snapshot, position: at(-1) });
});

const port = (name: string, more: object = {}) => ({ ports: [{ name, port: 80, ...more }] });
const invalid: [string, object][] = [
  ['a name that is no label', { name: 'Not-A-Label' }],
  ['less than no endpoints', { readyEndpoints: -1 }],
  ['too many ports', { ports: Array(200).fill({ port: 1 }) }],
  ['a port name that is no label', port('NOT A NAME!')],
  ['a port name that is too long', port('x'.repeat(64))],
  ['an appProtocol that is no qualified name', port('http', { appProtocol: '!!' })],
  ['an appProtocol whose prefix is no subdomain', port('http', { appProtocol: 'a..b/http' })],
  ['an appProtocol that is too long', port('http', { appProtocol: `${'a'.repeat(253)}/http` })],
  ['labels that are no text', { exportedLabels: { team: 7 } }],
];
for (const [what, change] of invalid) {
  test(`an export with ${what} is left out and told of, the others are not`, () => {
    const bad = { ...entry, name: 'bad', ...change };
    const good = { ...entry, ...port('h2', { appProtocol: 'kubernetes.io/h2c' }) };
    const catalog = apply({
      kind: 'snapshot',
      position: at(1),
      cluster,
      exports: [bad, good, null],
    });
    assert.deepEqual([...(catalog?.exports.keys() ?? [])], ['shop/backend']);
    assert.equal(catalog?.leftOut?.size, 2);
    assert.ok(catalog.leftOut.has(`shop/${bad.name}`));
  });
}

/** `count` exports, each as large as it may be. */
function large(count: number, part = 0) {
  const appProtocol = `${'a.'.repeat(90)}example/${'b'.repeat(63)}`;
  const ports = Array.from({ length: CATALOG_LIMITS.portsMax }, (_, port) => ({
    ...{ name: `${'p'.repeat(50)}-${port}`, port: port + 1, appProtocol },
  }));
  return Array.from({ length: count }, (_, index) => ({
    ...entry,
    name: `s${part}-${index}`,
    ports,
  }));
}

test('exports that are large, each as it may be, are together too much for a catalog', () => {
  const snapshot = { kind: 'snapshot', position: at(1), cluster, exports: [], more: true };
  const parts = Array.from({ length: 5 }, (_, part) => ({
    ...{ kind: 'delta', position: at(1), changed: large(50, part), more: true },
  }));
  assert.equal(apply(snapshot, ...parts.slice(0, 3))?.exports.size, 150);
  assert.equal(apply(snapshot, ...parts)?.exports.size, undefined);
});

test('of exports that are too large together the oldest are told, and fit', () => {
  const all = large(250).map((each, index) =>
    catalogExport.parse({ ...each, createdAt: `2026-01-01T00:0${index < 200 ? 5 : 1}:00Z` }),
  );
  const untold = untoldExports(all);
  assert.ok(untold.size > 0 && untold.size < 200, `${untold.size}`);
  assert.ok(!all.slice(200).some((each) => untold.has(exportKey(each))));
  const told = all.filter((each) => !untold.has(exportKey(each)));
  assert.equal(countFitting(told), told.length);
});

test('an export that becomes invalid is gone, and known no more as such when it is valid or removed', () => {
  const snapshot = { kind: 'snapshot', position: at(1), cluster, exports: [entry] };
  const change = (revision: number, changed: object[], removed: string[] = []) => ({
    ...{ kind: 'delta', position: at(revision), changed, removed },
  });
  const broken = change(2, [{ ...entry, ...port('!') }]);
  const catalog = apply(snapshot, broken);
  assert.deepEqual([catalog?.exports.size, catalog?.leftOut?.size], [0, 1]);
  assert.match(catalog?.leftOut?.get('shop/backend') ?? '', /^ports\.0\.name: must be/);
  const mended = apply(snapshot, broken, change(3, [entry]));
  assert.deepEqual([mended?.exports.size, mended?.leftOut], [1, undefined]);
  const removed = apply(snapshot, broken, change(3, [], ['shop/backend']));
  assert.deepEqual([removed?.exports.size, removed?.leftOut], [0, undefined]);
});

test('what a peer calls an export that is left out is fit for a message', () => {
  const exports = [{ ...entry, name: `${'\u{1f600}'.repeat(80)}\n` }];
  const leftOut = { 'a\ud800/b': 'c\r\nd' };
  const catalog = apply({ kind: 'snapshot', position: at(1), cluster, exports, leftOut });
  const told = [...(catalog?.leftOut ?? [])].flat();
  assert.equal(told.length, 4);
  for (const text of told) assert.match(text, /^[ -~]{1,300}$/);
});

test('of many exports that are left out only some are remembered', () => {
  const bad = Array.from({ length: 1_000 }, (_, index) => ({ ...entry, name: `BAD ${index}` }));
  const catalog = apply({ kind: 'snapshot', position: at(1), cluster, exports: [...bad, entry] });
  assert.deepEqual([catalog?.exports.size, catalog?.leftOut?.size], [1, 64]);
});

test('a time that is none is no time, and metadata is cut to what a mirror can have', () => {
  const times = ['', 'yesterday', '2026-01-01', '2026-13-01T00:00:00Z', '0'];
  const exports = times.map((createdAt, index) => ({ ...entry, name: `e-${index}`, createdAt }));
  const exportedAnnotations = Object.fromEntries(
    Array.from({ length: 100 }, (_, index) => [`a${index}`, 'x'.repeat(4_000)]),
  );
  const catalog = apply({
    kind: 'snapshot',
    position: at(1),
    cluster,
    exports: [...exports, { ...entry, exportedAnnotations, exportedLabels: { a: 'b & c' } }],
  });
  for (const [key, { createdAt }] of catalog?.exports ?? [])
    assert.equal(createdAt, key === 'shop/backend' ? entry.createdAt : '', key);
  const kept = catalog?.exports.get('shop/backend');
  assert.deepEqual(Object.keys(kept?.exportedAnnotations ?? {}), ['a0', 'a1', 'a10', 'a11']);
  assert.deepEqual(kept?.exportedLabels, {});
});

test('a message of which more follows is not to be used before it is whole', () => {
  const other = { ...entry, name: 'other' };
  const first = { kind: 'snapshot', position: at(5), cluster, exports: [entry], more: true };
  const last = { kind: 'delta', position: at(5), changed: [other] };
  const begun = apply(first);
  assert.equal(begun?.incomplete, true);
  const whole = applyCatalogMessage(begun, parse(last));
  assert.deepEqual([whole?.incomplete, whole?.exports.size], [undefined, 2]);
  // Who tells it afresh may be behind: half of it must not stay for good.
  const older = { kind: 'snapshot', position: at(4), cluster, exports: [other] };
  assert.deepEqual(
    [...(applyCatalogMessage(begun, parse(older))?.exports.keys() ?? [])],
    ['shop/other'],
  );
  assert.equal(applyCatalogMessage(whole, parse(older)), whole);
});

test('the release a peer claims is printable wherever it is shown', () => {
  const said = { kind: 'snapshot', position: at(1), exports: [] };
  const known = apply({ ...said, cluster: { ...cluster, version: '1.0\u001b[2J\ud800' } });
  assert.equal(known?.cluster.version, '1.0?[2J?');
});
