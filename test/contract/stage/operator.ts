/**
 * `isthmus link`, `services` and `unlink` under exactly the ClusterRole of `docs/permissions.md`.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { applyLink, readFacts, removeLink, waitLinked, waitUnlinked } from '#cli/linking.ts';
import { systemClock } from '#core/clock.ts';
import { asObject, asObjects, asString, type JsonObject } from '#devcluster/values/json.ts';
import { serviceExports, services } from '#kube/resources/builtin.ts';
import { packageRoot } from '#runtime/package.ts';
import { shares, until } from '#test/e2e/stage.ts';
import { clientOf } from './flows.ts';
import type { Pair } from './pair.ts';
import { expanded, unused } from './permissions.ts';

const ACCOUNT = 'isthmus-operator';
const SOON_MS = 20_000;

/** The ClusterRole as the document has it. */
export function documentedRole(): JsonObject {
  const text = readFileSync(join(packageRoot(), 'docs/permissions.md'), 'utf8');
  const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(text) ?? [];
  return parse(yaml) as JsonObject;
}

/** Unlinks west from east and links it again, as somebody who may do nothing else. */
export async function operate({ west, east }: Pair): Promise<void> {
  const role = documentedRole();
  const rbac = 'rbac.authorization.k8s.io';
  const make = async (path: string, body: JsonObject) => {
    const { status, text } = await west.wire.call('POST', path, body);
    assert.ok(status === 201 || status === 409, text);
  };
  const namespace = 'isthmus-system';
  await make(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name: ACCOUNT } });
  await make(`/apis/${rbac}/v1/clusterroles`, role);
  await make(`/apis/${rbac}/v1/clusterrolebindings`, {
    metadata: { name: ACCOUNT },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: asString(asObject(role.metadata).name) },
    subjects: [{ kind: 'ServiceAccount', name: ACCOUNT, namespace }],
  });
  const client = await clientOf(west, ACCOUNT);
  const own = { context: west.name, client };
  const { signal } = new AbortController();
  const before = west.recorder.recorded.length;
  assert.equal(await removeLink(own, east.name), true);
  await waitUnlinked(own, east.name, systemClock, SOON_MS, signal);
  const facts = await readFacts(own);
  assert.equal(facts.name, west.name);
  await applyLink(client, await east.facts());
  await waitLinked(own, east.name, systemClock, SOON_MS, signal);
  await Promise.all([client.list(serviceExports), client.list(services)]);
  await client.close();
  const recorded = west.recorder.recorded.slice(before);
  const given = { account: `${namespace}/${ACCOUNT}`, role: ACCOUNT, namespace: '' };
  const permissions = asObjects(role.rules).flatMap((rule) => expanded(rule, given));
  assert.deepEqual(unused(permissions, recorded), []);
  // As it was, for what comes next.
  await until('the mirrors are back', SOON_MS, async () => {
    const address = await west.address('backend-global').catch(() => undefined);
    return (
      address !== undefined &&
      (await shares(address, 20).catch((): Record<string, number> => ({}))).west === 20
    );
  });
}
