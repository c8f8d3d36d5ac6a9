/**
 * The subresource `token` of a ServiceAccount (TokenRequest): a signed token, bound to an object that lives no longer.
 */

import {
  asNumber,
  asObject,
  asString,
  asStrings,
  at,
  isObject,
  type JsonObject,
} from '../values/json.ts';
import { badRequest, conflict, fieldError, invalid, notFound } from '../values/status.ts';
import { readObject } from './body.ts';
import type { ApiContext, Call } from './context.ts';
import type { ResourcePath } from './request.ts';
import { send } from './respond.ts';
import type { BoundObject } from './tokens.ts';

/** Bounds of a token's life, in seconds, as in the real server. */
const TOKEN_SECONDS_MIN = 600;
const TOKEN_SECONDS_MAX = 2 ** 32;
const TOKEN_SECONDS_DEFAULT = 3_600;

/** Answers one TokenRequest for the account `target`. */
export async function requestToken(
  context: ApiContext,
  call: Call,
  target: ResourcePath,
): Promise<void> {
  const body = await readObject(call.request);
  const account = context.store.get('serviceaccounts', target.namespace, target.name);
  if (!account) throw notFound('', 'serviceaccounts', target.name);
  const spec = asObject(body.spec);
  const seconds = asNumber(spec.expirationSeconds, TOKEN_SECONDS_DEFAULT);
  if (seconds < TOKEN_SECONDS_MIN || seconds > TOKEN_SECONDS_MAX) {
    const why =
      seconds < TOKEN_SECONDS_MIN
        ? 'may not specify a duration less than 10 minutes'
        : 'may not specify a duration larger than 2^32 seconds';
    throw invalid('authentication.k8s.io', 'TokenRequest', '', [
      fieldError.invalid('spec.expirationSeconds', seconds, why),
    ]);
  }
  const { bound, nodeName } = boundObject(context, target, spec);
  const audiences = asStrings(spec.audiences);
  const issued = context.tokens.issue(account, audiences, seconds, bound, nodeName);
  await send(call.response, 201, {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: {
      name: target.name,
      namespace: target.namespace,
      creationTimestamp: context.objects.now(),
    },
    spec: { ...spec, audiences, expirationSeconds: seconds },
    status: {
      token: issued.token,
      expirationTimestamp: `${new Date(issued.expiresMs).toISOString().slice(0, 19)}Z`,
    },
  });
}

function boundObject(
  context: ApiContext,
  { namespace, name: account }: ResourcePath,
  spec: JsonObject,
): { bound?: BoundObject; nodeName?: string } {
  if (!isObject(spec.boundObjectRef)) return {};
  const reference = asObject(spec.boundObjectRef);
  const kind = asString(reference.kind);
  const name = asString(reference.name);
  const plural = kind === 'Pod' ? 'pods' : kind === 'Secret' ? 'secrets' : undefined;
  if (!plural) {
    throw badRequest(`cannot bind token for serviceaccount to object of type ${kind}`);
  }
  const found = context.store.get(plural, namespace, name);
  if (!found) throw notFound('', plural, name);
  if (kind === 'Pod' && at(found, 'spec', 'serviceAccountName') !== account) {
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`,
    );
  }
  const uid = asString(reference.uid);
  if (uid !== '' && uid !== found.metadata.uid) {
    throw conflict(
      '',
      plural,
      name,
      `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  return {
    bound: { kind: kind as 'Pod' | 'Secret', name, uid: found.metadata.uid },
    nodeName: asString(at(found, 'spec', 'nodeName')),
  };
}
