/**
 * What a request asks for: verb, resource, namespace, name. pure
 *
 * Paths and verbs after "Kubernetes API Concepts" and "Authorization: determine the request verb" of
 * the Kubernetes documentation.
 */
import type { FaultSubject } from '../faults/api-fault.ts';
import type { ResourceDef } from '../kinds/resources.ts';
import { badRequest, methodNotAllowed } from '../values/status.ts';
import type { Attributes } from './rbac.ts';

/** A parsed path below `/api/v1` or `/apis/<group>/<version>`. */
export interface ResourcePath {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespace: string;
  /** Empty: the collection. */
  readonly name: string;
  readonly subresource: string;
  /** What follows the subresource, as in `proxy/…`. */
  readonly rest: string;
  /** Whether the path itself says watch, as `/api/v1/watch/…` does, which is deprecated and still served. */
  readonly isWatch: boolean;
}

/** Bytes of a request target. */
const TARGET_MAX = 32_768;

/** The resource `path` names; `undefined` when it names none. */
export function parsePath(path: string): ResourcePath | undefined {
  if (path.length > TARGET_MAX) throw badRequest('request target too long');
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decode);
  const root = parts.shift();
  const group = root === 'api' ? '' : root === 'apis' ? parts.shift() : undefined;
  const version = parts.shift();
  if (group === undefined || version === undefined || parts.length === 0) return undefined;
  const isWatch = parts[0] === 'watch' && parts.length > 1;
  if (isWatch) parts.shift();
  const make = (namespace: string, rest: string[]): ResourcePath => {
    const [plural = '', name = '', subresource = '', ...more] = rest;
    const place = { group, version, plural, namespace, name, subresource };
    return { ...place, rest: more.join('/'), isWatch };
  };
  if (parts[0] !== 'namespaces' || parts.length <= 2) return make('', parts);
  const [, namespace = '', third = ''] = parts;
  if (group === '' && (third === 'status' || third === 'finalize')) return make('', parts);
  return make(namespace, parts.slice(2));
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    throw badRequest(`malformed request path: ${String(error)}`);
  }
}

/** The verb of a request for a resource. */
export function verbOf(method: string, path: ResourcePath, query: URLSearchParams): string {
  switch (method) {
    case 'GET':
    case 'HEAD':
      if (path.isWatch) return 'watch';
      if (path.name !== '') return 'get';
      return isTrue(query.get('watch')) ? 'watch' : 'list';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return path.name === '' ? 'deletecollection' : 'delete';
    default:
      return method.toLowerCase();
  }
}

/** What RBAC decides upon. A list or watch of one object by field selector counts as naming it. */
export function attributesOf(verb: string, path: ResourcePath, query: URLSearchParams): Attributes {
  const single = /^metadata\.name==?([^,]+)$/.exec(query.get('fieldSelector') ?? '');
  const isCollection = verb === 'list' || verb === 'watch' || verb === 'deletecollection';
  const isNamespaceItself = path.group === '' && path.plural === 'namespaces';
  return {
    verb,
    group: path.group,
    version: path.version,
    resource: path.plural,
    subresource: path.subresource,
    namespace: isNamespaceItself ? path.name : path.namespace,
    name: path.name || (isCollection ? (single?.[1] ?? '') : ''),
    path: '',
  };
}

/** Boolean query parameters, as Go's strconv.ParseBool and the API machinery read them. */
export function isTrue(value: string | null): boolean {
  return value !== null && value !== '0' && value !== 'false' && value !== 'False';
}

/** A query parameter that must be a whole number, if there; throws 400. */
export function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^\d{1,15}$/.test(text)) {
    throw badRequest(`${name}: Invalid value: ${JSON.stringify(text)}: must be a whole number`);
  }
  return Number(text);
}

/** A request as faults see it. */
export function faultSubject(
  call: { readonly user: { readonly name: string } },
  target: ResourcePath,
  verb: string,
): FaultSubject {
  return { user: call.user.name, verb, resource: target.plural };
}

/** A namespaced resource must be written below a namespace. */
export function namespaceToWrite(def: ResourceDef, target: ResourcePath): string {
  if (def.namespaced && target.namespace === '') throw methodNotAllowed();
  return target.namespace;
}
