/**
 * The built-in resources, in one table.
 */

import { builtinSchema } from '../schema/builtin.ts';
import type { JsonObject } from '../values/json.ts';
import { qualified } from '../values/status.ts';
import type { AddressPool } from './address-pool.ts';
import { DEFAULT_COLUMNS } from './column.ts';
import { COLUMNS } from './columns.ts';
import { configMapRules, secretRules } from './config.ts';
import { crdRules } from './crd-rules.ts';
import { endpointSliceRules, endpointsRules } from './endpoint-slice.ts';
import { eventFromCore, eventRules, eventToCore } from './event.ts';
import { leaseRules } from './lease.ts';
import { namespaceRules } from './namespace.ts';
import { podRules } from './pod.ts';
import { budgetRules, networkPolicyRules, priorityClassRules } from './policies.ts';
import { bindingRules, roleRules } from './rbac.ts';
import type { ResourceDef, Rules, ScalePaths } from './resources.ts';
import { field, METADATA_FIELDS } from './selectors.ts';
import { serviceRules } from './service.ts';
import { deploymentRules, replicaSetRules, statefulSetRules } from './workloads.ts';

const SCALE: ScalePaths = {
  spec: ['spec', 'replicas'],
  status: ['status', 'replicas'],
  selector: ['spec', 'selector'],
};
/** What a selector reads where a field is not set: the zero value of its type, as text. */
const UNSET: Readonly<Record<string, string>> = {
  'spec.hostNetwork': 'false',
  'spec.unschedulable': 'false',
  'status.replicas': '0',
};

type Fields = Readonly<Record<string, readonly (readonly string[])[]>>;

interface Entry {
  readonly kind: string;
  readonly plural: string;
  readonly model?: string;
  readonly short?: readonly string[];
  readonly all?: boolean;
  readonly cluster?: boolean;
  readonly rules?: Rules;
  /** What it can be selected by, beside name and namespace: paths, the first of which that is set counts. */
  readonly fields?: Fields;
  readonly scale?: ScalePaths;
  readonly sub?: readonly string[];
  readonly postOnly?: boolean;
  readonly noDeleteCollection?: boolean;
  readonly deprecation?: { readonly since: number; readonly text: string };
}

/** As the page "Field Selectors" lists them, and conversion.go in pkg/apis/core/v1, apps/v1 and events/v1. */
const POD_FIELDS = fieldsOf(
  'spec.nodeName',
  'spec.restartPolicy',
  'spec.schedulerName',
  'spec.serviceAccountName',
  'spec.hostNetwork',
  'status.phase',
  'status.podIP',
  'status.nominatedNodeName',
);

const ABOUT = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];

/** Both APIs of events keep them in the form of the core group; each is asked in words of its own. */
function eventFields(about: string, reporter: string): Fields {
  return {
    ...Object.fromEntries(ABOUT.map((key) => [`${about}.${key}`, [['involvedObject', key]]])),
    ...fieldsOf('reason', 'type'),
    [reporter]: [['reportingComponent']],
  };
}

const CORE_EVENT_FIELDS: Fields = {
  ...eventFields('involvedObject', 'reportingComponent'),
  source: [['source', 'component'], ['reportingComponent']],
};

function fieldsOf(...names: string[]): Fields {
  return Object.fromEntries(names.map((name) => [name, [name.split('.')]]));
}

function workload(kind: string, plural: string, short: string, rules: Rules): Entry {
  return { kind, plural, short: [short], all: true, rules, scale: SCALE };
}

function coreGroup(pool: AddressPool): readonly Entry[] {
  return [
    { kind: 'Binding', plural: 'bindings', postOnly: true },
    { kind: 'ConfigMap', plural: 'configmaps', short: ['cm'], rules: configMapRules },
    {
      kind: 'Endpoints',
      plural: 'endpoints',
      short: ['ep'],
      rules: endpointsRules,
      deprecation: {
        since: 33,
        text: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
      },
    },
    {
      kind: 'Event',
      plural: 'events',
      model: 'CoreV1Event',
      short: ['ev'],
      rules: eventRules,
      fields: CORE_EVENT_FIELDS,
    },
    {
      kind: 'Namespace',
      plural: 'namespaces',
      short: ['ns'],
      cluster: true,
      rules: namespaceRules,
      fields: fieldsOf('status.phase'),
      sub: ['finalize'],
      noDeleteCollection: true,
    },
    {
      kind: 'Node',
      plural: 'nodes',
      short: ['no'],
      cluster: true,
      rules: { hasStatus: true },
      fields: fieldsOf('spec.unschedulable'),
    },
    {
      kind: 'Pod',
      plural: 'pods',
      short: ['po'],
      all: true,
      rules: podRules,
      fields: POD_FIELDS,
      sub: ['attach', 'binding', 'eviction', 'exec', 'log', 'portforward', 'proxy'],
    },
    {
      kind: 'Secret',
      plural: 'secrets',
      rules: secretRules,
      fields: fieldsOf('type'),
    },
    { kind: 'ServiceAccount', plural: 'serviceaccounts', short: ['sa'], sub: ['token'] },
    {
      kind: 'Service',
      plural: 'services',
      short: ['svc'],
      all: true,
      rules: serviceRules(pool),
      fields: fieldsOf('spec.clusterIP', 'spec.type'),
      sub: ['proxy'],
    },
  ];
}

