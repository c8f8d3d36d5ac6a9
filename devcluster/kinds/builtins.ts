/**
 * The built-in resources, in one table.
 */

import type { ResourceDef, Rules, ScalePaths } from '../api/resources.ts';
import { field, METADATA_FIELDS } from '../api/selectors.ts';
import { qualified } from '../api/status.ts';
import { builtinSchema } from '../schema/builtin.ts';
import type { AddressPool } from './address-pool.ts';
import { COLUMNS, DEFAULT_COLUMNS } from './columns.ts';
import { crdRules } from './crd.ts';
import { endpointSliceRules } from './endpoint-slice.ts';
import { podRules } from './pod.ts';
import { serviceRules } from './service.ts';
import {
  bindingRules,
  configMapRules,
  eventFromCore,
  eventRules,
  eventToCore,
  leaseRules,
  namespaceRules,
  nodeRules,
  roleRules,
  secretRules,
  statusOnlyRules,
} from './simple.ts';
import { deploymentRules, replicaSetRules, statefulSetRules } from './workloads.ts';

const SCALE: ScalePaths = {
  spec: ['spec', 'replicas'],
  status: ['status', 'replicas'],
  selector: ['spec', 'selector'],
};
const WORKLOAD_FIELDS: Readonly<Record<string, readonly string[]>> = {
  'status.replicas': ['status', 'replicas'],
};

interface Entry {
  readonly kind: string;
  readonly plural: string;
  readonly model?: string;
  readonly short?: readonly string[];
  readonly all?: boolean;
  readonly cluster?: boolean;
  readonly rules?: Rules;
  readonly fields?: Readonly<Record<string, readonly string[]>>;
  readonly scale?: ScalePaths;
  readonly sub?: readonly string[];
  readonly review?: boolean;
}

const POD_FIELDS: Readonly<Record<string, readonly string[]>> = {
  'spec.nodeName': ['spec', 'nodeName'],
  'spec.restartPolicy': ['spec', 'restartPolicy'],
  'spec.schedulerName': ['spec', 'schedulerName'],
  'spec.serviceAccountName': ['spec', 'serviceAccountName'],
  'spec.hostNetwork': ['spec', 'hostNetwork'],
  'status.phase': ['status', 'phase'],
  'status.podIP': ['status', 'podIP'],
  'status.nominatedNodeName': ['status', 'nominatedNodeName'],
};

const EVENT_FIELDS: Readonly<Record<string, readonly string[]>> = {
  'involvedObject.kind': ['involvedObject', 'kind'],
  'involvedObject.namespace': ['involvedObject', 'namespace'],
  'involvedObject.name': ['involvedObject', 'name'],
  'involvedObject.uid': ['involvedObject', 'uid'],
  'involvedObject.apiVersion': ['involvedObject', 'apiVersion'],
  'involvedObject.resourceVersion': ['involvedObject', 'resourceVersion'],
  'involvedObject.fieldPath': ['involvedObject', 'fieldPath'],
  'regarding.kind': ['involvedObject', 'kind'],
  'regarding.namespace': ['involvedObject', 'namespace'],
  'regarding.name': ['involvedObject', 'name'],
  'regarding.uid': ['involvedObject', 'uid'],
  reason: ['reason'],
  reportingComponent: ['reportingComponent'],
  source: ['source', 'component'],
  type: ['type'],
};

function workload(kind: string, plural: string, short: string, rules: Rules): Entry {
  return { kind, plural, short: [short], all: true, rules, fields: WORKLOAD_FIELDS, scale: SCALE };
}

function coreGroup(pool: AddressPool): readonly Entry[] {
  return [
    { kind: 'ConfigMap', plural: 'configmaps', short: ['cm'], rules: configMapRules },
    { kind: 'Endpoints', plural: 'endpoints', short: ['ep'] },
    {
      kind: 'Event',
      plural: 'events',
      model: 'CoreV1Event',
      short: ['ev'],
      rules: eventRules,
      fields: EVENT_FIELDS,
    },
    {
      kind: 'Namespace',
      plural: 'namespaces',
      short: ['ns'],
      cluster: true,
      rules: namespaceRules,
      fields: { 'status.phase': ['status', 'phase'] },
      sub: ['finalize'],
    },
    {
      kind: 'Node',
      plural: 'nodes',
      short: ['no'],
      cluster: true,
      rules: nodeRules,
      fields: { 'spec.unschedulable': ['spec', 'unschedulable'] },
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
      fields: { type: ['type'] },
    },
    { kind: 'ServiceAccount', plural: 'serviceaccounts', short: ['sa'], sub: ['token'] },
    {
      kind: 'Service',
      plural: 'services',
      short: ['svc'],
      all: true,
      rules: serviceRules(pool),
      fields: { 'spec.clusterIP': ['spec', 'clusterIP'], 'spec.type': ['spec', 'type'] },
      sub: ['proxy'],
    },
  ];
}

const GROUPS: Readonly<Record<string, readonly Entry[]>> = {
  'apps/v1': [
    workload('Deployment', 'deployments', 'deploy', deploymentRules),
    workload('ReplicaSet', 'replicasets', 'rs', replicaSetRules),
    workload('StatefulSet', 'statefulsets', 'sts', statefulSetRules),
  ],
  'authentication.k8s.io/v1': [
    { kind: 'SelfSubjectReview', plural: 'selfsubjectreviews', cluster: true, review: true },
    { kind: 'TokenReview', plural: 'tokenreviews', cluster: true, review: true },
  ],
  'authorization.k8s.io/v1': [
    { kind: 'LocalSubjectAccessReview', plural: 'localsubjectaccessreviews', review: true },
    {
      kind: 'SelfSubjectAccessReview',
      plural: 'selfsubjectaccessreviews',
      cluster: true,
      review: true,
    },
    {
      kind: 'SelfSubjectRulesReview',
      plural: 'selfsubjectrulesreviews',
      cluster: true,
      review: true,
    },
    { kind: 'SubjectAccessReview', plural: 'subjectaccessreviews', cluster: true, review: true },
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
      fields: EVENT_FIELDS,
    },
  ],
  'networking.k8s.io/v1': [
    {
      kind: 'NetworkPolicy',
      plural: 'networkpolicies',
      short: ['netpol'],
      rules: { hasGeneration: true },
    },
  ],
  'policy/v1': [
    {
      kind: 'PodDisruptionBudget',
      plural: 'poddisruptionbudgets',
      short: ['pdb'],
      rules: statusOnlyRules,
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
    { kind: 'PriorityClass', plural: 'priorityclasses', short: ['pc'], cluster: true },
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
      ...Object.entries(entry.fields ?? {}).map(([name, path]) => [name, field(...path)] as const),
    ]),
    ...(entry.scale ? { scale: entry.scale } : {}),
    subresources,
    ...(entry.review ? { review: true } : {}),
    custom: false,
    ...(isForeignEvent ? { convert: { toStored: eventToCore, fromStored: eventFromCore } } : {}),
  };
}
