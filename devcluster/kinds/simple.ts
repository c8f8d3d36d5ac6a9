/**
 * The kinds with few rules: namespaces, ConfigMaps, Secrets, ServiceAccounts, RBAC, events, leases. pure
 */
import {
  asNumber,
  asObject,
  asObjects,
  asString,
  asStrings,
  deepEqual,
  type Json,
  type JsonObject,
  type KubeObject,
  without,
} from '../api/json.ts';
import type { Rules } from '../api/resources.ts';
import { type ApiError, badRequest, type Cause, fieldError } from '../api/status.ts';

/** Bytes of the data of a ConfigMap or Secret. */
const DATA_BYTES_MAX = 1_048_576;

/** Rules of namespaces. */
export const namespaceRules: Rules = {
  hasStatus: true,
  defaults: (namespace) => {
    const { name, labels } = namespace.metadata;
    const named = { ...asObject(labels), 'kubernetes.io/metadata.name': name };
    return { ...namespace, metadata: { ...namespace.metadata, labels: named } };
  },
  admitCreate: (namespace) => ({
    ...namespace,
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  }),
  admitUpdate: (namespace, previous) => ({ ...namespace, spec: previous.spec }),
};

/** Rules of Nodes. */
export const nodeRules: Rules = { hasStatus: true };

function checkKeys(data: JsonObject, path: string): Cause[] {
  return Object.keys(data)
    .filter((key) => !/^[-._a-zA-Z0-9]+$/.test(key) || key.length > 253 || /^\.\.?$/.test(key))
    .map((key) =>
      fieldError.invalid(
        `${path}[${key}]`,
        key,
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
      ),
    );
}

function checkSize(values: readonly string[], path: string): Cause[] {
  const bytes = values.reduce((sum, value) => sum + Buffer.byteLength(value), 0);
  return bytes > DATA_BYTES_MAX
    ? [
        {
          reason: 'FieldValueTooLong',
          field: path,
          message: `Too long: may not be more than ${DATA_BYTES_MAX} bytes`,
        },
      ]
    : [];
}

function checkImmutable(object: KubeObject, previous: KubeObject | undefined): Cause[] {
  if (previous?.immutable !== true) return [];
  const why = 'field is immutable when `immutable` is set';
  return ['immutable', 'data', 'binaryData']
    .filter((key) => !deepEqual(object[key], previous[key]))
    .map((key) => fieldError.forbidden(key, why));
}

/** Rules of ConfigMaps. */
export const configMapRules: Rules = {
  validate: (object, previous) => {
    const data = asObject(object.data);
    const binary = asObject(object.binaryData);
    const values = [...Object.values(data), ...Object.values(binary)].map(asString);
    return [
      ...checkKeys(data, 'data'),
      ...checkKeys(binary, 'binaryData'),
      ...checkSize(values, ''),
      ...Object.keys(asObject(object.binaryData))
        .filter((key) => asObject(object.data)[key] !== undefined)
        .map((key) => {
          const why = 'duplicate of key present in data';
          return fieldError.invalid(`binaryData[${key}]`, key, why);
        }),
      ...checkImmutable(object, previous),
    ];
  },
};

/** Rules of Secrets. */
export const secretRules: Rules = {
  defaults: (secret) => {
    const text = asObject(secret.stringData);
    const rest = without(secret, 'stringData') as KubeObject;
    rest.type ??= 'Opaque';
    if (Object.keys(text).length === 0) return rest;
    const encoded: JsonObject = {};
    for (const [key, value] of Object.entries(text)) {
      encoded[key] = Buffer.from(asString(value)).toString('base64');
    }
    return { ...rest, data: { ...asObject(secret.data), ...encoded } };
  },
  validate: (secret, previous) => {
    const data = asObject(secret.data);
    const causes = [...checkKeys(data, 'data'), ...checkImmutable(secret, previous)];
    causes.push(...checkType(secret, data));
    if (previous && previous.type !== secret.type) {
      causes.push(fieldError.invalid('type', secret.type, 'field is immutable'));
    }
    return [...causes, ...checkSize(Object.values(data).map(asString), 'data')];
  },
};

