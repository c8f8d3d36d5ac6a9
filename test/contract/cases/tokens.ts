/**
 * Who is who, and who may what: ServiceAccount tokens, reviews, RBAC.
 */
import assert from 'node:assert/strict';
import {
  asNumber,
  asObject,
  asObjects,
  asString,
  asStrings,
  at,
  type JsonObject,
} from '#devcluster/values/json.ts';
import { type ContractCase, docs } from '../case.ts';
import { type CaseCluster, metaOf } from '../cluster.ts';
import { configMap, core, group, PATCH, refused } from '../kit.ts';
import { makePodReady, podOf } from '../nodes.ts';

const ACCOUNTS = docs('reference/access-authn-authz/service-accounts-admin/');
const RBAC = docs('reference/access-authn-authz/rbac/');
const REVIEWS = '/apis/authentication.k8s.io/v1/tokenreviews';
const AUDIENCE = 'identity.isthmus.dev';
/** A real server remembers good tokens for ten seconds. */
const FORGOTTEN_MS = 30_000;

function claimsOf(token: string): JsonObject {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as JsonObject;
}

async function review(
  cluster: CaseCluster,
  token: string,
  audiences?: string[],
): Promise<JsonObject> {
  const answer = await cluster.must(201, 'POST', REVIEWS, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token, ...(audiences ? { audiences } : {}) },
  });
  return asObject(answer.status);
}

