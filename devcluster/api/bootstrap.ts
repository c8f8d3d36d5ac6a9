/**
 * What every cluster holds from the start: namespaces, Nodes, the default RBAC policy, Service `kubernetes`.
 */
import { LABEL_SERVICE_NAME } from '#core/names.ts';
import type { JsonObject } from '../values/json.ts';
import { ApiError } from '../values/status.ts';
import type { Objects } from './objects.ts';
import type { Registry } from './registry.ts';

const RBAC = 'rbac.authorization.k8s.io/v1';
const READ = ['get', 'list', 'watch'];
const WRITE = ['create', 'delete', 'deletecollection', 'patch', 'update'];
const MANAGER = 'kube-apiserver';

interface Facts {
  readonly registry: Registry;
  readonly objects: Objects;
  readonly cluster: string;
  /** First address of the Service range. */
  readonly kubernetesIp: string;
  readonly apiServer: { readonly host: string; readonly port: number };
}

/** Creates everything. */
export function bootstrap(facts: Facts): void {
  const put = (apiVersion: string, kind: string, body: JsonObject, namespace = '') => {
    const def = facts.registry.findKind(apiVersion, kind);
    if (!def) throw new ApiError(500, 'InternalError', `no resource for ${kind}`);
    return facts.objects.create(def, namespace, body, { manager: MANAGER });
  };
  for (const name of ['kube-system', 'default', 'kube-public', 'kube-node-lease']) {
    put('v1', 'Namespace', { metadata: { name } });
  }
  for (const role of ['pods', 'processes']) {
    const name = `${facts.cluster}-${role}`;
    put('v1', 'Node', {
      metadata: {
        name,
        labels: {
          'kubernetes.io/arch': 'amd64',
          'kubernetes.io/hostname': name,
          'kubernetes.io/os': 'linux',
        },
      },
    });
  }
  // pkg/apis/scheduling/v1/helpers.go.
  for (const [name, value] of [
    ['system-node-critical', 2_000_001_000],
    ['system-cluster-critical', 2_000_000_000],
  ] as const) {
    put('scheduling.k8s.io/v1', 'PriorityClass', { metadata: { name }, value });
  }
  for (const [name, rules] of Object.entries(CLUSTER_ROLES)) {
    put(RBAC, 'ClusterRole', { metadata: { name, labels: BOOTSTRAP }, rules });
  }
  for (const [name, groups] of Object.entries(BINDINGS)) {
    put(RBAC, 'ClusterRoleBinding', {
      metadata: { name, labels: BOOTSTRAP },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: groups.map((group) => ({ kind: 'Group', name: group })),
    });
  }
  const labels = { component: 'apiserver', provider: 'kubernetes' };
  put(
    'v1',
    'Service',
    {
      metadata: { name: 'kubernetes', labels },
      spec: {
        clusterIP: facts.kubernetesIp,
        ports: [{ name: 'https', port: 443, targetPort: facts.apiServer.port }],
      },
    },
    'default',
  );
  put(
    'discovery.k8s.io/v1',
    'EndpointSlice',
    {
      metadata: { name: 'kubernetes', labels: { [LABEL_SERVICE_NAME]: 'kubernetes' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [facts.apiServer.host], conditions: { ready: true } }],
      ports: [{ name: 'https', port: facts.apiServer.port, protocol: 'TCP' }],
    },
    'default',
  );
}

const BOOTSTRAP = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };

const BINDINGS: Readonly<Record<string, readonly string[]>> = {
  'cluster-admin': ['system:masters'],
  'system:basic-user': ['system:authenticated'],
  'system:discovery': ['system:authenticated'],
  'system:public-info-viewer': ['system:authenticated', 'system:unauthenticated'],
  'system:service-account-issuer-discovery': ['system:serviceaccounts'],
};

const VIEWED = [
  'configmaps',
  'endpoints',
  'events',
  'namespaces',
  'pods',
  'pods/log',
  'pods/status',
  'serviceaccounts',
  'services',
];
const WORKLOADS = [
  'deployments',
  'deployments/scale',
  'replicasets',
  'replicasets/scale',
  'statefulsets',
  'statefulsets/scale',
];

function rule(
  apiGroup: string,
  resources: readonly string[],
  verbs: readonly string[],
): JsonObject {
  return { apiGroups: [apiGroup], resources: [...resources], verbs: [...verbs] };
}

const VIEW = [
  rule('', VIEWED, READ),
  rule('apps', WORKLOADS, READ),
  rule('discovery.k8s.io', ['endpointslices'], READ),
  rule('networking.k8s.io', ['networkpolicies'], READ),
  rule('policy', ['poddisruptionbudgets'], READ),
];
const EDIT = [
  ...VIEW,
  rule('', ['secrets'], [...READ, ...WRITE]),
  rule('', ['configmaps', 'pods', 'serviceaccounts', 'services'], WRITE),
  rule('apps', WORKLOADS, WRITE),
  rule('networking.k8s.io', ['networkpolicies'], WRITE),
  rule('coordination.k8s.io', ['leases'], [...READ, ...WRITE]),
];
const ADMIN = [
  ...EDIT,
  rule('rbac.authorization.k8s.io', ['rolebindings', 'roles'], [...READ, ...WRITE]),
  rule('authorization.k8s.io', ['localsubjectaccessreviews'], ['create']),
];

const CLUSTER_ROLES: Readonly<Record<string, JsonObject[]>> = {
  'cluster-admin': [
    { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
    { nonResourceURLs: ['*'], verbs: ['*'] },
  ],
  admin: ADMIN,
  edit: EDIT,
  view: VIEW,
  'system:auth-delegator': [
    rule('authentication.k8s.io', ['tokenreviews'], ['create']),
    rule('authorization.k8s.io', ['subjectaccessreviews'], ['create']),
  ],
  'system:basic-user': [
    rule(
      'authorization.k8s.io',
      ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
      ['create'],
    ),
    rule('authentication.k8s.io', ['selfsubjectreviews'], ['create']),
  ],
  'system:discovery': [
    {
      nonResourceURLs: [
        '/api',
        '/api/*',
        '/apis',
        '/apis/*',
        '/healthz',
        '/livez',
        '/openapi',
        '/openapi/*',
        '/readyz',
        '/version',
        '/version/',
      ],
      verbs: ['get'],
    },
  ],
  'system:service-account-issuer-discovery': [
    {
      nonResourceURLs: ['/.well-known/openid-configuration', '/openid/v1/jwks'],
      verbs: ['get'],
    },
  ],
  'system:public-info-viewer': [
    {
      nonResourceURLs: ['/healthz', '/livez', '/readyz', '/version', '/version/'],
      verbs: ['get'],
    },
  ],
};
