/** What is installed: one image, least privilege, and commands that exist in this package. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { programOf } from '#devcluster/kubelet/environment.ts';
import { nodePods } from '#devcluster/kubelet/pod.ts';
import { installManifests, podsWanted } from '#devcluster/supervisor/install.ts';
import { packageRoot } from '#runtime/package.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const manifests = installManifests('west');
const named = (kind: string, name: string) =>
  manifests.find((each) => each.kind === kind && each.metadata.name === name);
const deployments = manifests.filter((each) => each.kind === 'Deployment');

/** The first container of a Deployment, read as the kubelet of an embedded cluster reads it. */
function podOf(deployment: (typeof manifests)[number]) {
  const { template } = deployment.spec as { template: { metadata: object; spec: object } };
  const metadata = { ...template.metadata, name: 'p', namespace: 'isthmus-system', uid: 'u' };
  return nodePods.parse({ metadata, spec: template.spec });
}

test('Every Deployment runs a program of this package', () => {
  for (const deployment of deployments) {
    const [container] = podOf(deployment).spec.containers;
    assert.ok(container);
    const { program } = programOf(container);
    assert.equal(`isthmus-${program}`, `${deployment.metadata.name}/main`);
    assert.deepEqual(container.command, ['node', `dist/${program}.js`]);
  }
  assert.equal(podsWanted(manifests), 4);
});

test('Every container is confined', () => {
  for (const deployment of deployments) {
    const text = JSON.stringify(deployment.spec);
    for (const wanted of [
      '"runAsNonRoot":true',
      '"readOnlyRootFilesystem":true',
      '"allowPrivilegeEscalation":false',
      '"drop":["ALL"]',
      '"type":"RuntimeDefault"',
      '"limits"',
      '"readinessProbe"',
      '"livenessProbe"',
    ]) {
      assert.ok(text.includes(wanted), `${deployment.metadata.name}: ${wanted}`);
    }
    assert.ok(!text.includes('hostNetwork'));
  }
});

test('No budget keeps a node from being drained, however many replicas there are, ready or not', () => {
  const budgets = manifests.filter(({ kind }) => kind === 'PodDisruptionBudget');
  assert.equal(budgets.length, 2);
  for (const { spec, metadata } of budgets) {
    const { minAvailable, maxUnavailable, unhealthyPodEvictionPolicy } = spec as Record<
      string,
      unknown
    >;
    assert.equal(minAvailable, undefined, metadata.name);
    assert.equal(maxUnavailable, 1, metadata.name);
    assert.equal(unhealthyPodEvictionPolicy, 'AlwaysAllow', metadata.name);
  }
});

test('The gateway may read, and write nothing', () => {
  const { rules } = named('ClusterRole', 'isthmus-gateway') as unknown as { rules: Rule[] };
  for (const rule of rules) {
    assert.deepEqual([...rule.verbs].sort(), ['list', 'watch']);
    for (const name of [...rule.resources, ...rule.apiGroups]) assert.notEqual(name, '*');
    assert.ok(!rule.resources.includes('secrets'));
  }
});

test('Only identity may touch Secrets or ask for token reviews', () => {
  for (const each of manifests.filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole')) {
    const { rules } = each as unknown as { rules: Rule[] };
    const touched = rules.flatMap((rule) => rule.resources);
    if (each.metadata.name.startsWith('isthmus-identity')) continue;
    assert.ok(!touched.includes('secrets') && !touched.includes('tokenreviews'));
  }
});

test('Every ServiceAccount that a pod uses or a binding names is installed', () => {
  const accounts = manifests
    .filter((each) => each.kind === 'ServiceAccount')
    .map((each) => each.metadata.name);
  for (const deployment of deployments) {
    assert.ok(accounts.includes(podOf(deployment).spec.serviceAccountName));
  }
});

const kubectl = spawnSync('kubectl', ['version', '--client']).status === 0;
const needsKubectl =
  kubectl || process.env.ISTHMUS_REQUIRE_TOOLS === '1'
    ? {}
    : { skip: 'kubectl is missing (Debian package: kubernetes-client)' };

test('kubectl builds the kustomization', needsKubectl, () => {
  const folder = join(packageRoot(), 'manifests', 'install');
  assert.ok(existsSync(join(folder, 'kustomization.yaml')));
  const built = spawnSync('kubectl', ['kustomize', folder], { encoding: 'utf8' });
  assert.equal(built.status, 0, built.stderr);
  assert.match(built.stdout, /image: isthmus:0\.1\.0/);
});
