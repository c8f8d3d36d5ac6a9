/**
 * Bodies in protobuf, as clients of Go send them for all built-in kinds. Pairs of field numbers and values stand for messages.
 */
import assert from 'node:assert/strict';
import { writeField, writeNumber } from '#devcluster/protobuf/wire.ts';
import { asObjects, at, type JsonObject } from '#devcluster/values/json.ts';
import { apiConcepts, type ContractCase } from '../case.ts';
import { type CaseCluster, metaOf } from '../cluster.ts';
import { core, group } from '../kit.ts';

const TYPE = 'application/vnd.kubernetes.protobuf';
const ENCODING = apiConcepts('kubernetes-protobuf-encoding');

type Value = string | number | Buffer;

function message(...fields: readonly (readonly [number: number, value: Value])[]): Buffer {
  return Buffer.concat(
    fields.map(([number, value]) =>
      typeof value === 'number' ? writeNumber(number, value) : writeField(number, value),
    ),
  );
}

function envelope(apiVersion: string, kind: string, object: Buffer): Buffer {
  const about = message([1, apiVersion], [2, kind]);
  return Buffer.concat([Buffer.from('k8s\0'), message([1, about], [2, object])]);
}

async function send(
  cluster: CaseCluster,
  status: number,
  method: string,
  path: string,
  body: Buffer,
): Promise<JsonObject> {
  const answer = await cluster.call(method, path, body, { type: TYPE });
  assert.equal(answer.status, status, answer.text);
  return answer.body;
}

export const protobuf: readonly ContractCase[] = [
  {
    name: 'leases are made and renewed in protobuf, with microseconds and the owners of their fields',
    source: ENCODING,
    async run(cluster) {
      const path = group('coordination.k8s.io/v1', await cluster.namespace(), 'leases');
      const spec = (seconds: number) =>
        message([1, 'me'], [2, 15], [4, message([1, seconds], [2, 123_456_000])]);
      const lease = (metadata: Buffer, seconds: number) =>
        envelope('coordination.k8s.io/v1', 'Lease', message([1, metadata], [2, spec(seconds)]));
      const made = await send(cluster, 201, 'POST', path, lease(message([1, 'x']), 1_700_000_000));
      assert.deepEqual(made.spec, {
        holderIdentity: 'me',
        leaseDurationSeconds: 15,
        renewTime: '2023-11-14T22:13:20.123456Z',
      });
      const [owner] = asObjects(metaOf(made).managedFields);
      const fields = message([1, JSON.stringify(owner?.fieldsV1)]);
      const entry = message(
        [1, String(owner?.manager)],
        [2, 'Update'],
        [3, 'coordination.k8s.io/v1'],
        [6, 'FieldsV1'],
        [7, fields],
      );
      const metadata = message([1, 'x'], [6, String(metaOf(made).resourceVersion)], [17, entry]);
      const renewed = await send(cluster, 200, 'PUT', `${path}/x`, lease(metadata, 1_700_000_001));
      assert.equal(at(renewed, 'spec', 'renewTime'), '2023-11-14T22:13:21.123456Z');
    },
  },
  {
    name: 'what is empty or zero in protobuf and means something is kept, and quantities are text',
    source: ENCODING,
    async run(cluster) {
      const path = core(await cluster.namespace(true), 'pods');
      const volume = message([1, 'scratch'], [2, message([2, Buffer.alloc(0)])]);
      const limits = message([1, 'cpu'], [2, message([1, '200m'])]);
      const container = message([1, 'x'], [2, 'x:1'], [8, message([1, limits])]);
      const spec = message([1, volume], [2, container], [4, 0]);
      const pod = envelope('v1', 'Pod', message([1, message([1, 'x'])], [2, spec]));
      const made = await send(cluster, 201, 'POST', `${path}?dryRun=All`, pod);
      assert.equal(at(made, 'spec', 'terminationGracePeriodSeconds'), 0);
      assert.deepEqual(asObjects(at(made, 'spec', 'volumes'))[0], {
        name: 'scratch',
        emptyDir: {},
      });
      const [first] = asObjects(at(made, 'spec', 'containers'));
      assert.deepEqual(at(first, 'resources', 'limits'), { cpu: '200m' });
    },
  },
  {
    name: 'events are told in protobuf',
    source: ENCODING,
    async run(cluster) {
      const namespace = await cluster.namespace();
      const metadata = message([1, 'x'], [3, namespace]);
      const about = message([1, 'Pod'], [2, namespace], [3, 'thing']);
      const event = message([1, metadata], [2, about], [3, 'Happened'], [4, 'it did'], [8, 1]);
      const path = core(namespace, 'events');
      const made = await send(cluster, 201, 'POST', path, envelope('v1', 'Event', event));
      assert.equal(at(made, 'involvedObject', 'name'), 'thing');
    },
  },
];
