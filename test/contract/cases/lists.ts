/**
 * Lists: versions, pages and their end, selectors.
 */
import assert from 'node:assert/strict';
import { asNumber, asObject, asObjects, asString } from '#devcluster/values/json.ts';
import { apiConcepts, type ContractCase, docs } from '../case.ts';
import { type CaseCluster, metaOf } from '../cluster.ts';
import { configMap, core, group, namesOf, refused, versionOf } from '../kit.ts';

/** Long enough for a real server to compact twice, and for its cache to notice. */
const EXPIRY_MS = 120_000;

async function fill(cluster: CaseCluster, count: number): Promise<string> {
  const path = core(await cluster.namespace(), 'configmaps');
  for (let at = 0; at < count; at += 1) {
    const labels = { half: at % 2 === 0 ? 'even' : 'odd', 'example.com/list': 'yes' };
    await cluster.must(201, 'POST', path, configMap(`page-${at}`, { a: '1' }, { labels }));
  }
  return path;
}

/** What a namespace holds beside what a case put there. */
function ours(names: readonly string[]): string[] {
  return names.filter((name) => name.startsWith('page-'));
}

export const lists: readonly ContractCase[] = [
  {
    name: 'a list names its kind and version, and its items in order of name',
    source: apiConcepts('collections'),
    async run(cluster) {
      const path = await fill(cluster, 3);
      const list = await cluster.must(200, 'GET', path);
      assert.equal(list.kind, 'ConfigMapList');
      assert.equal(list.apiVersion, 'v1');
      assert.match(versionOf(list), /^[1-9]\d*$/);
      assert.deepEqual(ours(namesOf(list)), ['page-0', 'page-1', 'page-2']);
      const [item] = asObjects(list.items);
      assert.equal(item?.kind, undefined, 'items of a builtin list do not repeat their kind');
    },
  },
  {
    name: 'pages of a list show one version, whatever changes in between',
    source: apiConcepts('retrieving-large-results-sets-in-chunks'),
    async run(cluster) {
      const path = await fill(cluster, 5);
      const first = await cluster.must(200, 'GET', `${path}?limit=2`);
      assert.equal(namesOf(first).length, 2);
      const token = asString(metaOf(first).continue);
      assert.notEqual(token, '');
      assert.ok(asNumber(metaOf(first).remainingItemCount) >= 3);
      await cluster.must(200, 'DELETE', `${path}/page-4`);
      await cluster.must(201, 'POST', path, configMap('page-5'));
      const query = `limit=500&continue=${encodeURIComponent(token)}`;
      const second = await cluster.must(200, 'GET', `${path}?${query}`);
      assert.equal(versionOf(second), versionOf(first));
      assert.equal(asString(metaOf(second).continue), '');
      assert.equal(metaOf(second).remainingItemCount, undefined);
      assert.deepEqual(ours([...namesOf(first), ...namesOf(second)]), [
        'page-0',
        'page-1',
        'page-2',
        'page-3',
        'page-4',
      ]);
    },
  },
  {
    name: 'a page of a selected list does not say how many items remain',
    source: docs('reference/kubernetes-api/common-definitions/list-meta/'),
    async run(cluster) {
      const path = await fill(cluster, 4);
      const query = 'limit=1&labelSelector=half%3Deven';
      const first = await cluster.must(200, 'GET', `${path}?${query}`);
      assert.notEqual(asString(metaOf(first).continue), '');
      assert.equal(metaOf(first).remainingItemCount, undefined);
    },
  },
  {
    name: 'an old continue token is a 410 that brings a token to go on without consistency',
    alone: true,
    source: apiConcepts('410-gone-responses'),
    async run(cluster) {
      const path = await fill(cluster, 4);
      const first = await cluster.must(200, 'GET', `${path}?limit=2`);
      const token = encodeURIComponent(asString(metaOf(first).continue));
      await cluster.target.compact();
      const body = await cluster.until(
        'the token expires',
        async () => {
          await cluster.call(
            'PUT',
            `${path}/page-0`,
            configMap('page-0', { a: `${Math.random()}` }),
          );
          const answer = await cluster.call('GET', `${path}?limit=2&continue=${token}`);
          return answer.status === 410 && answer.body;
        },
        EXPIRY_MS,
      );
      assert.equal(body.reason, 'Expired');
      assert.match(
        asString(body.message),
        /^The provided continue parameter is too old to display a consistent list result\./,
      );
      const next = encodeURIComponent(asString(metaOf(body).continue));
      assert.notEqual(next, '');
      const rest = await cluster.must(200, 'GET', `${path}?limit=500&continue=${next}`);
      assert.deepEqual(ours([...namesOf(first), ...namesOf(rest)]).at(-1), 'page-3');
    },
  },
  {
    name: 'a continue token that is none is a 400',
    source: apiConcepts('retrieving-large-results-sets-in-chunks'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      await refused(cluster, 400, 'BadRequest', 'GET', `${path}?limit=2&continue=nonsense`);
    },
  },
  {
    name: 'a list at version 0 is whatever the server has, NotOlderThan is at least what was asked',
    source: apiConcepts('semantics-for-get-and-list'),
    async run(cluster) {
      const path = await fill(cluster, 2);
      const any = await cluster.must(200, 'GET', `${path}?resourceVersion=0`);
      assert.match(versionOf(any), /^[1-9]\d*$/);
      const now = versionOf(await cluster.must(200, 'GET', path));
      const query = `resourceVersion=${now}&resourceVersionMatch=NotOlderThan`;
      const later = await cluster.must(200, 'GET', `${path}?${query}`);
      assert.ok(Number(versionOf(later)) >= Number(now));
      assert.deepEqual(ours(namesOf(later)), ['page-0', 'page-1']);
    },
  },
  {
    name: 'a list at an exact version shows what was then',
    source: apiConcepts('semantics-for-get-and-list'),
    async run(cluster) {
      const path = await fill(cluster, 2);
      const then = versionOf(await cluster.must(200, 'GET', path));
      await cluster.must(200, 'DELETE', `${path}/page-0`);
      const query = `resourceVersion=${then}&resourceVersionMatch=Exact&limit=500`;
      const list = await cluster.must(200, 'GET', `${path}?${query}`);
      assert.equal(versionOf(list), then);
      assert.deepEqual(ours(namesOf(list)), ['page-0', 'page-1']);
    },
  },
  {
    name: 'resourceVersionMatch is checked against the version and the token it comes with',
    source: apiConcepts('semantics-for-get-and-list'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const said = async (query: string) => {
        const { message, causes } = await refused(
          cluster,
          422,
          'Invalid',
          'GET',
          `${path}?${query}`,
        );
        cluster.record(query, { message, causes: [...causes] });
        return message;
      };
      const prefix = 'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: ';
      assert.equal(
        await said('resourceVersionMatch=Exact'),
        `${prefix}resourceVersionMatch is forbidden unless resourceVersion is provided`,
      );
      assert.equal(
        await said('resourceVersion=0&resourceVersionMatch=Exact'),
        `${prefix}resourceVersionMatch "exact" is forbidden for resourceVersion "0"`,
      );
      await said('resourceVersion=1&resourceVersionMatch=Nearly');
    },
  },
  {
    name: 'a list at a version of the future waits, then is a 504 with ResourceVersionTooLarge',
    source: apiConcepts('unavailable-resource-versions'),
    async run(cluster) {
      const path = await fill(cluster, 1);
      const future = Number(versionOf(await cluster.must(200, 'GET', path))) + 1_000_000;
      const query = `resourceVersion=${future}&resourceVersionMatch=NotOlderThan`;
      const { details } = await refused(cluster, 504, 'Timeout', 'GET', `${path}?${query}`);
      const [cause] = asObjects(details.causes);
      assert.deepEqual(cause, {
        reason: 'ResourceVersionTooLarge',
        message: 'Too large resource version',
      });
      assert.equal(details.retryAfterSeconds, 1);
    },
  },
  {
    name: 'one object is read at least as new as the version that is asked for, or not at all',
    source: apiConcepts('semantics-for-get-and-list'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const made = await cluster.must(201, 'POST', path, configMap('x'));
      const now = Number(versionOf(made));
      for (const version of [0, now]) {
        await cluster.must(200, 'GET', `${path}/x?resourceVersion=${version}`);
      }
      const future = `${path}/x?resourceVersion=${now + 1_000_000}`;
      const { details } = await refused(cluster, 504, 'Timeout', 'GET', future);
      assert.equal(asObjects(details.causes)[0]?.reason, 'ResourceVersionTooLarge');
      await refused(cluster, 400, 'BadRequest', 'GET', `${path}/x?resourceVersion=none`);
    },
  },
  {
    name: 'label selectors know equality, sets and existence; one that cannot be read is a 400',
    source: docs('concepts/overview/working-with-objects/labels/#api'),
    async run(cluster) {
      const path = await fill(cluster, 4);
      const selected = async (selector: string) => {
        const query = `labelSelector=${encodeURIComponent(selector)}`;
        return namesOf(await cluster.must(200, 'GET', `${path}?${query}`));
      };
      assert.deepEqual(await selected('half=even'), ['page-0', 'page-2']);
      assert.deepEqual(await selected('half==odd'), ['page-1', 'page-3']);
      assert.deepEqual(ours(await selected('half!=odd')), ['page-0', 'page-2']);
      assert.deepEqual(await selected('half in (odd,neither)'), ['page-1', 'page-3']);
      assert.deepEqual(await selected('example.com/list,half notin (odd)'), ['page-0', 'page-2']);
      assert.deepEqual(ours(await selected('!example.com/list')), []);
      const wrong = `${path}?labelSelector=${encodeURIComponent('a in')}`;
      await refused(cluster, 400, 'BadRequest', 'GET', wrong);
    },
  },
  {
    name: 'every kind can be selected by name and namespace, Pods by node, and no other field',
    source: docs(
      'concepts/overview/working-with-objects/field-selectors/#list-of-supported-fields',
    ),
    async run(cluster) {
      const path = await fill(cluster, 2);
      const byName = await cluster.must(200, 'GET', `${path}?fieldSelector=metadata.name%3Dpage-1`);
      assert.deepEqual(namesOf(byName), ['page-1']);
      await refused(cluster, 400, 'BadRequest', 'GET', `${path}?fieldSelector=data.a%3D1`);
      const pods = '/api/v1/pods?fieldSelector=spec.nodeName%3Dnone,status.phase!%3DRunning';
      const list = await cluster.must(200, 'GET', pods);
      assert.deepEqual(list.items, []);
    },
  },
  {
    name: 'a selector may be as long as a head of HTTP; a label it names is one that can be',
    source: docs('concepts/overview/working-with-objects/labels/#label-selectors'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const last = 'value-that-is-long-4999';
      await cluster.must(201, 'POST', path, configMap('x', {}, { labels: { app: last } }));
      const values = Array.from({ length: 5_000 }, (_, index) => `value-that-is-long-${index}`);
      const long = encodeURIComponent(`app in (${values.join(',')})`);
      const list = await cluster.must(200, 'GET', `${path}?labelSelector=${long}`);
      assert.deepEqual(namesOf(list), ['x']);
      for (const wrong of ['app=two words_', 'app=x_', 'a/b/c=x', 'app>many']) {
        const query = `labelSelector=${encodeURIComponent(wrong)}`;
        await refused(cluster, 400, 'BadRequest', 'GET', `${path}?${query}`);
      }
    },
  },
  {
    name: 'a field that is not set is selected as false or 0, and only the fields of a kind can be',
    source: docs(
      'concepts/overview/working-with-objects/field-selectors/#list-of-supported-fields',
    ),
    async run(cluster) {
      const namespace = await cluster.namespace(true);
      const found = async (path: string, selector: string) =>
        namesOf(
          await cluster.must(200, 'GET', `${path}?fieldSelector=${encodeURIComponent(selector)}`),
        );
      const pods = core(namespace, 'pods');
      const spec = { containers: [{ name: 'x', image: 'x:1' }] };
      await cluster.must(201, 'POST', pods, { metadata: { name: 'pod' }, spec });
      assert.deepEqual(await found(pods, 'spec.hostNetwork=false'), ['pod']);
      assert.deepEqual(await found(pods, 'spec.hostNetwork=true'), []);
      const replicaSets = group('apps/v1', namespace, 'replicasets');
      const labels = { app: 'x' };
      const template = { metadata: { labels }, spec };
      const set = { replicas: 0, selector: { matchLabels: labels }, template };
      await cluster.must(201, 'POST', replicaSets, { metadata: { name: 'set' }, spec: set });
      assert.deepEqual(await found(replicaSets, 'status.replicas=0'), ['set']);
      const nobody = group('apps/v1', namespace, 'deployments?fieldSelector=status.replicas%3D0');
      await refused(cluster, 400, 'BadRequest', 'GET', nobody);
    },
  },
  {
    name: 'events are selected by what they are about and by who tells, in the words of each API',
    source: docs(
      'concepts/overview/working-with-objects/field-selectors/#list-of-supported-fields',
    ),
    async run(cluster) {
      const namespace = await cluster.namespace();
      const involvedObject = { kind: 'Service', namespace, name: 'thing' };
      const event = { involvedObject, reason: 'Seen', type: 'Normal', message: 'x' };
      const old = { ...event, metadata: { name: 'old' }, source: { component: 'teller' } };
      const recent = { ...event, reportingComponent: 'teller', reportingInstance: 'teller-0' };
      const paths = {
        core: core(namespace, 'events'),
        new: group('events.k8s.io/v1', namespace, 'events'),
      };
      await cluster.must(201, 'POST', paths.core, old);
      await cluster.must(201, 'POST', paths.core, { ...recent, metadata: { name: 'recent' } });
      const found = async (api: 'core' | 'new', selector: string) =>
        namesOf(
          await cluster.must(
            200,
            'GET',
            `${paths[api]}?fieldSelector=${encodeURIComponent(selector)}`,
          ),
        );
      assert.deepEqual(await found('core', 'source=teller'), ['old', 'recent']);
      assert.deepEqual(await found('core', 'reportingComponent=teller'), ['recent']);
      assert.deepEqual(await found('new', 'reportingController=teller'), ['recent']);
      assert.deepEqual(await found('new', 'regarding.name=thing,reason=Seen'), ['old', 'recent']);
      const wrong = [`${paths.core}?fieldSelector=regarding.name%3Dthing`];
      wrong.push(`${paths.new}?fieldSelector=involvedObject.name%3Dthing`);
      for (const path of wrong) await refused(cluster, 400, 'BadRequest', 'GET', path);
    },
  },
  {
    name: 'a list of a namespace that does not exist is empty, an object there is not found',
    source: apiConcepts('resource-uris'),
    async run(cluster) {
      const path = core(`none-${cluster.unique}`, 'configmaps');
      const list = await cluster.must(200, 'GET', path);
      assert.deepEqual(list.items, []);
      await refused(cluster, 404, 'NotFound', 'GET', `${path}/x`);
    },
  },
  {
    name: 'a list across namespaces holds those of every namespace',
    source: apiConcepts('resource-uris'),
    async run(cluster) {
      const one = core(await cluster.namespace(), 'configmaps');
      const two = core(await cluster.namespace(), 'configmaps');
      const labels = { 'example.com/across': cluster.unique };
      for (const path of [one, two]) {
        await cluster.must(201, 'POST', path, configMap('both', {}, { labels }));
      }
      const query = `labelSelector=example.com%2Facross%3D${cluster.unique}`;
      const list = await cluster.must(200, 'GET', `/api/v1/configmaps?${query}`);
      const namespaces = asObjects(list.items).map((item) => metaOf(item).namespace);
      assert.equal(new Set(namespaces).size, 2);
    },
  },
  {
    name: 'objects of a list can be asked for by their metadata alone',
    source: apiConcepts('metadata-only-fetches'),
    async run(cluster) {
      const path = await fill(cluster, 1);
      const accept =
        'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';
      const list = await cluster.must(200, 'GET', path, undefined, { accept });
      assert.equal(list.kind, 'PartialObjectMetadataList');
      const item = asObjects(list.items).find((each) => metaOf(each).name === 'page-0');
      assert.equal(asObject(item).data, undefined);
      assert.equal(asObject(item).kind, 'PartialObjectMetadata');
    },
  },
];
