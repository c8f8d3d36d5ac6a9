/**
 * What definitions of custom resources may say, and what their objects are held to.
 */
import assert from 'node:assert/strict';
import type { JsonObject } from '#devcluster/values/json.ts';
import { type ContractCase, docs } from '../case.ts';
import { namesOf, refused } from '../kit.ts';
import { ANY, CRDS, established, own, thing } from '../things.ts';

const PAGE = (section: string) =>
  docs(`tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#${section}`);
const SCHEMA = 'spec.versions[0].schema.openAPIV3Schema';

function object(properties: JsonObject): JsonObject {
  return { type: 'object', properties };
}

export const schemas: readonly ContractCase[] = [
  {
    name: 'a default that breaks its own schema, and a list key that may be missing, are refused',
    source: PAGE('defaulting'),
    async run(cluster) {
      const wrong = own(cluster, object({ size: { type: 'integer', default: 'x' } }));
      const { causes } = await refused(cluster, 422, 'Invalid', 'POST', CRDS, wrong);
      assert.ok(
        causes.some((cause) => cause.endsWith(`${SCHEMA}.properties[size].default`)),
        String(causes),
      );
      const list = {
        type: 'array',
        items: object({ key: { type: 'string' } }),
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['key'],
      };
      const keyless = own(cluster, object({ list }));
      const refusal = await refused(cluster, 422, 'Invalid', 'POST', CRDS, keyless);
      const place = `${SCHEMA}.properties[list].items.properties[key].default`;
      assert.deepEqual(refusal.causes, [`FieldValueRequired ${place}`]);
    },
  },
  {
    name: 'columns are of a type that is known, with a path that begins with a dot',
    source: PAGE('additional-printer-columns'),
    async run(cluster) {
      const additionalPrinterColumns = [
        { name: 'A', type: 'text', jsonPath: '.spec.a' },
        { name: 'B', type: 'string', jsonPath: 'spec.b' },
      ];
      const crd = own(cluster, ANY, { additionalPrinterColumns });
      const { causes } = await refused(cluster, 422, 'Invalid', 'POST', CRDS, crd);
      const columns = 'spec.versions[0].additionalPrinterColumns';
      assert.deepEqual(causes, [
        `FieldValueInvalid ${columns}[0].type`,
        `FieldValueInvalid ${columns}[1].jsonPath`,
      ]);
    },
  },
  {
    name: 'objects are selected by fields that their definition names, and those are in its schema',
    source: PAGE('crd-selectable-fields'),
    async run(cluster) {
      const schema = object({ color: { type: 'string' }, parts: { type: 'array', items: ANY } });
      for (const jsonPath of ['.nowhere', '.parts', '.metadata.name']) {
        const crd = own(cluster, schema, { selectableFields: [{ jsonPath }] });
        const { causes } = await refused(cluster, 422, 'Invalid', 'POST', CRDS, crd);
        assert.deepEqual(causes, [
          'FieldValueInvalid spec.versions[0].selectableFields[0].jsonPath',
        ]);
      }
      const selectableFields = [{ jsonPath: '.color' }];
      const path = await established(cluster, own(cluster, schema, { selectableFields }));
      for (const color of ['red', 'blue']) {
        await cluster.must(201, 'POST', path, thing(cluster, color, { color }));
      }
      const red = await cluster.must(200, 'GET', `${path}?fieldSelector=color%3Dred`);
      assert.deepEqual(namesOf(red), ['red']);
      await refused(cluster, 400, 'BadRequest', 'GET', `${path}?fieldSelector=size%3D1`);
    },
  },
  {
    name: 'texts and numbers are of the format that the schema says',
    source: PAGE('validation'),
    async run(cluster) {
      const formats = {
        'date-time': ['2020-01-01T00:00:00Z', '2020'],
        date: ['2020-02-29', '2020-02-30'],
        ipv4: ['10.0.0.1', 'fe80::1'],
        cidr: ['10.0.0.0/8', '10.0.0.0/33'],
        uuid: ['00000000-0000-4000-8000-000000000000', 'none'],
        mac: ['01:23:45:67:89:ab', '01:23'],
      } as const;
      const texts = Object.keys(formats).map((format) => [format, { type: 'string', format }]);
      const int32 = { type: 'integer', format: 'int32' };
      const schema = object({ ...Object.fromEntries(texts), int32 });
      const path = await established(cluster, own(cluster, schema));
      const good = Object.fromEntries(Object.entries(formats).map(([key, [fits]]) => [key, fits]));
      await cluster.must(201, 'POST', path, thing(cluster, 'x', { ...good, int32: -1 }));
      for (const [key, [, wrong]] of Object.entries(formats)) {
        const body = thing(cluster, 'y', { [key]: wrong });
        const { message } = await refused(cluster, 422, 'Invalid', 'POST', path, body);
        assert.match(message, new RegExp(`${key} in body must be of type ${key}: "${wrong}"`));
      }
      const large = thing(cluster, 'y', { int32: 2 ** 31 });
      await refused(cluster, 422, 'Invalid', 'POST', path, large);
    },
  },
  {
    name: 'a version that is deprecated says so in every answer',
    source: docs(
      'tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#version-deprecation',
    ),
    async run(cluster) {
      const deprecationWarning = 'things are "over"';
      const crd = own(cluster, ANY, { deprecated: true, deprecationWarning });
      const path = await established(cluster, crd);
      const answers = [
        await cluster.call('POST', path, thing(cluster, 'x')),
        await cluster.call('GET', path),
        await cluster.call('GET', `${path}/x`),
        await cluster.call('DELETE', `${path}/x`),
      ];
      for (const { headers, text } of answers) {
        assert.equal(String(headers.warning), '299 - "things are \\"over\\""', text);
      }
    },
  },
];
