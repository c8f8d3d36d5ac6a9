/**
 * Whom a request counts as: credentials of every kind, and impersonation.
 */
import assert from 'node:assert/strict';
import { asObject, asString, asStrings, at, type JsonObject } from '#devcluster/values/json.ts';
import { type ContractCase, docs } from '../case.ts';
import { type CaseCluster, metaOf } from '../cluster.ts';
import { core, refused } from '../kit.ts';

const IMPERSONATION = docs('reference/access-authn-authz/user-impersonation/');
const SELF = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
const REVIEW = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };

/** Who the administrator is with `headers`. */
async function whoIs(
  cluster: CaseCluster,
  headers: Readonly<Record<string, string>>,
): Promise<JsonObject> {
  const answer = await cluster.must(201, 'POST', SELF, REVIEW, { headers });
  return asObject(at(answer, 'status', 'userInfo'));
}

export const callers: readonly ContractCase[] = [
  {
    name: 'credentials of a kind that the server does not read are none',
    source: docs('reference/access-authn-authz/authentication/#anonymous-requests'),
    async run(cluster) {
      const headers = { authorization: 'Basic Zm9vOmJhcg==' };
      const options = { token: '', headers };
      await cluster.must(200, 'GET', '/version', undefined, options);
      const pods = core('default', 'pods');
      const { message, details } = await refused(
        cluster,
        403,
        'Forbidden',
        'GET',
        pods,
        undefined,
        options,
      );
      assert.match(message, /^pods is forbidden: User "system:anonymous" cannot list resource/);
      assert.deepEqual(details, { kind: 'pods' });
    },
  },
  {
    name: 'whoever may impersonate says user, uid, groups and more of whom he speaks for',
    source: IMPERSONATION,
    async run(cluster) {
      const bob = await whoIs(cluster, {
        'Impersonate-User': 'bob',
        'Impersonate-Uid': '7',
        'Impersonate-Group': 'developers',
        'Impersonate-Extra-Example.com%2fScopes': 'view',
      });
      assert.deepEqual(bob, {
        username: 'bob',
        uid: '7',
        groups: ['developers', 'system:authenticated'],
        extra: { 'example.com/scopes': ['view'] },
      });
      const nobody = { headers: { 'Impersonate-User': 'system:anonymous' } };
      await refused(cluster, 403, 'Forbidden', 'POST', SELF, REVIEW, nobody);
      const account = 'system:serviceaccount:default:default';
      const own = await whoIs(cluster, { 'Impersonate-User': account });
      assert.deepEqual(asStrings(own.groups).sort(), [
        'system:authenticated',
        'system:serviceaccounts',
        'system:serviceaccounts:default',
      ]);
      const others = { 'Impersonate-User': account, 'Impersonate-Group': 'others' };
      assert.deepEqual((await whoIs(cluster, others)).groups, ['others', 'system:authenticated']);
    },
  },
  {
    name: 'nobody else impersonates, and groups are no user',
    source: IMPERSONATION,
    async run(cluster) {
      const headers = { 'Impersonate-User': 'bob' };
      const answer = await refused(cluster, 403, 'Forbidden', 'POST', SELF, REVIEW, {
        token: '',
        headers,
      });
      assert.match(answer.message, /User "system:anonymous" cannot impersonate resource "users"/);
      const group = await cluster.call('POST', SELF, REVIEW, {
        headers: { 'Impersonate-Group': 'developers' },
      });
      assert.equal(group.status, 500, group.text);
    },
  },
  {
    name: 'the answer to who one is has a time, as what is created has',
    source: docs('reference/access-authn-authz/authentication/#self-subject-review'),
    async run(cluster) {
      const answer = await cluster.must(201, 'POST', SELF, REVIEW);
      assert.match(asString(metaOf(answer).creationTimestamp), /^\d{4}-\d\d-\d\dT[\d:]+Z$/);
    },
  },
];
