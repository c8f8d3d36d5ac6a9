/** What this cluster tells of its exports is what a peer takes. */
import assert from 'node:assert/strict';
import { PassThrough, Writable } from 'node:stream';
import { test } from 'node:test';
import {
  applyCatalogMessage,
  CATALOG_LIMITS,
  type Catalog,
  type CatalogExport,
  type CatalogMessage,
  parseCatalogMessage,
} from '#core/catalog.ts';
import { silentLogger } from '#core/log.ts';
import { catalogLines } from '#gateway/catalog/lines.ts';
import { OwnCatalog } from '#gateway/catalog/own.ts';
import { CATALOG_STREAMS_MAX, serveCatalog } from '#gateway/catalog/serve.ts';
import { CatalogCell } from '#gateway/catalog/source.ts';
import type { Exchange, ExchangeListener } from '#gateway/http/exchange.ts';
import type { ResponseHead } from '#gateway/http/message.ts';
import { type InwardOptions, serveStream } from '#gateway/inward.ts';
import { parseAdvertise } from '#gateway/snapshot/advertised.ts';
import { catalogExportOf } from '#gateway/snapshot/exports.ts';
import { emptySnapshot } from '#gateway/snapshot/types.ts';
import { parseService, parseServiceExport } from '#kube/parse-objects.ts';
import { HandClock } from './loss/memory.ts';

const cluster = { name: 'east', version: '1', trustBundle: 'PEM', gateways: [] };

function exported(name: string, spec: object = {}, createdAt = '2026-01-01T00:00:00Z') {
  const metadata = { name, namespace: 'shop' };
  const ports = [{ name: 'http', port: 80 }];
  const entry = catalogExportOf(
    parseServiceExport({ metadata: { ...metadata, creationTimestamp: createdAt }, spec }),
    parseService({ metadata, spec: { clusterIP: '10.0.0.1', ports } }),
    [],
    new Set(),
  );
  assert.ok(entry);
  return entry;
}

function some(count: number, spec: object = {}): CatalogExport[] {
  return Array.from({ length: count }, (_, index) => exported(`s-${index}`, spec));
}

function catalogOf(exports: readonly CatalogExport[], revision = 1): Catalog {
  return {
    position: { epoch: 'e', revision, resourceVersions: {} },
    cluster,
    exports: new Map(exports.map((each) => [`shop/${each.name}`, each])),
  };
}

/** The catalog after `lines`; `known` as a release sees it that does not know `more`, where `isOld`. */
function heard(lines: readonly string[], isOld = false): Catalog | undefined {
  let known: Catalog | undefined;
  for (const line of lines) {
    assert.ok(Buffer.byteLength(line) <= CATALOG_LIMITS.lineBytesMax);
    const message = parseCatalogMessage(line);
    assert.ok(message);
    known = applyCatalogMessage(known, isOld ? ({ ...message, more: false } as never) : message);
    assert.ok(known);
  }
  return known;
}

const big = Object.fromEntries(
  Array.from({ length: 4 }, (_, index) => [`a${index}`, 'x'.repeat(4_000)]),
);

const poison: [string, object][] = [
  ['an annotation of 5,000 characters', { exportedAnnotations: { doc: 'x'.repeat(5_000) } }],
  ['a key of 400 characters', { exportedAnnotations: { ['k'.repeat(400)]: 'x' } }],
  ['a label that is none', { exportedLabels: { owner: 'team a & b' } }],
];
for (const [what, spec] of poison) {
  test(`${what} costs the catalog nothing else`, () => {
    const catalog = heard(
      catalogLines(snapshotOf([exported('a'), exported('b', spec), exported('c')])),
    );
    assert.deepEqual([...(catalog?.exports.keys() ?? [])], ['shop/a', 'shop/b', 'shop/c']);
    assert.deepEqual(catalog?.leftOut, undefined);
    assert.deepEqual(catalog?.exports.get('shop/b')?.exportedAnnotations, {});
  });
}

function snapshotOf(exports: readonly CatalogExport[]): CatalogMessage {
  const { position } = catalogOf([]);
  return { kind: 'snapshot', position, cluster, exports, leftOut: {} };
}

test('a snapshot that is too long for a line is told in several, which every release understands', () => {
  const exports = some(400, { exportedAnnotations: big });
  const lines = catalogLines(snapshotOf(exports));
  assert.equal(lines.length, 2);
  for (const isOld of [false, true]) {
    const catalog = heard(lines, isOld);
    assert.deepEqual([...(catalog?.exports.values() ?? [])], exports);
    assert.equal(catalog?.incomplete, undefined);
  }
  assert.equal(heard(lines.slice(0, 1))?.incomplete, true);
});

test('lines are as long as they may be, and hold everything once', () => {
  const exports = some(50);
  for (const bytesMax of [1_000, 2_000, 4_321, 20_000]) {
    for (const message of [snapshotOf(exports), deltaOf(exports)]) {
      const lines = catalogLines(message, bytesMax);
      for (const line of lines) assert.ok(Buffer.byteLength(line) <= bytesMax);
      const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0);
      assert.ok(lines.length <= Math.ceil(bytes / (bytesMax - 600)), `${lines.length} lines`);
      const all = [snapshotOf([exported('gone')]), ...lines.map((line) => JSON.parse(line))];
      const catalog = heard(all.map((each) => JSON.stringify(each)));
      assert.equal(catalog?.exports.size, 50);
    }
  }
});

function deltaOf(changed: readonly CatalogExport[]): CatalogMessage {
  const { position } = catalogOf([]);
  return { kind: 'delta', position, changed, removed: ['shop/gone'], leftOut: {} };
}

