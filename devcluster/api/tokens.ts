/**
 * Bearer tokens: the administrator's, and ServiceAccount tokens (JWT, ES256).
 *
 * Claims as in "Managing Service Accounts: bound service account tokens" of the Kubernetes documentation. Promises: a token is
 * good only until it expires and while its ServiceAccount, and the pod it is bound to, exist with the same uid.
 */

import type { KeyObject } from 'node:crypto';
import {
  createHash,
  generateKeyPairSync,
  randomUUID,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import type { Clock } from '#core/clock.ts';
import type { Store } from '../storage/store.ts';
import {
  asNumber,
  asObject,
  asString,
  asStrings,
  at,
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
} from '../values/json.ts';

/** Who a request is from. */
export interface User {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** What a token is bound to, beside its ServiceAccount. */
export interface BoundObject {
  readonly kind: 'Pod' | 'Secret' | 'Node';
  readonly name: string;
  readonly uid: string;
}

/** Whoever sends no credentials. */
export const ANONYMOUS: User = {
  name: 'system:anonymous',
  uid: '',
  groups: ['system:unauthenticated'],
  extra: {},
};

/** Audience of the API server itself, and issuer of its tokens. */
export const API_AUDIENCE = 'https://kubernetes.default.svc';
const TOKEN_BYTES_MAX = 16_384;

/** See the file header. */
export class Tokens {
  readonly #clock: Clock;
  readonly #store: Store;
  readonly #adminToken: string;
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;
  readonly #keyId: string;

  constructor(clock: Clock, store: Store, adminToken: string) {
    this.#clock = clock;
    this.#store = store;
    this.#adminToken = adminToken;
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#privateKey = pair.privateKey;
    this.#publicKey = pair.publicKey;
    const spki = pair.publicKey.export({ type: 'spki', format: 'der' });
    this.#keyId = createHash('sha256').update(spki).digest('base64url');
  }

  /** The public key as a JSON Web Key Set. */
  keySet(): JsonObject {
    const key = this.#publicKey.export({ format: 'jwk' }) as unknown as JsonObject;
    return { keys: [{ ...key, use: 'sig', kid: this.#keyId, alg: 'ES256' }] };
  }

  /** A token of `account` for `audiences`, good for `seconds`. */
  issue(
    account: KubeObject,
    audiences: readonly string[],
    seconds: number,
    bound?: BoundObject,
    nodeName = '',
  ): { token: string; expiresMs: number } {
    const nowSeconds = Math.floor(this.#clock.wallMs() / 1_000);
    const claims: JsonObject = {
      aud: audiences.length === 0 ? [API_AUDIENCE] : [...audiences],
      exp: nowSeconds + seconds,
      iat: nowSeconds,
      iss: API_AUDIENCE,
      jti: randomUUID(),
      'kubernetes.io': {
        namespace: asString(account.metadata.namespace),
        serviceaccount: { name: account.metadata.name, uid: account.metadata.uid },
        ...(bound ? { [bound.kind.toLowerCase()]: { name: bound.name, uid: bound.uid } } : {}),
        ...(nodeName === '' ? {} : { node: { name: nodeName } }),
      },
      nbf: nowSeconds,
      sub: `system:serviceaccount:${asString(account.metadata.namespace)}:${account.metadata.name}`,
    };
    const head = encode({ alg: 'ES256', kid: this.#keyId });
    const signed = `${head}.${encode(claims)}`;
    const signature = sign('sha256', Buffer.from(signed), {
      key: this.#privateKey,
      dsaEncoding: 'ieee-p1363',
    });
    return {
      token: `${signed}.${signature.toString('base64url')}`,
      expiresMs: (nowSeconds + seconds) * 1_000,
    };
  }

  /**
   * Who `token` speaks for, and which of `audiences` it is good for; a text says why it is refused.
   */
  check(
    token: string,
    audiences: readonly string[] = [API_AUDIENCE],
  ): { user: User; audiences: readonly string[] } | string {
    if (token.length > TOKEN_BYTES_MAX) return 'token is too long';
    if (isSame(token, this.#adminToken)) {
      const groups = ['system:masters', 'system:authenticated'];
      const user = { name: 'kubernetes-admin', uid: '', groups, extra: {} };
      return { user, audiences: audiences.filter((item) => item === API_AUDIENCE) };
    }
    const claims = this.#verified(token);
    if (typeof claims === 'string') return claims;
    const nowSeconds = this.#clock.wallMs() / 1_000;
    if (asNumber(claims.exp) <= nowSeconds) return 'service account token has expired';
    if (asNumber(claims.nbf) > nowSeconds + 1) return 'service account token is not valid yet';
    const own = asStrings(claims.aud);
    const common = own.filter((item) => audiences.includes(item));
    if (common.length === 0) {
      return `token audiences ${JSON.stringify(own)} is invalid for the target audiences ${JSON.stringify(audiences)}`;
    }
    const user = this.#userOf(asObject(claims['kubernetes.io']), asString(claims.jti));
    return typeof user === 'string' ? user : { user, audiences: common };
  }

  #verified(token: string): JsonObject | string {
    const [head = '', body = '', signature = '', rest] = token.split('.');
    if (rest !== undefined || signature === '') return 'invalid bearer token';
    const key = { key: this.#publicKey, dsaEncoding: 'ieee-p1363' as const };
    const valid = verify(
      'sha256',
      Buffer.from(`${head}.${body}`),
      key,
      Buffer.from(signature, 'base64url'),
    );
    if (!valid) return 'invalid bearer token';
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Json;
    return isObject(claims) ? claims : 'invalid bearer token';
  }

  #userOf(claims: JsonObject, id: string): User | string {
    const namespace = asString(claims.namespace);
    const name = asString(at(claims, 'serviceaccount', 'name'));
    const uid = asString(at(claims, 'serviceaccount', 'uid'));
    const account = this.#store.get('serviceaccounts', namespace, name);
    if (account?.metadata.uid !== uid) {
      return `service account ${namespace}/${name} has been deleted`;
    }
    const extra: Record<string, string[]> = {
      'authentication.kubernetes.io/credential-id': [`JTI=${id}`],
    };
    const pod = asObject(claims.pod);
    if (claims.pod !== undefined) {
      const podName = asString(pod.name);
      const found = this.#store.get('pods', namespace, podName);
      if (found?.metadata.uid !== pod.uid) return `pod ${namespace}/${podName} has been deleted`;
      extra['authentication.kubernetes.io/pod-name'] = [podName];
      extra['authentication.kubernetes.io/pod-uid'] = [asString(pod.uid)];
      const node = asString(at(found, 'spec', 'nodeName'));
      if (node !== '') extra['authentication.kubernetes.io/node-name'] = [node];
    }
    return {
      name: `system:serviceaccount:${namespace}:${name}`,
      uid,
      groups: [
        'system:serviceaccounts',
        `system:serviceaccounts:${namespace}`,
        'system:authenticated',
      ],
      extra,
    };
  }
}

function encode(value: JsonObject): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
