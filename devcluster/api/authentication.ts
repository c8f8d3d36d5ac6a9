/**
 * Who a request is from: its bearer token, and whom its caller speaks for.
 *
 * "Authenticating" and "User impersonation" of the Kubernetes documentation.
 */
import type { IncomingMessage } from 'node:http';
import { ApiError, forbidden, unauthorized } from '../values/status.ts';
import type { ApiContext } from './context.ts';
import { type Attributes, refusal } from './rbac.ts';
import { ANONYMOUS, type User } from './tokens.ts';

const GROUP = 'authentication.k8s.io';
const EXTRA = 'impersonate-extra-';

/** The user that `request` counts as. Throws ApiErrors: a token that is not good, somebody who may not be impersonated. */
export function authenticate(context: ApiContext, request: IncomingMessage): User {
  return impersonated(context, request, caller(context, request));
}

/** Credentials of a kind that nobody reads are none. */
function caller(context: ApiContext, request: IncomingMessage): User {
  const token = /^\s*Bearer ([^ ]+)/i.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) return ANONYMOUS;
  const found = context.tokens.check(token);
  if (typeof found === 'string') throw unauthorized();
  return found.user;
}

/** Impersonation headers (`kubectl --as`), for those who may. */
function impersonated(context: ApiContext, request: IncomingMessage, user: User): User {
  const headers = request.headersDistinct;
  const name = headers['impersonate-user']?.[0] ?? '';
  const uid = headers['impersonate-uid']?.[0] ?? '';
  const groups = headers['impersonate-group'] ?? [];
  const extra: Record<string, readonly string[]> = {};
  for (const [header, values] of Object.entries(headers)) {
    if (header.startsWith(EXTRA)) extra[decodeKey(header.slice(EXTRA.length))] = values ?? [];
  }
  if (name === '') {
    if (uid === '' && groups.length === 0 && Object.keys(extra).length === 0) return user;
    const why = 'requested uid, groups or extra without impersonating a user';
    throw new ApiError(500, 'InternalError', `Internal error occurred: ${why}`);
  }
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name);
  const asked: Partial<Attributes>[] = [
    account
      ? { resource: 'serviceaccounts', namespace: account[1] ?? '', name: account[2] ?? '' }
      : { resource: 'users', name },
    ...(uid === '' ? [] : [{ group: GROUP, resource: 'uids', name: uid }]),
    ...groups.map((group) => ({ resource: 'groups', name: group })),
    ...Object.entries(extra).flatMap(([subresource, values]) =>
      values.map((value) => ({ group: GROUP, resource: 'userextras', subresource, name: value })),
    ),
  ];
  for (const each of asked) check(context, user, each);
  return { name, uid, groups: groupsOf(name, groups, account?.[1]), extra };
}

function check(context: ApiContext, user: User, asked: Partial<Attributes>): void {
  const attributes: Attributes = {
    verb: 'impersonate',
    group: '',
    version: 'v1',
    resource: '',
    subresource: '',
    namespace: '',
    name: '',
    path: '',
    ...asked,
  };
  if (context.rbac.allows(user, attributes).allowed) return;
  const { group, resource, name } = attributes;
  throw forbidden(group, resource, name, refusal(user, attributes));
}

/** A ServiceAccount has groups of its own where no others are asked for, and everybody has one for whether he is known. */
function groupsOf(name: string, asked: readonly string[], namespace: string | undefined): string[] {
  const own = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
  const groups = asked.length === 0 && namespace !== undefined ? own : asked;
  const known = name === ANONYMOUS.name ? 'system:unauthenticated' : 'system:authenticated';
  return groups.includes(known) ? [...groups] : [...groups, known];
}

/** A key is percent-encoded, as it may hold what no name of a header field does. */
function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}