test('a listener that reads slowly is told the rest of a snapshot before what changed since', async () => {
  const cell = new CatalogCell();
  const exports = some(400, { exportedAnnotations: big });
  cell.set(catalogOf(exports));
  const sink = new PassThrough({ highWaterMark: 1 });
  const clock = new HandClock();
  serveCatalog(cell, sink, clock);
  cell.set(catalogOf([...exports, exported('late')], 2));
  clock.advance(3_000);
  let text = '';
  let catalog: Catalog | undefined;
  const follower = new CatalogCell();
  const sizes = new Set<number | undefined>();
  for await (const chunk of sink) {
    text += String(chunk);
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) {
      const message = parseCatalogMessage(line);
      assert.ok(message);
      catalog = applyCatalogMessage(catalog, message);
      assert.ok(catalog);
      follower.set(catalog);
      sizes.add(follower.current()?.exports.size);
    }
    if (catalog?.exports.has('shop/late')) break;
  }
  // Never a part of it.
  assert.deepEqual([...sizes], [undefined, 400, 401]);
});

test('however many read a snapshot slowly, it is held once', () => {
  const cell = new CatalogCell();
  cell.set(catalogOf(some(100, { exportedAnnotations: big })));
  const held = new Set<ArrayBufferLike>();
  for (let listeners = 0; listeners < 50; listeners += 1) {
    const sink = new PassThrough({ highWaterMark: 1 });
    serveCatalog(cell, sink, new HandClock());
    held.add((sink.read() as Buffer).buffer);
  }
  assert.equal(held.size, 1);
});

test('a peer follows the catalog in so many streams and no more', () => {
  const ownCatalog = new OwnCatalog('epoch', () => false, silentLogger);
  const options = { ownCatalog, clock: new HandClock() } as unknown as InwardOptions;
  const opened: ExchangeListener[] = [];
  const ask = () => {
    const statuses: number[] = [];
    const head = { method: 'GET', path: '/isthmus/catalog', headers: [] };
    const exchange = {
      ...{ head, answer: (answer: ResponseHead) => statuses.push(answer.status) },
      ...{ body: () => undefined, discard: () => undefined },
      set listener(listener: ExchangeListener) {
        opened.push(listener);
      },
    };
    serveStream('west', 'control', exchange as unknown as Exchange, options);
    return statuses[0];
  };
  const statuses = Array.from({ length: CATALOG_STREAMS_MAX + 1 }, ask);
  assert.deepEqual([statuses[0], statuses.at(-2), statuses.at(-1)], [200, 200, 503]);
  assert.equal(opened.length, CATALOG_STREAMS_MAX);
});

test('what a peer says and cannot be used is told on to the mirror controller, until it is mended', () => {
  const cell = new CatalogCell();
  const lines: string[] = [];
  const write = (chunk: Buffer, _: string, done: () => void) => {
    lines.push(chunk.toString('utf8').trimEnd());
    done();
  };
  cell.set({ ...catalogOf([exported('a')]), leftOut: new Map([['shop/x', 'ports.0.name: bad']]) });
  serveCatalog(cell, new Writable({ write }), new HandClock());
  assert.deepEqual([...(heard(lines)?.leftOut ?? [])], [['shop/x', 'ports.0.name: bad']]);
  cell.set({ ...catalogOf([exported('a')], 2), leftOut: new Map([['shop/y', 'name: bad']]) });
  assert.deepEqual([...(heard(lines)?.leftOut ?? [])], [['shop/y', 'name: bad']]);
  cell.set(catalogOf([exported('a'), exported('y')], 3));
  assert.deepEqual([heard(lines)?.leftOut, heard(lines)?.exports.size], [undefined, 2]);
});

test('of more exports and addresses than a peer takes, the oldest and the first are told, with a warning', () => {
  const { exportsMax, gatewaysMax } = CATALOG_LIMITS;
  const warnings: string[] = [];
  const log = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  const catalog = new OwnCatalog('e', () => false, log);
  const [first, second] = some(2);
  assert.ok(first && second);
  const exports = new Map<string, CatalogExport>([['shop/a', { ...first, name: 'a' }]]);
  for (let index = 0; index < exportsMax; index += 1) {
    const name = `s-${index}`;
    exports.set(`shop/${name}`, { ...second, name, createdAt: '2025-01-01T00:00:00Z' });
  }
  const peer = { clusterName: 'west', linkName: 'west', visibleExports: new Set(exports.keys()) };
  const gateways = Array.from({ length: gatewaysMax + 1 }, (_, index) => ({
    ...{ host: `10.0.0.${index}`, port: 4143, transport: 'tls' as const },
  }));
  const snapshot = { ...emptySnapshot, exports, peers: new Map([['west', peer as never]]) };
  for (let round = 0; round < 2; round += 1) catalog.update(snapshot, { ...cluster, gateways });
  const told = catalog.viewOf('west').current();
  assert.equal(told?.exports.size, exportsMax);
  assert.equal(told.exports.has('shop/a'), false, 'the youngest is not told');
  assert.equal(told.cluster.gateways.length, gatewaysMax);
  assert.deepEqual(warnings, [
    'too many addresses of gateways: some are not told',
    'too many exports for west: some are not told',
  ]);
  assert.ok(heard(catalogLines(snapshotOf([...told.exports.values()]))));
});

test('an address that no peer would take is no setting', () => {
  assert.throws(() => parseAdvertise(`${'a'.repeat(254)}:4143`), { code: 'INVALID_CONFIG' });
});
