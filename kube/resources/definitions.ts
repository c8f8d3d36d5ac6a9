/**
 * Every CustomResourceDefinition Isthmus installs; `manifests/generate.ts` writes them to files. pure
 */
import { API_GROUP, API_VERSION } from '#core/names.ts';
import { type CrdSource, type CrdVersion, crd, type PrinterColumn } from '../crd.ts';
import { linkSpec, linkStatus } from './link.ts';
import {
  serviceExportSpec,
  serviceExportStatus,
  serviceImportSpec,
  serviceImportStatus,
} from './mcs.ts';
import { trafficPolicySpec, trafficPolicyStatus } from './traffic-policy.ts';

const AGE: PrinterColumn = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
};

/** kubectl's view of one condition's status. */
function conditionColumn(name: string, type: string, priority = 0): PrinterColumn {
  return {
    name,
    type: 'string',
    jsonPath: `.status.conditions[?(@.type=="${type}")].status`,
    ...(priority === 0 ? {} : { priority }),
  };
}

const linkDefinition: CrdSource = {
  group: API_GROUP,
  plural: 'links',
  singular: 'link',
  kind: 'Link',
  shortNames: ['lnk'],
  versions: [
    {
      name: API_VERSION,
      served: true,
      storage: true,
      spec: linkSpec,
      specRequired: true,
      status: linkStatus,
      description:
        'A linked cluster, both directions: what is imported from it and exported to it.',
      columns: [
        { name: 'Cluster', type: 'string', jsonPath: '.spec.clusterName' },
        conditionColumn('Connected', 'Connected'),
        conditionColumn('Synced', 'CatalogSynced'),
        { name: 'Imported', type: 'integer', jsonPath: '.status.importedServices' },
        { name: 'Exported', type: 'integer', jsonPath: '.status.exportedServices' },
        conditionColumn('Trust', 'TrustCurrent', 1),
        { name: 'Version', type: 'string', jsonPath: '.status.peerVersion', priority: 1 },
        AGE,
      ],
    },
  ],
};

const MCS_LABELS = {
  'multicluster.x-k8s.io/release-version': 'v0.5.0',
  'multicluster.x-k8s.io/crd-schema-revision': '0',
};

/** v1alpha1 served, v1beta1 stored; the schema is the same. */
function mcsVersions(of: Omit<CrdVersion, 'name' | 'served' | 'storage'>): readonly CrdVersion[] {
  return [
    { ...of, name: 'v1alpha1', served: true, storage: false },
    { ...of, name: 'v1beta1', served: true, storage: true },
  ];
}

const exportDefinition: CrdSource = {
  group: 'multicluster.x-k8s.io',
  plural: 'serviceexports',
  singular: 'serviceexport',
  kind: 'ServiceExport',
  shortNames: ['svcex', 'svcexport'],
  labels: MCS_LABELS,
  versions: mcsVersions({
    spec: serviceExportSpec,
    specRequired: false,
    status: serviceExportStatus,
    description: 'Offers the Service of the same name and namespace to the other clusters.',
    columns: [
      conditionColumn('Valid', 'Valid'),
      conditionColumn('Ready', 'Ready'),
      conditionColumn('Conflict', 'Conflict'),
      AGE,
    ],
  }),
};

const importDefinition: CrdSource = {
  group: 'multicluster.x-k8s.io',
  plural: 'serviceimports',
  singular: 'serviceimport',
  kind: 'ServiceImport',
  shortNames: ['svcim', 'svcimport'],
  labels: MCS_LABELS,
  versions: mcsVersions({
    spec: serviceImportSpec,
    specRequired: false,
    status: serviceImportStatus,
    description: 'A service that some cluster of the set exports. Written by controllers only.',
    columns: [
      { name: 'Type', type: 'string', jsonPath: '.spec.type' },
      { name: 'IP', type: 'string', jsonPath: '.spec.ips' },
      AGE,
    ],
  }),
};

const trafficPolicyDefinition: CrdSource = {
  group: API_GROUP,
  plural: 'trafficpolicies',
  singular: 'trafficpolicy',
  kind: 'TrafficPolicy',
  shortNames: ['tpol'],
  // How tools find out that a kind is a policy (GEP-713).
  labels: { 'gateway.networking.k8s.io/policy': 'Direct' },
  versions: [
    {
      name: API_VERSION,
      served: true,
      storage: true,
      spec: trafficPolicySpec,
      specRequired: true,
      status: trafficPolicyStatus,
      description: 'How requests for a service are balanced, repeated and limited.',
      columns: [
        { name: 'Kind', type: 'string', jsonPath: '.spec.targetRefs[0].kind' },
        { name: 'Target', type: 'string', jsonPath: '.spec.targetRefs[0].name' },
        conditionColumn('Accepted', 'Accepted'),
        AGE,
      ],
    },
  ],
};

/** Every CRD, as objects. */
export function definitions(): readonly Readonly<Record<string, unknown>>[] {
  return [linkDefinition, exportDefinition, importDefinition, trafficPolicyDefinition].map(crd);
}
