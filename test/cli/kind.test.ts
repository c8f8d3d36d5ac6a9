/** `kind-configs/up.sh` with programs in place of kind, kubectl and Docker that only write down what they are asked. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'isthmus-kind-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function program(name: string, script: string): void {
  const told = `echo "${name} $*" >> "${join(folder, 'calls')}"`;
  writeFileSync(join(folder, name), `#!/bin/sh\n${told}\n${script}\n`, { mode: 0o755 });
}

test('kind clusters are told the addresses of their nodes where linking looks for them', () => {
  program('kind', 'case "$*" in "get clusters") echo east ;; esac');
  program(
    'docker',
    `echo "attestations $BUILDX_NO_DEFAULT_ATTESTATIONS" >> "${join(folder, 'calls')}"`,
  );
  program('kubectl', 'case "$*" in *"get nodes"*) printf 10.0.0.2:30143,10.0.0.3:30143, ;; esac');
  // The Node of the machine may be older than what Isthmus needs.
  program('node', 'exit 99');
  const { stderr } = spawnSync('sh', [resolve('kind-configs/up.sh')], {
    cwd: folder,
    env: { PATH: `${folder}:/usr/bin:/bin`, KUBECONFIG: join(folder, 'none') },
    encoding: 'utf8',
  });
  const calls = readFileSync(join(folder, 'calls'), 'utf8');
  for (const cluster of ['west', 'east']) {
    const made = new RegExp(
      `^kubectl --context kind-${cluster} create configmap isthmus-cluster .*--from-literal=clusterName=${cluster} --from-literal=advertise=10.0.0.2:30143,10.0.0.3:30143 `,
      'm',
    );
    assert.match(calls, made);
  }
  assert.match(
    calls,
    /^attestations 1$/m,
    'kind cannot load an index whose attestation is elsewhere',
  );
  assert.doesNotMatch(calls, /^kind create cluster .*east/m);
  const restarts = [...calls.matchAll(/^kubectl --context kind-(\w+) rollout restart/gm)];
  assert.deepEqual(
    restarts.map(([, cluster]) => cluster),
    ['east'],
    'pods of a cluster that was there run the image of before',
  );
  assert.doesNotMatch(calls, /^node/m);
  assert.match(stderr, /there is no kubeconfig .*none/s, 'the last command is isthmus link');
});
