/**
 * Watches: what they tell, from when on, and how they end.
 */
import assert from 'node:assert/strict';
import { asNumber, asObject, asString, at, type JsonObject } from '#devcluster/values/json.ts';
import { apiConcepts, type ContractCase, docs, kep } from '../case.ts';
import { type CaseCluster, metaOf } from '../cluster.ts';
import type { OpenWatch } from '../http.ts';
import { configMap, core, group, versionOf } from '../kit.ts';

function told(watch: OpenWatch, name: string): string[] {
  return watch.lines.filter(({ object }) => metaOf(object).name === name).map(({ type }) => type);
}

async function changed(cluster: CaseCluster, path: string, name: string): Promise<JsonObject> {
  await cluster.must(201, 'POST', path, configMap(name));
  await cluster.must(200, 'PUT', `${path}/${name}`, configMap(name, { a: '2' }));
  return cluster.must(200, 'DELETE', `${path}/${name}`);
}

export const watches: readonly ContractCase[] = [
  {
    name: 'a watch from a version tells every later change, in order, with growing versions',
    source: apiConcepts('efficient-detection-of-changes'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const from = versionOf(await cluster.must(200, 'GET', path));
      await changed(cluster, path, 'watched');
      const watch = cluster.watch(`${path}?watch=true&resourceVersion=${from}`);
      await cluster.until('three events', () => told(watch, 'watched').length >= 3);
      assert.deepEqual(told(watch, 'watched'), ['ADDED', 'MODIFIED', 'DELETED']);
      const versions = watch.lines.map(({ object }) => Number(versionOf(object)));
      assert.deepEqual(
        versions,
        [...versions].sort((a, b) => a - b),
      );
      const last = watch.lines.at(-1)?.object;
      assert.ok(Number(versionOf(last)) > (versions.at(-2) ?? 0), 'a deletion is a version too');
      assert.equal(asObject(last).kind, 'ConfigMap', 'objects of events name their kind');
    },
  },
  {
    name: 'a watch without a version begins with what there is, as ADDED',
    source: apiConcepts('semantics-for-watch'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      await cluster.must(201, 'POST', path, configMap('there'));
      for (const query of ['watch=true', 'watch=1&resourceVersion=0']) {
        const watch = cluster.watch(`${path}?${query}`);
        await cluster.until('it is told', () => told(watch, 'there').length > 0);
        assert.deepEqual(told(watch, 'there'), ['ADDED']);
      }
    },
  },
  {
    name: 'a watch ends after timeoutSeconds, with a bookmark before if bookmarks were asked for',
    source: apiConcepts('watch-bookmarks'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const from = versionOf(await cluster.must(201, 'POST', path, configMap('x')));
      const query = `watch=true&allowWatchBookmarks=true&timeoutSeconds=6&resourceVersion=${from}`;
      const startMs = performance.now();
      const watch = cluster.watch(`${path}?${query}`);
      await cluster.until('it ends', () => watch.ended);
      const tookMs = performance.now() - startMs;
      assert.ok(tookMs > 5_000 && tookMs < 9_000, `it ended after ${tookMs} ms`);
      const bookmark = watch.lines.find(({ type }) => type === 'BOOKMARK');
      assert.ok(bookmark, 'a bookmark');
      assert.equal(bookmark.object.kind, 'ConfigMap');
      assert.ok(Number(versionOf(bookmark.object)) >= Number(from));
      assert.equal(bookmark.object.data, undefined);
    },
  },
  {
    name: 'a watch from a version long gone is an ERROR event with a 410 Status in an answer of 200',
    alone: true,
    source: apiConcepts('410-gone-responses'),
    async run(cluster) {
      // A real server remembers builtin kinds from its first moment on, and that may be version 1. What is defined
      // later it begins to remember later.
      await cluster.install();
      const api = 'multicluster.x-k8s.io/v1beta1';
      const path = group(api, await cluster.namespace(), 'serviceexports');
      const body = { apiVersion: api, kind: 'ServiceExport', metadata: { name: 'x' } };
      await cluster.must(201, 'POST', path, body);
      await cluster.must(200, 'DELETE', `${path}/x`);
      await cluster.target.compact();
      const watch = cluster.watch(`${path}?watch=true&resourceVersion=1`);
      await cluster.until('it ends', () => watch.ended);
      assert.equal(watch.status, 200, watch.text);
      assert.deepEqual(
        watch.lines.map(({ type }) => type),
        ['ERROR'],
      );
      const status = watch.lines[0]?.object ?? {};
      assert.equal(status.kind, 'Status');
      assert.equal(status.code, 410);
      assert.equal(status.reason, 'Expired');
      assert.match(asString(status.message), /^too old resource version: 1 \(\d+\)$/);
    },
  },
  {
    name: 'a watch with a label selector tells an object that stops matching as DELETED, as it was',
    source: apiConcepts('efficient-detection-of-changes'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const watch = cluster.watch(`${path}?watch=true&labelSelector=in%3Dyes`);
      const body = (value: string) => configMap('leaver', { a: value }, { labels: { in: value } });
      await cluster.until('it is open', () => watch.status === 200);
      await cluster.must(201, 'POST', path, body('no'));
      await cluster.must(200, 'PUT', `${path}/leaver`, body('yes'));
      const left = await cluster.must(200, 'PUT', `${path}/leaver`, body('no'));
      await cluster.until('it leaves', () => told(watch, 'leaver').length >= 2);
      assert.deepEqual(told(watch, 'leaver'), ['ADDED', 'DELETED']);
      const gone = watch.lines.at(-1)?.object;
      assert.equal(at(gone, 'data', 'a'), 'yes', 'the object as it was when it matched');
      assert.equal(versionOf(gone), versionOf(left), 'the version of the change');
    },
  },
  {
    name: 'a watch can be narrowed to one object by its name',
    source: apiConcepts('efficient-detection-of-changes'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const watch = cluster.watch(`${path}?watch=true&fieldSelector=metadata.name%3Done`);
      await cluster.until('it is open', () => watch.status === 200);
      await cluster.must(201, 'POST', path, configMap('two'));
      await cluster.must(201, 'POST', path, configMap('one'));
      await cluster.until('it is told', () => told(watch, 'one').length > 0);
      assert.deepEqual(told(watch, 'two'), []);
    },
  },
  {
    name: 'a path that says watch is one, of a collection or of one object',
    source: docs('reference/kubernetes-api/config-and-storage-resources/config-map-v1/'),
    async run(cluster) {
      const namespace = await cluster.namespace();
      const path = core(namespace, 'configmaps');
      const old = core(namespace, 'configmaps').replace('/v1/', '/v1/watch/');
      const [all, one] = [cluster.watch(old), cluster.watch(`${old}/one`)];
      for (const name of ['two', 'one']) await cluster.must(201, 'POST', path, configMap(name));
      await cluster.until('both are told', () => {
        return [all, one].every((watch) => told(watch, 'one').length > 0);
      });
      assert.deepEqual([told(all, 'two'), told(one, 'two')], [['ADDED'], []]);
    },
  },
  {
    name: 'a watch across namespaces tells those of every namespace',
    source: apiConcepts('resource-uris'),
    async run(cluster) {
      const watch = cluster.watch(
        `/api/v1/configmaps?watch=true&labelSelector=who%3D${cluster.unique}`,
      );
      await cluster.until('it is open', () => watch.status === 200);
      for (const _ of [1, 2]) {
        const path = core(await cluster.namespace(), 'configmaps');
        const labels = { who: cluster.unique };
        await cluster.must(201, 'POST', path, configMap('x', {}, { labels }));
      }
      await cluster.until('both are told', () => told(watch, 'x').length === 2);
    },
  },
  {
    name: 'a streaming list sends what there is and marks where that ends',
    source: kep(3157),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      await cluster.must(201, 'POST', path, configMap('there'));
      const query =
        'watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan';
      const watch = cluster.watch(`${path}?${query}`);
      const end = await cluster.until('the end of what there is', () =>
        watch.lines.find(({ type }) => type === 'BOOKMARK'),
      );
      assert.deepEqual(told(watch, 'there'), ['ADDED']);
      assert.equal(at(end.object, 'metadata', 'annotations', 'k8s.io/initial-events-end'), 'true');
      assert.ok(asNumber(Number(versionOf(end.object))) > 0);
    },
  },
  {
    name: 'what there is comes without a mark where no bookmarks are asked for, and not at all with false',
    source: kep(3157),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      await cluster.must(201, 'POST', path, configMap('there'));
      const query = 'watch=true&resourceVersionMatch=NotOlderThan';
      const all = cluster.watch(`${path}?${query}&sendInitialEvents=true`);
      const marks = 'allowWatchBookmarks=true&timeoutSeconds=3';
      const later = cluster.watch(`${path}?${query}&sendInitialEvents=false&${marks}`);
      await cluster.until('it is told', () => told(all, 'there').length > 0);
      await cluster.until('it is open', () => later.status === 200, 3_000);
      await cluster.must(201, 'POST', path, configMap('new'));
      await cluster.until('both tell it', () =>
        [all, later].every((watch) => told(watch, 'new').length > 0),
      );
      assert.deepEqual(told(later, 'there'), []);
      assert.ok(!all.lines.some(({ type }) => type === 'BOOKMARK'));
    },
  },
  {
    name: 'a watch from a version of the future is open, and tells what comes after it',
    source: apiConcepts('semantics-for-watch'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const now = Number(versionOf(await cluster.must(201, 'POST', path, configMap('there'))));
      const watch = cluster.watch(`${path}?watch=true&resourceVersion=${now + 1_000_000}`);
      await cluster.until('it is open', () => watch.status === 200);
      await cluster.must(201, 'POST', path, configMap('early'));
      await cluster.pause(200);
      assert.deepEqual([watch.lines, watch.ended], [[], false]);
    },
  },
  {
    name: 'bookmarks come in the form that was asked for, as clients of metadata alone read no other',
    source: apiConcepts('metadata-only-fetches'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      const query = 'watch=true&timeoutSeconds=3&allowWatchBookmarks=true';
      const initial = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan';
      const accept = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
      const watch = cluster.watch(`${path}?${query}&${initial}`, { accept });
      await cluster.until('the watch ends', () => watch.ended);
      const marks = watch.lines.filter(({ type }) => type === 'BOOKMARK');
      assert.ok(marks.length > 0, 'there is a bookmark');
      for (const { object } of marks) {
        assert.deepEqual(
          [object.kind, object.apiVersion],
          ['PartialObjectMetadata', 'meta.k8s.io/v1'],
        );
        assert.match(versionOf(object), /^\d+$/);
      }
      const [first] = marks;
      const { annotations } = asObject(first?.object.metadata);
      assert.equal(asObject(annotations)['k8s.io/initial-events-end'], 'true');
    },
  },
];
