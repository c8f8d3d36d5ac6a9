/**
 * metav1.Status: every refusal of the API server, in the words of the real one. pure
 *
 * Clients and people match on these messages, so they are kept close to
 * k8s.io/apimachinery/pkg/api/errors.
 */
import type { JsonObject } from './json.ts';

/** One entry of `details.causes`. */
export interface Cause {
  readonly reason: string;
  readonly field: string;
  readonly message: string;
}

/** What a refusal is about. */
export interface Subject {
  readonly group?: string;
  readonly kind?: string;
  readonly name?: string;
}

/** A refusal; {@link ApiError.status} is what goes over the wire. */
export class ApiError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: JsonObject | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** Where an expired list may go on, as `metadata.continue`. */
  continueToken = '';

  constructor(
    code: number,
    reason: string,
    message: string,
    details?: JsonObject,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.reason = reason;
    this.details = details;
    this.headers = headers;
  }

  /** The Status object. */
  status(): JsonObject {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: this.continueToken === '' ? {} : { continue: this.continueToken },
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      details: this.details,
      code: this.code,
    };
  }
}

/** `deployments.apps`, or `pods` in the core group. */
export function qualified(group: string, plural: string): string {
  return group === '' ? plural : `${plural}.${group}`;
}

function subject(group: string, plural: string, name: string): JsonObject {
  return { ...(name === '' ? {} : { name }), ...(group === '' ? {} : { group }), kind: plural };
}

/** 404: no such object. */
export function notFound(group: string, plural: string, name: string): ApiError {
  return new ApiError(
    404,
    'NotFound',
    `${qualified(group, plural)} "${name}" not found`,
    subject(group, plural, name),
  );
}

/** Nothing is served at this path. */
export function noResource(): ApiError {
  return new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});
}

/** 409: the name is taken. */
export function alreadyExists(group: string, plural: string, name: string): ApiError {
  return new ApiError(
    409,
    'AlreadyExists',
    `${qualified(group, plural)} "${name}" already exists`,
    subject(group, plural, name),
  );
}

/** 409 with a reason of its own. */
export function conflict(group: string, plural: string, name: string, why: string): ApiError {
  return new ApiError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(group, plural)} "${name}": ${why}`,
    subject(group, plural, name),
  );
}

/** The object has been modified (optimistic concurrency). */
export function modified(group: string, plural: string, name: string): ApiError {
  return conflict(
    group,
    plural,
    name,
    'the object has been modified; please apply your changes to the latest version and try again',
  );
}

/** 400: the request makes no sense. */
export function badRequest(message: string): ApiError {
  return new ApiError(400, 'BadRequest', message);
}

/** 422: the object breaks rules; one cause each. */
export function invalid(
  group: string,
  kind: string,
  name: string,
  causes: readonly Cause[],
): ApiError {
  const texts = causes.map((cause) => `${cause.field}: ${cause.message}`);
  const joined = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  const subjectName = group === '' ? kind : `${kind}.${group}`;
  return new ApiError(422, 'Invalid', `${subjectName} "${name}" is invalid: ${joined}`, {
    name,
    ...(group === '' ? {} : { group }),
    kind,
    causes: causes.map((cause) => ({ ...cause })),
  });
}

/** 403: the caller may not, or the server does not let anybody. */
export function forbidden(group: string, plural: string, name: string, why: string): ApiError {
  const target = name === '' ? qualified(group, plural) : `${qualified(group, plural)} "${name}"`;
  return new ApiError(
    403,
    'Forbidden',
    `${target} is forbidden: ${why}`,
    subject(group, plural, name),
  );
}

/** 401: the credentials are not good. */
export function unauthorized(): ApiError {
  return new ApiError(401, 'Unauthorized', 'Unauthorized');
}

/** 405: this verb is not served here. */
export function methodNotAllowed(): ApiError {
  return new ApiError(
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    {},
  );
}

/** 410: the version or token is too old; `continueToken` is where a list may go on all the same. */
export function expired(message: string, continueToken = ''): ApiError {
  const error = new ApiError(410, 'Expired', message);
  error.continueToken = continueToken;
  return error;
}

/** 501: Kubernetes has this, the embedded cluster has not. */
export function notImplemented(what: string): ApiError {
  return new ApiError(501, 'NotImplemented', what);
}

/** 415: the body is of a type nobody reads here. */
export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  return new ApiError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  );
}

/** 406: the client accepts nothing that is spoken here. */
export function notAcceptable(): ApiError {
  return new ApiError(
    406,
    'NotAcceptable',
    'only the following media types are accepted: application/json, application/yaml',
  );
}

/** Shorthands of field errors, as k8s.io/apimachinery/pkg/util/validation/field words them. */
export const fieldError = {
  required: (field: string, why = ''): Cause => ({
    reason: 'FieldValueRequired',
    field,
    message: why === '' ? 'Required value' : `Required value: ${why}`,
  }),
  invalid: (field: string, value: unknown, why: string): Cause => ({
    reason: 'FieldValueInvalid',
    field,
    message: `Invalid value: ${JSON.stringify(value) ?? 'null'}: ${why}`,
  }),
  unsupported: (field: string, value: unknown, supported: readonly string[]): Cause => ({
    reason: 'FieldValueNotSupported',
    field,
    message: `Unsupported value: ${JSON.stringify(value) ?? 'null'}: supported values: ${supported.map((item) => JSON.stringify(item)).join(', ')}`,
  }),
  duplicate: (field: string, value: unknown): Cause => ({
    reason: 'FieldValueDuplicate',
    field,
    message: `Duplicate value: ${JSON.stringify(value)}`,
  }),
  forbidden: (field: string, why: string): Cause => ({
    reason: 'FieldValueForbidden',
    field,
    message: `Forbidden: ${why}`,
  }),
};