/** What a secret of each type must hold: ValidateSecret in pkg/apis/core/validation. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
};
const ACCOUNT = 'kubernetes.io/service-account.name';

function checkType(secret: KubeObject, data: JsonObject): Cause[] {
  const type = asString(secret.type);
  const causes: Cause[] = [];
  for (const key of KEYS[type] ?? []) {
    if (data[key] === undefined) causes.push(fieldError.required(`data[${key}]`));
    else if (key.startsWith('.docker') && !isJson(asString(data[key]))) {
      const why = 'invalid character';
      causes.push(fieldError.invalid(`data[${key}]`, '<secret contents redacted>', why));
    }
  }
  if (type === 'kubernetes.io/basic-auth') {
    const either = ['username', 'password'];
    if (either.some((key) => data[key] !== undefined)) return causes;
    causes.push(...either.map((key) => fieldError.required(`data[${key}]`)));
  }
  const annotation = asString(asObject(secret.metadata.annotations)[ACCOUNT]);
  if (type === 'kubernetes.io/service-account-token' && annotation === '') {
    causes.push(fieldError.required(`metadata.annotations[${ACCOUNT}]`));
  }
  return causes;
}

function isJson(base64: string): boolean {
  try {
    JSON.parse(Buffer.from(base64, 'base64').toString());
    return true;
  } catch {
    return false;
  }
}

const RBAC = 'rbac.authorization.k8s.io';

/** Rules of Roles and ClusterRoles. */
export const roleRules: Rules = {
  validate: (role) =>
    asObjects(role.rules).flatMap((rule, index) => {
      const path = `rules[${index}]`;
      const causes: Cause[] = [];
      if (asStrings(rule.verbs).length === 0) {
        causes.push(fieldError.required(`${path}.verbs`, 'verbs must contain at least one value'));
      }
      if (asStrings(rule.nonResourceURLs).length > 0) {
        if (role.kind === 'Role') {
          const why = 'namespaced rules cannot apply to non-resource URLs';
          causes.push(fieldError.invalid(`${path}.nonResourceURLs`, rule.nonResourceURLs, why));
        }
        return causes;
      }
      if (asStrings(rule.apiGroups).length === 0) {
        const why = 'resource rules must supply at least one api group';
        causes.push(fieldError.required(`${path}.apiGroups`, why));
      }
      if (asStrings(rule.resources).length === 0) {
        const why = 'resource rules must supply at least one resource';
        causes.push(fieldError.required(`${path}.resources`, why));
      }
      return causes;
    }),
};

/** Rules of RoleBindings and ClusterRoleBindings. */
export const bindingRules: Rules = {
  defaults: (binding) => ({
    ...binding,
    roleRef: { apiGroup: RBAC, ...asObject(binding.roleRef) },
    ...(binding.subjects === undefined
      ? {}
      : {
          subjects: asObjects(binding.subjects).map((item) =>
            item.kind === 'ServiceAccount' ? item : { apiGroup: RBAC, ...item },
          ),
        }),
  }),
  validate: (binding, previous) => {
    const causes: Cause[] = [];
    const role = asObject(binding.roleRef);
    const kinds = binding.kind === 'RoleBinding' ? ['Role', 'ClusterRole'] : ['ClusterRole'];
    if (!kinds.includes(asString(role.kind))) {
      causes.push(fieldError.unsupported('roleRef.kind', role.kind, kinds));
    }
    if (asString(role.name) === '') causes.push(fieldError.required('roleRef.name'));
    if (previous && !deepEqual(previous.roleRef, binding.roleRef)) {
      causes.push(fieldError.invalid('roleRef', role, 'cannot change roleRef'));
    }
    asObjects(binding.subjects).forEach((item, index) => {
      const path = `subjects[${index}]`;
      const kind = asString(item.kind);
      if (!['ServiceAccount', 'User', 'Group'].includes(kind)) {
        const all = ['ServiceAccount', 'User', 'Group'];
        causes.push(fieldError.unsupported(`${path}.kind`, kind, all));
      }
      if (asString(item.name) === '') causes.push(fieldError.required(`${path}.name`));
      const isBare = kind === 'ServiceAccount' && asString(item.namespace) === '';
      if (isBare && binding.kind === 'ClusterRoleBinding') {
        causes.push(fieldError.required(`${path}.namespace`));
      }
    });
    return causes;
  },
};

