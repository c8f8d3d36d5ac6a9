/**
 * ConfigMaps and Secrets: keys, sizes, and what a Secret of each type must hold. pure
 */
import {
  asObject,
  asString,
  deepEqual,
  type JsonObject,
  type KubeObject,
  without,
} from '../values/json.ts';
import { type Cause, fieldError } from '../values/status.ts';
import type { Rules } from './resources.ts';

/** Bytes of the data of a ConfigMap or Secret. */
const DATA_BYTES_MAX = 1_048_576;

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
