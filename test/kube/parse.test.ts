/** Readers trim, and name the field that is wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineSplitter } from '#core/lines.ts';
import { parseEndpointSlice, parsePod, parseService } from '#kube/parse-objects.ts';
import { parseLink } from '#kube/resources/link-validation.ts';
import { TEST_ROOT } from './support.ts';

const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: {
    name: 'backend',
    namespace: 'shop',
    managedFields: [{ manager: 'kubectl' }],
    annotations: { a: 'b', 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
  },
  spec: { clusterIP: '10.0.0.1', ports: [{ name: 'http', port: 8080, targetPort: 'web' }] },
  status: { loadBalancer: {} },
};

test('a Service keeps what we use and nothing else', () => {
  assert.deepEqual(parseService(service), {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'backend', namespace: 'shop', annotations: { a: 'b' } },
    spec: { clusterIP: '10.0.0.1', ports: [{ name: 'http', port: 8080, targetPort: 'web' }] },
    status: { loadBalancer: {} },
  });
});

const bad: [string, () => unknown, RegExp][] = [
  [
    'a port out of range',
    () => parseService(withPort(70_000)),
    /^spec\.ports\[0\]\.port: must be a port/,
  ],
  [
    'a port that is text',
    () => parseService(withPort('80')),
    /^spec\.ports\[0\]\.port: must be a number, not string/,
  ],
  ['no metadata', () => parseService({ kind: 'Service' }), /^metadata: is missing/],
  ['another kind', () => parseService({ ...service, kind: 'Pod' }), /^kind: must be Service/],
  ['no object', () => parsePod([]), /^must be an object, not array/],
  [
    'an address that is no text',
    () =>
      parseEndpointSlice({
        metadata: { name: 'a' },
        addressType: 'IPv4',
        endpoints: [{ addresses: ['1.2.3.4', 5] }],
      }),
    /^endpoints\[0\]\.addresses\[1\]: must be a string, not number/,
  ],
];
for (const [name, read, message] of bad) {
  test(`${name} is refused by its path`, () => assert.throws(read, { message }));
}

function withPort(port: unknown) {
  return { ...service, spec: { ports: [{ port }] } };
}

const link = (spec: object) => ({
  metadata: { name: 'east', namespace: 'isthmus-system' },
  spec: {
    clusterName: 'east',
    trustDomain: 'east.isthmus.local',
    trustBundle: TEST_ROOT,
    ...spec,
  },
});

test('a sound Link has its defaults and no problems', () => {
  const read = parseLink(link({}));
  assert.deepEqual(read.problems, []);
  assert.deepEqual(read.spec?.gateways, []);
  assert.equal(read.spec?.suspend, false);
});

const linkCases: [string, object, string, RegExp][] = [
  ['a bundle that is no PEM', { trustBundle: 'hello' }, 'spec.trustBundle', /no PEM certificate/],
  [
    'a bundle with a broken certificate',
    { trustBundle: `${TEST_ROOT}${TEST_ROOT.replace('MII', 'AAA')}` },
    'spec.trustBundle',
    /certificate 2 cannot be read/,
  ],
  [
    'a bundle with a key in it',
    { trustBundle: `${TEST_ROOT}-----BEGIN PRIVATE KEY-----\nAA\n-----END PRIVATE KEY-----\n` },
    'spec.trustBundle',
    /private key/,
  ],
  [
    'a port out of range',
    { gateways: [{ host: 'a' }, { host: 'b', port: 0 }] },
    'spec.gateways[1].port',
    />=1/,
  ],
  ['the reserved name', { clusterName: 'global' }, 'spec.clusterName', /global/],
  ['a field nobody knows', { suspended: true }, 'spec.suspended', /not a known field/],
];
for (const [name, spec, field, message] of linkCases) {
  test(`a Link with ${name} has a problem at ${field}, and can still be read`, () => {
    const read = parseLink(link(spec));
    const [problem] = read.problems;
    assert.equal(problem?.field, field);
    assert.match(problem?.message ?? '', message);
    assert.equal(read.spec, undefined);
    assert.equal(read.metadata.name, 'east');
  });
}

test('10,000 Services are read in well under a second', () => {
  const beganMs = performance.now();
  for (let index = 0; index < 10_000; index += 1) parseService(service);
  assert.ok(performance.now() - beganMs < 1_000);
});

test('lines are whole however the bytes arrive, and bounded', () => {
  const bytes = Buffer.from('{"a":"ä"}\n\n{"b":1}\nrest');
  const splitter = new LineSplitter(20);
  const lines = [...bytes].flatMap((each) => splitter.push(Uint8Array.of(each)));
  assert.deepEqual(lines, ['{"a":"ä"}', '{"b":1}']);
  assert.throws(() => splitter.push(Buffer.alloc(17)), /passes 20 bytes/);
});