function tokenRequest(spec: JsonObject): JsonObject {
  return { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
}

/** A ServiceAccount `reader` with a Role of `rules`; its token. */
async function reader(
  cluster: CaseCluster,
  namespace: string,
  rules: JsonObject[],
): Promise<string> {
  const token = await cluster.token(namespace, 'reader');
  const rbac = 'rbac.authorization.k8s.io';
  await cluster.must(201, 'POST', group(`${rbac}/v1`, namespace, 'roles'), {
    apiVersion: `${rbac}/v1`,
    kind: 'Role',
    metadata: { name: 'reader' },
    rules,
  });
  await cluster.must(201, 'POST', group(`${rbac}/v1`, namespace, 'rolebindings'), {
    apiVersion: `${rbac}/v1`,
    kind: 'RoleBinding',
    metadata: { name: 'reader' },
    roleRef: { apiGroup: rbac, kind: 'Role', name: 'reader' },
    subjects: [{ kind: 'ServiceAccount', name: 'reader', namespace }],
  });
  await cluster.until('the role is known', async () => {
    const path = core(namespace, 'configmaps');
    return (await cluster.call('GET', path, undefined, { token })).status === 200;
  });
  return token;
}

const LIST_MAPS = { apiGroups: [''], resources: ['configmaps'], verbs: ['list'] };

export const tokens: readonly ContractCase[] = [
  {
    name: 'a token of a ServiceAccount says for whom, for which audience and until when it is good',
    source: `${ACCOUNTS}#bound-service-account-tokens`,
    async run(cluster) {
      const namespace = await cluster.namespace();
      const spec = { audiences: [AUDIENCE], expirationSeconds: 3_600 };
      const token = await cluster.token(namespace, 'x', spec);
      const claims = claimsOf(token);
      assert.deepEqual(claims.aud, [AUDIENCE]);
      assert.equal(claims.sub, `system:serviceaccount:${namespace}:x`);
      assert.equal(asNumber(claims.exp) - asNumber(claims.iat), 3_600);
      assert.equal(claims.nbf, claims.iat);
      assert.notEqual(asString(claims.iss), '');
      assert.match(asString(claims.jti), /^[0-9a-f-]{36}$/);
      assert.equal(at(claims, 'kubernetes.io', 'namespace'), namespace);
      assert.equal(at(claims, 'kubernetes.io', 'serviceaccount', 'name'), 'x');
    },
  },
  {
    name: 'a token request says ten minutes at least, and is of an account that is there',
    source: docs('reference/kubernetes-api/authentication-resources/token-request-v1/'),
    async run(cluster) {
      const namespace = await cluster.namespace();
      await cluster.token(namespace, 'x');
      const path = core(namespace, 'serviceaccounts', 'x/token');
      const short = tokenRequest({ audiences: [AUDIENCE], expirationSeconds: 599 });
      const { causes } = await refused(cluster, 422, 'Invalid', 'POST', path, short);
      assert.deepEqual(causes, ['FieldValueInvalid spec.expirationSeconds']);
      const none = core(namespace, 'serviceaccounts', 'none/token');
      const long = tokenRequest({ audiences: [AUDIENCE], expirationSeconds: 600 });
      await refused(cluster, 404, 'NotFound', 'POST', none, long);
      const answer = await cluster.must(201, 'POST', path, long);
      assert.match(asString(at(answer, 'status', 'expirationTimestamp')), /Z$/);
    },
  },
  {
    name: 'a token review names the caller, his groups and the audience that was asked about',
    source: docs('reference/kubernetes-api/authentication-resources/token-review-v1/'),
    async run(cluster) {
      const namespace = await cluster.namespace();
      const token = await cluster.token(namespace, 'x', {
        audiences: [AUDIENCE, 'another'],
        expirationSeconds: 600,
      });
      const status = await review(cluster, token, [AUDIENCE, 'a-third']);
      assert.equal(status.authenticated, true);
      assert.deepEqual(status.audiences, [AUDIENCE]);
      const user = asObject(status.user);
      assert.equal(user.username, `system:serviceaccount:${namespace}:x`);
      assert.deepEqual(asStrings(user.groups), [
        'system:serviceaccounts',
        `system:serviceaccounts:${namespace}`,
        'system:authenticated',
      ]);
      assert.match(asString(user.uid), /^[0-9a-f-]{36}$/);
    },
  },
  {
    name: 'a token for another audience is not authenticated, nor is one that was tampered with',
    source: docs('reference/kubernetes-api/authentication-resources/token-review-v1/'),
    async run(cluster) {
      const namespace = await cluster.namespace();
      const spec = { audiences: ['another'], expirationSeconds: 600 };
      const token = await cluster.token(namespace, 'x', spec);
      for (const wrong of [token, `${token.slice(0, -8)}AAAAAAAA`, 'no-token']) {
        const status = await review(cluster, wrong, [AUDIENCE]);
        assert.notEqual(status.authenticated, true);
        // What is no token at all, nobody says anything about.
        if (wrong !== 'no-token') assert.notEqual(asString(status.error), '');
        assert.equal(status.audiences, undefined);
      }
      const own = await review(cluster, await cluster.token(namespace, 'x'));
      assert.equal(own.authenticated, true, 'no audience means that of the API server');
    },
  },
  {
    name: 'a token review without a token is a 400',
    source: docs('reference/kubernetes-api/authentication-resources/token-review-v1/'),
    async run(cluster) {
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: {} };
      await refused(cluster, 400, 'BadRequest', 'POST', REVIEWS, body);
    },
  },
  {
    name: 'a token bound to a pod names it, is for its account alone, and ends with it',
    source: `${ACCOUNTS}#bound-service-account-tokens`,
    async run(cluster) {
      const namespace = await cluster.namespace(true);
      await cluster.token(namespace, 'x');
      await cluster.token(namespace, 'y');
      const body = podOf('bound', {}, { serviceAccountName: 'x' });
      const pod = await makePodReady(cluster, namespace, body, '10.244.0.9');
      const uid = asString(metaOf(pod).uid);
      const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'bound', uid };
      const spec = { audiences: [AUDIENCE], expirationSeconds: 600, boundObjectRef };
      const token = await cluster.token(namespace, 'x', spec);
      assert.equal(at(claimsOf(token), 'kubernetes.io', 'pod', 'name'), 'bound');
      const status = await review(cluster, token, [AUDIENCE]);
      const extra = asObject(asObject(status.user).extra);
      assert.deepEqual(extra['authentication.kubernetes.io/pod-name'], ['bound']);
      assert.deepEqual(extra['authentication.kubernetes.io/pod-uid'], [uid]);
      const other = core(namespace, 'serviceaccounts', 'y/token');
      await refused(cluster, 400, 'BadRequest', 'POST', other, tokenRequest(spec));
      const successor = { ...boundObjectRef, uid: '00000000-0000-4000-8000-000000000000' };
      const own = core(namespace, 'serviceaccounts', 'x/token');
      const late = tokenRequest({ ...spec, boundObjectRef: successor });
      await refused(cluster, 409, 'Conflict', 'POST', own, late);
      await cluster.must(200, 'DELETE', core(namespace, 'pods', 'bound'), {
        gracePeriodSeconds: 0,
      });
      await cluster.until(
        'the token ends',
        async () => (await review(cluster, token, [AUDIENCE])).authenticated !== true,
        FORGOTTEN_MS,
      );
    },
  },
  {
    name: 'a token ends with its ServiceAccount',
    source: `${ACCOUNTS}#bound-service-account-tokens`,
    async run(cluster) {
      const namespace = await cluster.namespace();
      const token = await cluster.token(namespace, 'x');
      assert.equal((await review(cluster, token)).authenticated, true);
      await cluster.must(200, 'DELETE', core(namespace, 'serviceaccounts', 'x'));
      await cluster.until(
        'the token ends',
        async () => (await review(cluster, token)).authenticated !== true,
        FORGOTTEN_MS,
      );
    },
  },
  {
    name: 'a bad token is a 401, and so is one for another audience; no token is anonymous',
    source: docs('reference/access-authn-authz/authentication/#anonymous-requests'),
    async run(cluster) {
      const namespace = await cluster.namespace();
      const spec = { audiences: [AUDIENCE], expirationSeconds: 600 };
      const foreign = await cluster.token(namespace, 'x', spec);
      for (const token of ['nonsense', foreign]) {
        const answer = await cluster.call('GET', '/api/v1/pods', undefined, { token });
        assert.equal(answer.status, 401);
        assert.equal(answer.body.reason, 'Unauthorized');
      }
      const anonymous = { token: '' };
      const path = '/api/v1/pods';
      const answer = await refused(cluster, 403, 'Forbidden', 'GET', path, undefined, anonymous);
      assert.equal(
        answer.message,
        'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" at the cluster scope',
      );
      for (const open of ['/version', '/readyz', '/livez', '/healthz']) {
        assert.equal((await cluster.call('GET', open, undefined, anonymous)).status, 200, open);
      }
    },
  },
  {
    name: 'what no role allows is a 403 that names caller, verb, kind and place',
    source: RBAC,
    async run(cluster) {
      const namespace = await cluster.namespace();
      const token = await cluster.token(namespace, 'x');
      const user = `User "system:serviceaccount:${namespace}:x"`;
      const said = async (method: string, path: string, body?: JsonObject) =>
        (await refused(cluster, 403, 'Forbidden', method, path, body, { token })).message;
      const path = core(namespace, 'secrets');
      assert.equal(
        await said('GET', path),
        `secrets is forbidden: ${user} cannot list resource "secrets" in API group "" in the namespace "${namespace}"`,
      );
      assert.equal(
        await said('GET', `${path}/a`),
        `secrets "a" is forbidden: ${user} cannot get resource "secrets" in API group "" in the namespace "${namespace}"`,
      );
      const slices = '/apis/discovery.k8s.io/v1/endpointslices';
      assert.equal(
        await said('GET', slices),
        `endpointslices.discovery.k8s.io is forbidden: ${user} cannot list resource "endpointslices" in API group "discovery.k8s.io" at the cluster scope`,
      );
      assert.match(
        await said('GET', `${core(namespace, 'services')}?watch=true`),
        /cannot watch resource "services"/,
      );
      assert.match(
        await said('PUT', group('apps/v1', namespace, 'deployments', 'd/status'), {}),
        /cannot update resource "deployments\/status"/,
      );
    },
  },
  {
    name: 'a role allows its verbs on its kinds in its namespace, and nothing else',
    source: `${RBAC}#role-and-clusterrole`,
    async run(cluster) {
      const namespace = await cluster.namespace();
      const token = await reader(cluster, namespace, [LIST_MAPS]);
      const path = core(namespace, 'configmaps');
      await cluster.must(200, 'GET', path, undefined, { token });
      await refused(cluster, 403, 'Forbidden', 'GET', `${path}/x`, undefined, { token });
      await refused(cluster, 403, 'Forbidden', 'GET', `${path}?watch=1`, undefined, { token });
      await refused(cluster, 403, 'Forbidden', 'GET', '/api/v1/configmaps', undefined, { token });
      await refused(cluster, 403, 'Forbidden', 'POST', path, configMap('x'), { token });
      await refused(cluster, 403, 'Forbidden', 'DELETE', path, undefined, { token });
    },
  },
  {
    name: 'a role can be narrowed to names, but not for what has no name yet',
    source: `${RBAC}#referring-to-resources`,
    async run(cluster) {
      const namespace = await cluster.namespace();
      const verbs = ['get', 'list', 'create', 'update'];
      const named = { apiGroups: [''], resources: ['secrets'], resourceNames: ['mine'], verbs };
      const token = await reader(cluster, namespace, [LIST_MAPS, named]);
      const path = core(namespace, 'secrets');
      const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'mine' } };
      await cluster.must(201, 'POST', path, body);
      await cluster.must(200, 'GET', `${path}/mine`, undefined, { token });
      await refused(cluster, 403, 'Forbidden', 'GET', `${path}/other`, undefined, { token });
      await refused(cluster, 403, 'Forbidden', 'GET', path, undefined, { token });
      const byName = `${path}?fieldSelector=metadata.name%3Dmine`;
      await cluster.must(200, 'GET', byName, undefined, { token });
      await refused(cluster, 403, 'Forbidden', 'POST', path, body, { token });
    },
  },
  {
    name: 'applying needs patch; where nothing is there yet, create as well',
    source: docs('reference/using-api/server-side-apply/#api-implementation'),
    async run(cluster) {
      const namespace = await cluster.namespace();
      const patch = { apiGroups: [''], resources: ['configmaps'], verbs: ['patch'] };
      const token = await reader(cluster, namespace, [LIST_MAPS, patch]);
      const url = `${core(namespace, 'configmaps', 'x')}?fieldManager=a`;
      const options = { token, type: PATCH.apply };
      const body = configMap('x');
      const answer = await refused(cluster, 403, 'Forbidden', 'PATCH', url, body, options);
      assert.match(answer.message, /cannot create resource "configmaps"/);
      await cluster.must(201, 'POST', core(namespace, 'configmaps'), body);
      await cluster.must(200, 'PATCH', `${url}&force=true`, body, options);
    },
  },
  {
    name: 'a ClusterRole bound in a namespace holds there alone; rules of several roles add up',
    source: `${RBAC}#rolebinding-and-clusterrolebinding`,
    async run(cluster) {
      const namespace = await cluster.namespace();
      const token = await reader(cluster, namespace, [LIST_MAPS]);
      const rbac = 'rbac.authorization.k8s.io';
      await cluster.must(201, 'POST', group(`${rbac}/v1`, namespace, 'rolebindings'), {
        apiVersion: `${rbac}/v1`,
        kind: 'RoleBinding',
        metadata: { name: 'view' },
        roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'view' },
        subjects: [{ kind: 'Group', apiGroup: rbac, name: `system:serviceaccounts:${namespace}` }],
      });
      const path = core(namespace, 'services');
      await cluster.until('the binding holds', async () => {
        return (await cluster.call('GET', path, undefined, { token })).status === 200;
      });
      await refused(cluster, 403, 'Forbidden', 'GET', core(namespace, 'secrets'), undefined, {
        token,
      });
      await refused(cluster, 403, 'Forbidden', 'GET', '/api/v1/services', undefined, { token });
    },
  },
  {
    name: 'nobody grants what he does not hold',
    source: `${RBAC}#privilege-escalation-prevention-and-bootstrapping`,
    async run(cluster) {
      const namespace = await cluster.namespace();
      const rbac = 'rbac.authorization.k8s.io';
      const make = { apiGroups: [rbac], resources: ['roles'], verbs: ['create'] };
      const token = await reader(cluster, namespace, [LIST_MAPS, make]);
      const path = group(`${rbac}/v1`, namespace, 'roles');
      const role = (name: string, rules: JsonObject[]) => ({
        apiVersion: `${rbac}/v1`,
        kind: 'Role',
        metadata: { name },
        rules,
      });
      const secrets = { apiGroups: [''], resources: ['secrets'], verbs: ['get'] };
      const body = role('more', [secrets]);
      const answer = await refused(cluster, 403, 'Forbidden', 'POST', path, body, { token });
      assert.match(answer.message, /is attempting to grant RBAC permissions not currently held:/);
      await cluster.must(201, 'POST', path, role('same', [LIST_MAPS]), { token });
    },
  },
  {
    name: 'the role of a binding cannot be changed',
    source: `${RBAC}#rolebinding-and-clusterrolebinding`,
    async run(cluster) {
      const namespace = await cluster.namespace();
      await reader(cluster, namespace, [LIST_MAPS]);
      const path = group('rbac.authorization.k8s.io/v1', namespace, 'rolebindings', 'reader');
      const patch = { roleRef: { name: 'other' } };
      const type = PATCH.merge;
      const answer = await refused(cluster, 422, 'Invalid', 'PATCH', path, patch, { type });
      assert.match(answer.message, /cannot change roleRef$/);
    },
  },
  {
    name: 'access can be asked about for oneself and for others',
    source: docs('reference/access-authn-authz/authorization/#checking-api-access'),
    async run(cluster) {
      const namespace = await cluster.namespace();
      const token = await reader(cluster, namespace, [LIST_MAPS]);
      const authorization = '/apis/authorization.k8s.io/v1';
      const asked = (resource: string, verb: string) => ({ namespace, verb, resource });
      const self = async (resource: string, verb: string) => {
        const path = `${authorization}/selfsubjectaccessreviews`;
        const spec = { resourceAttributes: asked(resource, verb) };
        const body = {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectAccessReview',
          spec,
        };
        return asObject((await cluster.must(201, 'POST', path, body, { token })).status).allowed;
      };
      assert.equal(await self('configmaps', 'list'), true);
      assert.equal(await self('configmaps', 'create'), false);
      assert.equal(await self('secrets', 'get'), false);
      const spec = {
        user: `system:serviceaccount:${namespace}:reader`,
        resourceAttributes: asked('configmaps', 'list'),
      };
      const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
      const path = `${authorization}/subjectaccessreviews`;
      const other = await cluster.must(201, 'POST', path, body);
      assert.equal(at(other, 'status', 'allowed'), true);
      await refused(cluster, 403, 'Forbidden', 'POST', path, body, { token });
    },
  },
  {
    name: 'one can ask who one is and what one may',
    source: docs('reference/access-authn-authz/authentication/#self-subject-review'),
    async run(cluster) {
      const namespace = await cluster.namespace();
      const token = await reader(cluster, namespace, [LIST_MAPS]);
      const authentication = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
      const who = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
      const answer = await cluster.must(201, 'POST', authentication, who, { token });
      assert.equal(
        at(answer, 'status', 'userInfo', 'username'),
        `system:serviceaccount:${namespace}:reader`,
      );
      const rules = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews';
      const what = {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectRulesReview',
        spec: { namespace },
      };
      const told = await cluster.must(201, 'POST', rules, what, { token });
      const held = asObjects(at(told, 'status', 'resourceRules'));
      assert.ok(
        held.some(({ resources, verbs }) => {
          return asStrings(resources).includes('configmaps') && asStrings(verbs).includes('list');
        }),
      );
    },
  },
];
