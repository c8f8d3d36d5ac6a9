/** What a drill names is looked for before anything is started. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { checkClusters, checkShares, targetHost } from '#cli/drill/check.ts';
import { parseDrill } from '#cli/drill/file.ts';
import type { Service } from '#kube/types.ts';

const text = readFileSync('manifests/drills/local-outage.yaml', 'utf8');
const drillOf = (change: (yaml: string) => string) => parseDrill(change(text), 'x.yaml');
const drill = drillOf((yaml) => yaml);

function service(name: string, clusterIP: string, ...ports: number[]): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop' },
    spec: { clusterIP, ports: ports.map((port) => ({ port })) },
  } as unknown as Service;
}

test('a cluster that is not there is told by the field that names it', () => {
  checkClusters(drill, ['west', 'east']);
  checkShares(drill, ['west', 'east']);
  const check = (change: (yaml: string) => string, field: string) =>
    assert.throws(
      () => {
        const changed = drillOf(change);
        checkClusters(changed, ['west', 'east']);
        checkShares(changed, ['west', 'east']);
      },
      {
        code: 'INVALID_FILE',
        field,
        message: `${field}: there is no cluster "nord"`,
        next: 'Name one of west, east.',
      },
    );
  check((yaml) => yaml.replace(/(target:\s+cluster:) west/, '$1 nord'), 'spec.target.cluster');
  check(
    (yaml) => yaml.replace(/(destroyPods\s+cluster:) west/, '$1 nord'),
    'spec.steps[1].fault.cluster',
  );
  check(
    (yaml) => yaml.replace(/sharesMin: (\{ ?|\s+)east/, 'sharesMin: $1nord'),
    'spec.steps[1].expect.sharesMin.nord',
  );
});

test('a Service or port that is not there is told with those that are', () => {
  const { service: name, port } = drill.spec.target;
  const there = [service('backend', '10.0.0.1', 80), service(name, '10.0.0.2', port)];
  assert.equal(targetHost(drill, there), '10.0.0.2');
  assert.throws(() => targetHost(drill, there.slice(0, 1)), {
    code: 'INVALID_FILE',
    field: 'spec.target.service',
    next: 'There are backend; mirrors appear when clusters are linked.',
  });
  assert.throws(() => targetHost(drill, [service(name, '10.0.0.2', 81, 82)]), {
    code: 'INVALID_FILE',
    field: 'spec.target.port',
    next: 'Name one of its ports: 81, 82.',
  });
  assert.throws(() => targetHost(drill, [service(name, 'None', port)]), {
    code: 'INVALID_FILE',
    message: /has no address/,
  });
});

test('aliases that lead nowhere or to more than fits are a wrong file, not a defect', () => {
  const nine = (name: string) => `[${Array(9).fill(`*${name}`).join(', ')}]`;
  const bomb = `a: &a [x]\nb: &b ${nine('a')}\nc: &c ${nine('b')}\nd: &d ${nine('c')}\ne: ${nine('d')}\n`;
  for (const yaml of ['x: *undefined\n', bomb]) {
    assert.throws(() => parseDrill(yaml, 'bad.yaml'), {
      code: 'INVALID_FILE',
      field: 'bad.yaml',
      message: /^bad\.yaml: .*alias/i,
    });
  }
});

test('a wrong value is named with its field', () => {
  assert.throws(() => drillOf((yaml) => yaml.replace('seconds: 8', 'seconds: soon')), {
    message: /spec\.steps\[0\]\.seconds: .*, found "soon"/,
  });
  assert.throws(
    () => drillOf((yaml) => yaml.replace('failedRequestsMax: 0', 'failedRequestsMax: -1')),
    { message: /failedRequestsMax: .*, found -1/ },
  );
});