/** Rules of Leases. */
export const leaseRules: Rules = {
  validate: (lease) => {
    const spec = asObject(lease.spec);
    for (const key of ['acquireTime', 'renewTime']) checkMicroTime('Lease', spec[key]);
    const seconds = spec.leaseDurationSeconds;
    return seconds !== undefined && asNumber(seconds) <= 0
      ? [fieldError.invalid('spec.leaseDurationSeconds', seconds, 'must be greater than 0')]
      : [];
  },
};

/** metav1.MicroTime has six digits after the second, no more and no less. */
function checkMicroTime(kind: string, value: Json | undefined): void {
  const text = asString(value);
  if (text === '' || /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$/.test(text)) return;
  const layout = '2006-01-02T15:04:05.000000Z07:00';
  const why = `parsing time ${JSON.stringify(text)} as "${layout}": cannot parse`;
  throw unreadable(kind, why);
}

function unreadable(kind: string, why: string): ApiError {
  return badRequest(`${kind} in version "v1" cannot be handled as a ${kind}: ${why}`);
}

/** What an Event of events.k8s.io says, and one of the core group need not. */
const NEW_EVENT = ['eventTime', 'reportingController', 'reportingInstance', 'action', 'reason'];

/** Rules of Events. */
export const eventRules: Rules = {
  validate: (event, previous) => {
    if (event.apiVersion === 'events.k8s.io/v1') {
      checkMicroTime('Event', event.eventTime);
      if (previous) return [];
      return NEW_EVENT.filter((key) => asString(event[key]) === '').map((key) =>
        fieldError.required(key),
      );
    }
    const namespace = asString(event.metadata.namespace);
    const about = asString(asObject(event.involvedObject).namespace);
    return about !== '' && about !== namespace
      ? [fieldError.invalid('involvedObject.namespace', about, 'does not match event.namespace')]
      : [];
  },
};

/** events.k8s.io/v1 to core/v1, in which events are kept. */
export function eventToCore(event: KubeObject): KubeObject {
  const rest = without(
    event,
    'note',
    'regarding',
    'reportingController',
    'deprecatedSource',
    'deprecatedFirstTimestamp',
    'deprecatedLastTimestamp',
    'deprecatedCount',
  );
  return {
    ...rest,
    apiVersion: 'v1',
    kind: 'Event',
    metadata: event.metadata,
    message: event.note,
    involvedObject: event.regarding ?? {},
    reportingComponent: event.reportingController ?? '',
    reportingInstance: event.reportingInstance ?? '',
    source: event.deprecatedSource ?? {},
    firstTimestamp: event.deprecatedFirstTimestamp,
    lastTimestamp: event.deprecatedLastTimestamp,
    count: event.deprecatedCount,
  };
}

/** The inverse of {@link eventToCore}. */
export function eventFromCore(event: KubeObject): KubeObject {
  const rest = without(
    event,
    'message',
    'involvedObject',
    'reportingComponent',
    'source',
    'firstTimestamp',
    'lastTimestamp',
    'count',
  );
  return {
    ...rest,
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: event.metadata,
    note: event.message,
    regarding: event.involvedObject,
    reportingController: event.reportingComponent,
    deprecatedSource: event.source,
    deprecatedFirstTimestamp: event.firstTimestamp,
    deprecatedLastTimestamp: event.lastTimestamp,
    deprecatedCount: event.count,
  };
}