const GROUPS: Readonly<Record<string, readonly Entry[]>> = {
  'apps/v1': [
    workload('Deployment', 'deployments', 'deploy', deploymentRules),
    {
      ...workload('ReplicaSet', 'replicasets', 'rs', replicaSetRules),
      fields: fieldsOf('status.replicas'),
    },
    workload('StatefulSet', 'statefulsets', 'sts', statefulSetRules),
  ],
  'authentication.k8s.io/v1': [
    { kind: 'SelfSubjectReview', plural: 'selfsubjectreviews', cluster: true, postOnly: true },
    { kind: 'TokenReview', plural: 'tokenreviews', cluster: true, postOnly: true },
  ],
  'authorization.k8s.io/v1': [
    { kind: 'LocalSubjectAccessReview', plural: 'localsubjectaccessreviews', postOnly: true },
    {
      kind: 'SelfSubjectAccessReview',
      plural: 'selfsubjectaccessreviews',
      cluster: true,
      postOnly: true,
    },
    {
      kind: 'SelfSubjectRulesReview',
      plural: 'selfsubjectrulesreviews',
      cluster: true,
      postOnly: true,
    },
    { kind: 'SubjectAccessReview', plural: 'subjectaccessreviews', cluster: true, postOnly: true },
  ],
  'apiextensions.k8s.io/v1': [
    {
      kind: 'CustomResourceDefinition',
      plural: 'customresourcedefinitions',
      short: ['crd', 'crds'],
      cluster: true,
      rules: crdRules,
    },
  ],
  'coordination.k8s.io/v1': [{ kind: 'Lease', plural: 'leases', rules: leaseRules }],
  'discovery.k8s.io/v1': [
    { kind: 'EndpointSlice', plural: 'endpointslices', rules: endpointSliceRules },
  ],
  'events.k8s.io/v1': [
    {
      kind: 'Event',
      plural: 'events',
      model: 'EventsV1Event',
      short: ['ev'],
      rules: eventRules,
      fields: eventFields('regarding', 'reportingController'),
    },
  ],
  'networking.k8s.io/v1': [
    {
      kind: 'NetworkPolicy',
      plural: 'networkpolicies',
      short: ['netpol'],
      rules: networkPolicyRules,
    },
  ],
  'policy/v1': [
    {
      kind: 'PodDisruptionBudget',
      plural: 'poddisruptionbudgets',
      short: ['pdb'],
      rules: budgetRules,
    },
  ],
  'rbac.authorization.k8s.io/v1': [
    {
      kind: 'ClusterRoleBinding',
      plural: 'clusterrolebindings',
      cluster: true,
      rules: bindingRules,
    },
    { kind: 'ClusterRole', plural: 'clusterroles', cluster: true, rules: roleRules },
    { kind: 'RoleBinding', plural: 'rolebindings', rules: bindingRules },
    { kind: 'Role', plural: 'roles', rules: roleRules },
  ],
  'scheduling.k8s.io/v1': [
    {
      kind: 'PriorityClass',
      plural: 'priorityclasses',
      short: ['pc'],
      cluster: true,
      rules: priorityClassRules,
    },
  ],
};

/** Every built-in resource; Services take their addresses from `pool`. */
export function builtinResources(pool: AddressPool): ResourceDef[] {
  return Object.entries({ '/v1': coreGroup(pool), ...GROUPS }).flatMap(
    ([groupVersion, entries]) => {
      const [group = '', version = ''] = groupVersion.split('/');
      return entries.map((entry) => define(group, version, entry));
    },
  );
}

function define(group: string, version: string, entry: Entry): ResourceDef {
  const { kind, plural } = entry;
  const rules = entry.rules ?? {};
  const isForeignEvent = group === 'events.k8s.io';
  const subresources = [
    ...(rules.hasStatus ? ['status'] : []),
    ...(entry.scale ? ['scale'] : []),
    ...(entry.sub ?? []),
  ];
  return {
    group,
    version,
    plural,
    singular: kind.toLowerCase(),
    kind,
    listKind: `${kind}List`,
    shortNames: entry.short ?? [],
    categories: entry.all ? ['all'] : [],
    namespaced: entry.cluster !== true,
    storage: isForeignEvent ? 'events' : qualified(group, plural),
    schema: builtinSchema(entry.model ?? `V1${kind}`),
    columns: COLUMNS[qualified(group, plural)] ?? DEFAULT_COLUMNS,
    rules,
    fields: new Map([
      ...METADATA_FIELDS,
      ...Object.entries(entry.fields ?? {}).map(([name, paths]) => {
        const readers = paths.map((path) => field(...path));
        const read = (object: JsonObject) =>
          readers.map((each) => each(object)).find((text) => text !== '') ?? UNSET[name] ?? '';
        return [name, read] as const;
      }),
    ]),
    ...(entry.scale ? { scale: entry.scale } : {}),
    subresources,
    ...(entry.postOnly ? { postOnly: true } : {}),
    ...(entry.noDeleteCollection ? { noDeleteCollection: true } : {}),
    ...(entry.deprecation ? { deprecation: entry.deprecation } : {}),
    custom: false,
    ...(isForeignEvent ? { convert: { toStored: eventToCore, fromStored: eventFromCore } } : {}),
  };
}
