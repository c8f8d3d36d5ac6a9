/**
 * Reviews: questions that are answered and never kept.
 *
 * TokenReview, SelfSubjectReview, SubjectAccessReview and its relatives, SelfSubjectRulesReview.
 */

import type { ResourceDef } from '../kinds/resources.ts';
import {
  asObject,
  asString,
  asStrings,
  at,
  type Json,
  type JsonObject,
  type KubeObject,
} from '../values/json.ts';
import { badRequest, fieldError, invalid } from '../values/status.ts';
import { readObject } from './body.ts';
import type { ApiContext, Call } from './context.ts';
import { decodeBody } from './decode-body.ts';
import type { Attributes } from './rbac.ts';
import { send } from './respond.ts';
import { API_AUDIENCE, type User } from './tokens.ts';

/** Answers one review. */
export async function serveReview(
  context: ApiContext,
  call: Call,
  def: ResourceDef,
  namespace: string,
): Promise<void> {
  const body = await readObject(call.request);
  const review = decodeBody(def, namespace, body, 'Warn', call.warnings);
  const status = answer(context, call.user, def, namespace, review);
  const answered = { ...review, status };
  if (def.kind === 'SelfSubjectReview') {
    answered.metadata = { ...review.metadata, creationTimestamp: context.objects.now() };
  }
  await send(call.response, 201, answered, 'json', call.warnings);
}

function answer(
  context: ApiContext,
  user: User,
  def: ResourceDef,
  namespace: string,
  review: KubeObject,
): JsonObject {
  switch (def.kind) {
    case 'TokenReview':
      return tokenReview(context, asObject(review.spec));
    case 'SelfSubjectReview':
      return { userInfo: userInfo(user) };
    case 'SelfSubjectRulesReview':
      return rulesReview(context, user, asString(at(review, 'spec', 'namespace')));
    case 'SelfSubjectAccessReview':
      return accessReview(context, user, asObject(review.spec), def.kind);
    default: {
      const spec = asObject(review.spec);
      if (def.kind === 'LocalSubjectAccessReview') {
        const about = asString(at(spec, 'resourceAttributes', 'namespace'));
        if (about !== namespace) {
          const field = 'spec.resourceAttributes.namespace';
          throw invalid(def.group, def.kind, '', [
            fieldError.invalid(field, about, `must match metadata.namespace`),
          ]);
        }
      }
      return accessReview(context, subjectOf(spec, def.kind), spec, def.kind);
    }
  }
}

function subjectOf(spec: JsonObject, kind: string): User {
  const name = asString(spec.user);
  const groups = asStrings(spec.groups);
  if (name === '' && groups.length === 0) {
    throw invalid('authorization.k8s.io', kind, '', [
      fieldError.invalid('spec.user', '', 'at least one of user or group must be specified'),
    ]);
  }
  return { name, uid: asString(spec.uid), groups, extra: {} };
}

function accessReview(context: ApiContext, user: User, spec: JsonObject, kind: string): JsonObject {
  const resource = spec.resourceAttributes;
  const path = spec.nonResourceAttributes;
  if ((resource === undefined) === (path === undefined)) {
    throw invalid('authorization.k8s.io', kind, '', [
      fieldError.invalid(
        'spec.resourceAttributes',
        null,
        'exactly one of nonResourceAttributes or resourceAttributes must be specified',
      ),
    ]);
  }
  const text = (key: string) => asString(at(resource, key));
  const attributes: Attributes = {
    verb: asString(at(resource ?? path, 'verb')),
    group: text('group'),
    version: text('version'),
    resource: text('resource'),
    subresource: text('subresource'),
    namespace: text('namespace'),
    name: text('name'),
    path: asString(at(path, 'path')),
  };
  const { allowed, reason } = context.rbac.allows(user, attributes);
  return { allowed, ...(reason === '' ? {} : { reason }) };
}

function tokenReview(context: ApiContext, spec: JsonObject): JsonObject {
  const token = asString(spec.token);
  if (token === '') throw badRequest('token is required for TokenReview in authentication');
  const asked = asStrings(spec.audiences);
  const found = context.tokens.check(token, asked.length === 0 ? [API_AUDIENCE] : asked);
  if (typeof found === 'string') return { user: {}, error: `[invalid bearer token, ${found}]` };
  return {
    authenticated: true,
    user: userInfo(found.user),
    audiences: [...found.audiences],
  };
}

function userInfo(user: User): JsonObject {
  const extra: JsonObject = {};
  for (const [key, values] of Object.entries(user.extra)) extra[key] = [...values];
  return {
    username: user.name,
    ...(user.uid === '' ? {} : { uid: user.uid }),
    groups: [...user.groups],
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

function rulesReview(context: ApiContext, user: User, namespace: string): JsonObject {
  const resourceRules: Json[] = [];
  const nonResourceRules: Json[] = [];
  const add = (rule: JsonObject) => {
    if (asStrings(rule.nonResourceURLs).length > 0) {
      nonResourceRules.push({ verbs: rule.verbs, nonResourceURLs: rule.nonResourceURLs });
    } else resourceRules.push(rule);
  };
  if (user.groups.includes('system:masters')) {
    add({ verbs: ['*'], apiGroups: ['*'], resources: ['*'] });
    add({ verbs: ['*'], nonResourceURLs: ['*'] });
  }
  for (const { rule } of context.rbac.rulesFor(user, namespace)) add(rule);
  return { resourceRules, nonResourceRules, incomplete: false };
}
