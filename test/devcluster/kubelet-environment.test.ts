/** Programs and variables of a container. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { environmentOf, programOf } from '#devcluster/kubelet/environment.ts';
import { nodePods } from '#devcluster/kubelet/pod.ts';

function podWith(container: Record<string, unknown>) {
  const pod = nodePods.parse({
    metadata: { name: 'p', namespace: 'n', uid: 'u', labels: { app: 'x' } },
    spec: { containers: [{ name: 'c', ...container }] },
  });
  const [first] = pod.spec.containers;
  assert.ok(first);
  return { pod, container: first };
}

test('programOf() reads the command of an image as a program of this package', () => {
  const cases: [string[], string[], string, string[]][] = [
    [['node', 'dist/gateway/main.js'], [], 'gateway/main', []],
    [['node', 'gateway/main.ts'], [], 'gateway/main', []],
    [['node', '/app/dist/mirror/main.js'], ['--x'], 'mirror/main', ['--x']],
    [['node'], ['identity/main.ts'], 'identity/main', []],
  ];
  for (const [command, args, program, rest] of cases) {
    const { container } = podWith({ command, args });
    assert.deepEqual(programOf(container), { program, args: rest });
  }
});

test('programOf() refuses what is not a program of this package', () => {
  for (const command of [
    ['sh', '-c', 'x'],
    ['node', '-e', 'x'],
    ['node'],
    [],
    ['node', '../x.ts'],
  ]) {
    assert.throws(() => programOf(podWith({ command }).container), { code: 'INVALID_CONFIG' });
  }
});

test('environmentOf() names the variable that cannot be answered', () => {
  const missing = podWith({
    env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'm', key: 'k' } } }],
  });
  assert.throws(() => environmentOf(missing.pod, missing.container, () => undefined), {
    code: 'INVALID_CONFIG',
    field: 'A',
  });
  const labelled = podWith({
    env: [
      { name: 'L', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
      { name: 'O', valueFrom: { configMapKeyRef: { name: 'm', key: 'k', optional: true } } },
    ],
  });
  assert.deepEqual(
    environmentOf(labelled.pod, labelled.container, () => undefined),
    { L: 'x' },
  );
  const unknown = podWith({
    env: [{ name: 'U', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } }],
  });
  assert.throws(() => environmentOf(unknown.pod, unknown.container, () => undefined), {
    code: 'INVALID_CONFIG',
  });
});
