/**
 * Discovery: which groups, versions and resources are served, legacy and aggregated (KEP-3352).
 */

import { groupVersion, type ResourceDef, verbsOf } from '../kinds/resources.ts';
import type { JsonObject } from '../values/json.ts';
import type { Registry } from './registry.ts';
import { API_AUDIENCE } from './tokens.ts';

/** Versions of each group, the preferred one first; the core group is ''. */
export function groupsOf(registry: Registry): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const def of registry.all()) {
    const versions = groups.get(def.group) ?? [];
    if (!versions.includes(def.version)) versions.push(def.version);
    groups.set(def.group, versions.sort(byPriority));
  }
  return groups;
}

/** v2 before v1 before v1beta1 before v1alpha1, as "version priority" of CRDs orders them. */
function byPriority(a: string, b: string): number {
  const rank = (version: string) => {
    const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
    if (!match) return -1;
    const stage = match[2] === undefined ? 2 : match[2] === 'beta' ? 1 : 0;
    return stage * 1e6 + Number(match[1]) * 1e3 + Number(match[3] ?? 0);
  };
  return rank(b) - rank(a);
}

/** `/apis`. */
export function groupList(registry: Registry): JsonObject {
  const groups = [...groupsOf(registry)]
    .filter(([group]) => group !== '')
    .map(([group, versions]) => groupInfo(group, versions));
  return { kind: 'APIGroupList', apiVersion: 'v1', groups };
}

/** `/apis/<group>`; `undefined` when the group is not served. */
export function groupDocument(registry: Registry, group: string): JsonObject | undefined {
  const versions = groupsOf(registry).get(group);
  if (!versions || group === '') return undefined;
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupInfo(group, versions) };
}

function groupInfo(group: string, versions: readonly string[]): JsonObject {
  const entries = versions.map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions: entries, preferredVersion: entries[0] ?? {} };
}

/** `/api/v1` and `/apis/<group>/<version>`; `undefined` when nothing is served there. */
export function resourceList(
  registry: Registry,
  group: string,
  version: string,
): JsonObject | undefined {
  const defs = registry.all().filter((def) => def.group === group && def.version === version);
  if (defs.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    ...(group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: group === '' ? version : `${group}/${version}`,
    resources: defs.flatMap((def) => [
      mainResource(def),
      ...def.subresources.map(subresource(def)),
    ]),
  };
}

function mainResource(def: ResourceDef): JsonObject {
  return {
    name: def.plural,
    singularName: def.singular,
    namespaced: def.namespaced,
    kind: def.kind,
    verbs: verbsOf(def),
    ...(def.shortNames.length > 0 ? { shortNames: [...def.shortNames] } : {}),
    ...(def.categories.length > 0 ? { categories: [...def.categories] } : {}),
  };
}

interface Sub {
  readonly kind: string;
  readonly verbs: readonly string[];
  readonly group?: string;
  readonly version?: string;
}

/** Kinds and verbs of subresources. */
function subInfo(def: ResourceDef, name: string): Sub {
  switch (name) {
    case 'scale':
      return {
        kind: 'Scale',
        verbs: ['get', 'patch', 'update'],
        group: 'autoscaling',
        version: 'v1',
      };
    case 'token':
      return {
        kind: 'TokenRequest',
        verbs: ['create'],
        group: 'authentication.k8s.io',
        version: 'v1',
      };
    case 'eviction':
      return { kind: 'Eviction', verbs: ['create'], group: 'policy', version: 'v1' };
    case 'binding':
      return { kind: 'Binding', verbs: ['create'] };
    case 'log':
      return { kind: 'Pod', verbs: ['get'] };
    case 'finalize':
      return { kind: 'Namespace', verbs: ['update'] };
    case 'status':
      return { kind: def.kind, verbs: ['get', 'patch', 'update'] };
    default:
      return {
        kind: name === 'proxy' ? `${def.kind}ProxyOptions` : def.kind,
        verbs: ['create', 'get'],
      };
  }
}

function subresource(def: ResourceDef): (name: string) => JsonObject {
  return (name) => {
    const { kind, verbs, ...rest } = subInfo(def, name);
    return {
      name: `${def.plural}/${name}`,
      singularName: '',
      namespaced: def.namespaced,
      kind,
      verbs: [...verbs],
      ...rest,
    };
  };
}

/** APIGroupDiscoveryList for `/api` (the core group) or `/apis` (all others). */
export function aggregated(registry: Registry, core: boolean, version: string): JsonObject {
  const items = [...groupsOf(registry)]
    .filter(([group]) => (group === '') === core)
    .map(([group, versions]) => ({
      metadata:
        group === '' ? { creationTimestamp: null } : { name: group, creationTimestamp: null },
      versions: versions.map((each) => ({
        version: each,
        freshness: 'Current',
        resources: registry
          .all()
          .filter((def) => def.group === group && def.version === each)
          .map(discovered),
      })),
    }));
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items,
  };
}

function discovered(def: ResourceDef): JsonObject {
  const kindOf = (kind: string, group: string, version: string) => ({ group, version, kind });
  return {
    resource: def.plural,
    responseKind: kindOf(def.kind, def.group, def.version),
    scope: def.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: def.singular,
    verbs: verbsOf(def),
    ...(def.shortNames.length > 0 ? { shortNames: [...def.shortNames] } : {}),
    ...(def.categories.length > 0 ? { categories: [...def.categories] } : {}),
    ...(def.subresources.length > 0
      ? {
          subresources: def.subresources.map((name) => {
            const info = subInfo(def, name);
            return {
              subresource: name,
              responseKind: kindOf(info.kind, info.group ?? def.group, info.version ?? def.version),
              verbs: [...info.verbs],
            };
          }),
        }
      : {}),
  };
}

/** `/.well-known/openid-configuration`: who signs the tokens of ServiceAccounts, and where his keys are. */
export function openIdConfiguration(serverAddress: string): JsonObject {
  return {
    issuer: API_AUDIENCE,
    jwks_uri: `https://${serverAddress}/openid/v1/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
  };
}

/** `/api`. */
export function apiVersions(serverAddress: string): JsonObject {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  };
}

/** Every path served outside the resources, for `/`. */
export function rootPaths(registry: Registry): JsonObject {
  const paths = ['/api', '/api/v1', '/apis'];
  for (const def of registry.all()) {
    if (def.group === '') continue;
    for (const path of [`/apis/${def.group}`, `/apis/${groupVersion(def)}`]) {
      if (!paths.includes(path)) paths.push(path);
    }
  }
  return {
    paths: [...paths, '/healthz', '/livez', '/openapi/v2', '/openapi/v3', '/readyz', '/version'],
  };
}
