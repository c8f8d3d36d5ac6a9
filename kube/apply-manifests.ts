/**
 * Manifests applied as `kubectl apply --server-side` would: definitions before their objects,
 * namespaces before what is in them.
 *
 * Which resource a kind is, is known for the kinds Isthmus ships and needs no discovery; any other
 * kind is refused with its document's place, so that a typing error never goes unnoticed.
 */
import { parseAllDocuments } from 'yaml';
import type { Clock } from '#core/clock.ts';
import { describeError, IsthmusError } from '#core/errors.ts';
import { poll } from '#core/poll.ts';
import type { KubeClient, Resource } from './client.ts';
import { header, optionalList, optionalObject, optionalString, raw, string } from './parse.ts';
import type { KubeObject } from './types.ts';

/** How long a CustomResourceDefinition may take to be served. */
const ESTABLISH_TIMEOUT_MS = 30_000;
const ESTABLISH_POLL_MS = 50;
/** Most documents in one file. */
const DOCUMENTS_MAX = 1_000;

interface KnownKind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/** In the order they are applied. */
const KINDS: readonly (readonly KnownKind[])[] = [
  [known('v1', 'Namespace', 'namespaces', false)],
  [
    known(
      'apiextensions.k8s.io/v1',
      'CustomResourceDefinition',
      'customresourcedefinitions',
      false,
    ),
  ],
  [
    known('v1', 'ServiceAccount', 'serviceaccounts'),
    known('v1', 'ConfigMap', 'configmaps'),
    known('v1', 'Secret', 'secrets'),
    known('rbac.authorization.k8s.io/v1', 'ClusterRole', 'clusterroles', false),
    known('rbac.authorization.k8s.io/v1', 'Role', 'roles'),
  ],
  [
    known('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', 'clusterrolebindings', false),
    known('rbac.authorization.k8s.io/v1', 'RoleBinding', 'rolebindings'),
    known('v1', 'Service', 'services'),
    known('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'),
    known('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets'),
  ],
  [known('apps/v1', 'Deployment', 'deployments')],
  [
    known('isthmus.dev/v1alpha1', 'Link', 'links'),
    known('multicluster.x-k8s.io/v1beta1', 'ServiceExport', 'serviceexports'),
    known('multicluster.x-k8s.io/v1beta1', 'ServiceImport', 'serviceimports'),
  ],
];

/** An object as it stands in a manifest: whatever fields it has are sent as they are. */
export interface Manifest extends KubeObject {
  readonly [field: string]: unknown;
}

/**
 * The objects of a YAML text of one or more documents; empty ones are left out. Throws `INVALID_FILE`
 * naming `source` and the document.
 */
export function parseManifests(text: string, source: string): Manifest[] {
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents)) return [];
  if (documents.length > DOCUMENTS_MAX) {
    throw new IsthmusError('INVALID_FILE', `${source} has more than ${DOCUMENTS_MAX} documents`);
  }
  return documents.flatMap((document, index) => {
    const field = `${source}#${index + 1}`;
    const [problem] = document.errors;
    if (problem) {
      throw new IsthmusError('INVALID_FILE', `${field}: ${problem.message}`, { field });
    }
    const value: unknown = document.toJS();
    if (value === null || value === undefined) return [];
    try {
      const object = raw(value);
      const head = header(object, string(object, 'apiVersion'), string(object, 'kind'));
      // The header is read to be sure of it; what is sent is what was written.
      const written = {
        ...object,
        ...head,
        metadata: { ...head.metadata, ...raw(object.metadata) },
      };
      resourceOf(written);
      return [written];
    } catch (error) {
      if (error instanceof IsthmusError) throw error;
      throw new IsthmusError('INVALID_FILE', `${field}: ${describeError(error)}`, { field });
    }
  });
}

/** Where objects of this kind live. Throws `INVALID_FILE` for a kind that Isthmus does not ship. */
export function resourceOf(object: KubeObject): Resource<KubeObject> {
  const found = KINDS.flat().find((each) => isKind(each, object));
  if (!found) {
    const what = `${object.apiVersion} ${object.kind} ${object.metadata.name}`;
    throw new IsthmusError('INVALID_FILE', `Cannot apply ${what}: the kind is not known here`, {
      field: 'kind',
    });
  }
  const [group = '', version = ''] = found.apiVersion.includes('/')
    ? found.apiVersion.split('/')
    : ['', found.apiVersion];
  const { kind, plural, namespaced } = found;
  const parse = (value: unknown) => header(raw(value), found.apiVersion, kind);
  return { group, version, kind, plural, namespaced, parse };
}

/**
 * Applies `objects` as field manager `isthmus`, in the order their kinds need, those of one rank at
 * once, and waits for definitions to be served. Throws the code of the first failure.
 */
export async function applyManifests(
  client: KubeClient,
  objects: readonly KubeObject[],
  context: { readonly clock: Clock; readonly signal?: AbortSignal },
): Promise<void> {
  for (const object of objects) resourceOf(object);
  for (const rank of KINDS) {
    const due = objects.filter((object) => rank.some((each) => isKind(each, object)));
    await Promise.all(due.map((object) => applyOne(client, object)));
    await Promise.all(
      due
        .filter((object) => object.kind === 'CustomResourceDefinition')
        .map((object) => established(client, object, context)),
    );
  }
}

async function applyOne(client: KubeClient, object: KubeObject): Promise<void> {
  try {
    await client.apply(resourceOf(object), object);
  } catch (error) {
    if (!(error instanceof IsthmusError)) throw error;
    const what = `Cannot apply ${object.kind} ${object.metadata.name}`;
    throw new IsthmusError(error.code, `${what}: ${error.message}`, { cause: error.cause });
  }
}

async function established(
  client: KubeClient,
  object: KubeObject,
  context: { readonly clock: Clock; readonly signal?: AbortSignal },
): Promise<void> {
  const { clock, signal } = context;
  const definitions = {
    ...resourceOf(object),
    parse: (value: unknown) => ({
      ...header(raw(value), object.apiVersion, object.kind),
      established: isEstablished(value),
    }),
  };
  const { name } = object.metadata;
  await poll(
    { clock, everyMs: ESTABLISH_POLL_MS, forMs: ESTABLISH_TIMEOUT_MS, signal },
    async () => {
      const found = await client.get(definitions, name);
      return found?.established ? found : undefined;
    },
    () => new IsthmusError('TIMED_OUT', `The API server does not serve ${name} yet`),
  );
}

function isEstablished(value: unknown): boolean {
  const conditions = optionalObject(raw(value), 'status', (status) =>
    optionalList(status, 'conditions', (each) => {
      const condition = raw(each);
      return [optionalString(condition, 'type'), optionalString(condition, 'status')];
    }),
  );
  return conditions?.some(([type, status]) => type === 'Established' && status === 'True') ?? false;
}

function known(apiVersion: string, kind: string, plural: string, namespaced = true): KnownKind {
  return { apiVersion, kind, plural, namespaced };
}

function isKind(each: KnownKind, object: KubeObject): boolean {
  return each.apiVersion === object.apiVersion && each.kind === object.kind;
}
