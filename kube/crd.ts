/**
 * CustomResourceDefinitions from zod schemas, so that types, validation and CRD cannot disagree. pure
 *
 * Promises structural schemas as apiextensions.k8s.io/v1 demands them: unknown fields are pruned by the
 * server, so `additionalProperties: false` beside `properties` goes, and conditions are a list map.
 */
import { z } from 'zod';

type Json = Readonly<Record<string, unknown>>;

export interface CrdVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly spec: z.ZodType;
  /** Whether an object must have a `spec`. */
  readonly specRequired: boolean;
  readonly status: z.ZodType;
  readonly description: string;
  readonly columns: readonly PrinterColumn[];
}

/** A column of `kubectl get`. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly jsonPath: string;
  readonly description?: string;
  /** Above 0: only with `-o wide`. */
  readonly priority?: number;
}

export interface CrdSource {
  readonly group: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly shortNames: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly versions: readonly CrdVersion[];
}

/** The CustomResourceDefinition object for `source`. */
export function crd(source: CrdSource): Json {
  const { group, plural, singular, kind, shortNames, labels, versions } = source;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, ...(labels === undefined ? {} : { labels }) },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural, singular, kind, listKind: `${kind}List`, shortNames },
      versions: versions.map(version),
    },
  };
}

function version(of: CrdVersion): Json {
  return {
    name: of.name,
    served: of.served,
    storage: of.storage,
    subresources: { status: {} },
    additionalPrinterColumns: of.columns,
    schema: {
      openAPIV3Schema: {
        type: 'object',
        description: of.description,
        ...(of.specRequired ? { required: ['spec'] } : {}),
        properties: {
          apiVersion: { type: 'string' },
          kind: { type: 'string' },
          metadata: { type: 'object' },
          spec: structural(of.spec),
          status: structural(of.status),
        },
      },
    },
  };
}

/** The structural OpenAPI v3 schema of what may be written for `schema` (its input). */
export function structural(schema: z.ZodType): Json {
  return clean(z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input' }));
}

function clean(node: Json): Json {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(node)) {
    if (key === '$schema' || key === 'propertyNames') continue;
    if (key === 'additionalProperties' && (value === false || 'properties' in node)) continue;
    result[key] = cleanValue(key, value);
  }
  // zod writes JavaScript's range for integers; Kubernetes has a format for it.
  if (result.type === 'integer') {
    if (result.minimum === Number.MIN_SAFE_INTEGER) delete result.minimum;
    if (result.maximum === Number.MAX_SAFE_INTEGER) delete result.maximum;
    result.format ??= 'int64';
  }
  return result;
}

function cleanValue(key: string, value: unknown): unknown {
  if (key === 'default' || key === 'enum' || key === 'required') return value;
  if (key === 'properties') return properties(value as Json);
  if (Array.isArray(value)) {
    return value.map((each: unknown) => (isObject(each) ? clean(each) : each));
  }
  return isObject(value) ? clean(value) : value;
}

function properties(value: Json): Json {
  const result: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(value)) {
    const cleaned = clean(schema as Json);
    // Server-side apply merges conditions by type, whoever wrote them.
    result[name] =
      name === 'conditions'
        ? { ...cleaned, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] }
        : cleaned;
  }
  return result;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
