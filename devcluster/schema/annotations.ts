/**
 * How lists and maps of built-in kinds merge: patch keys, list types, atomic structures. pure
 *
 * The Kubernetes API documents these as `x-kubernetes-*` extensions beside each field; the models the
 * field table is generated from do not carry them, so they stand here, by type and field.
 */

/** `keys`: server-side apply; `mergeKey`: strategic merge patch. */
export interface ListRule {
  readonly type: 'set' | 'map';
  readonly keys?: readonly string[];
  readonly mergeKey?: string;
  readonly strategy?: string;
}

const set = (strategy?: string): ListRule =>
  strategy ? { type: 'set', strategy } : { type: 'set' };
const byKey = (key: string, strategy = 'merge'): ListRule => ({
  type: 'map',
  keys: [key],
  mergeKey: key,
  strategy,
});
const conditions = byKey('type');

/** Rules of list fields, by `Type.field`. A list that is not here is atomic. */
export const LIST_RULES: Readonly<Record<string, ListRule>> = {
  'V1ObjectMeta.finalizers': set('merge'),
  'V1ObjectMeta.ownerReferences': byKey('uid'),
  'V1PodSpec.containers': byKey('name'),
  'V1PodSpec.initContainers': byKey('name'),
  'V1PodSpec.ephemeralContainers': byKey('name'),
  'V1PodSpec.volumes': byKey('name', 'merge,retainKeys'),
  'V1PodSpec.imagePullSecrets': byKey('name'),
  'V1PodSpec.hostAliases': byKey('ip'),
  'V1PodSpec.schedulingGates': byKey('name'),
  'V1PodSpec.resourceClaims': byKey('name', 'merge,retainKeys'),
  'V1PodSpec.topologySpreadConstraints': {
    type: 'map',
    keys: ['topologyKey', 'whenUnsatisfiable'],
    mergeKey: 'topologyKey',
    strategy: 'merge',
  },
  'V1Container.env': byKey('name'),
  'V1Container.volumeMounts': byKey('mountPath'),
  'V1Container.volumeDevices': byKey('devicePath'),
  'V1Container.ports': {
    type: 'map',
    keys: ['containerPort', 'protocol'],
    mergeKey: 'containerPort',
    strategy: 'merge',
  },
  'V1EphemeralContainer.env': byKey('name'),
  'V1EphemeralContainer.volumeMounts': byKey('mountPath'),
  'V1EphemeralContainer.volumeDevices': byKey('devicePath'),
  'V1EphemeralContainer.ports': {
    type: 'map',
    keys: ['containerPort', 'protocol'],
    mergeKey: 'containerPort',
    strategy: 'merge',
  },
  'V1PodStatus.conditions': conditions,
  'V1PodStatus.podIPs': byKey('ip'),
  'V1ServiceSpec.ports': {
    type: 'map',
    keys: ['port', 'protocol'],
    mergeKey: 'port',
    strategy: 'merge',
  },
  'V1ServiceStatus.conditions': conditions,
  'V1NodeSpec.podCIDRs': set('merge'),
  'V1NodeStatus.addresses': byKey('type'),
  'V1NodeStatus.conditions': conditions,
  'V1NamespaceStatus.conditions': conditions,
  'V1DeploymentStatus.conditions': conditions,
  'V1ReplicaSetStatus.conditions': conditions,
  'V1StatefulSetStatus.conditions': conditions,
  'V1ServiceAccount.secrets': byKey('name'),
  'V1Endpoint.addresses': set(),
  'V1PodDisruptionBudgetStatus.conditions': conditions,
  'V1CustomResourceDefinitionStatus.conditions': { type: 'map', keys: ['type'] },
};

/** Structures and maps owned as a whole, by type or by `Type.field`. */
export const ATOMIC: ReadonlySet<string> = new Set([
  'V1LabelSelector',
  'V1ObjectReference',
  'V1LocalObjectReference',
  'V1TypedLocalObjectReference',
  'V1OwnerReference',
  'V1NodeSelector',
  'V1NodeSelectorTerm',
  'V1ObjectFieldSelector',
  'V1ResourceFieldSelector',
  'V1SecretKeySelector',
  'V1ConfigMapKeySelector',
  'V1FileKeySelector',
  'V1ScopeSelector',
  'V1RoleRef',
  'V1Subject',
  'V1ResourceClaim',
  'V1ServiceSpec.selector',
  'V1PodSpec.nodeSelector',
  'V1ServiceReference',
]);

/** Structures of which a strategic merge patch keeps only the keys it names. */
export const RETAIN_KEYS: ReadonlySet<string> = new Set(['V1DeploymentSpec.strategy']);

/** Defaults of key fields, which server-side apply needs to tell list items apart. */
export const KEY_DEFAULTS: Readonly<Record<string, string>> = {
  'V1ContainerPort.protocol': 'TCP',
  'V1ServicePort.protocol': 'TCP',
};

/** Fields, or maps of them, that hold a `resource.Quantity`; the models call it a string. */
export const QUANTITIES: ReadonlySet<string> = new Set([
  'V1ResourceRequirements.limits',
  'V1ResourceRequirements.requests',
  'V1VolumeResourceRequirements.limits',
  'V1VolumeResourceRequirements.requests',
  'V1EmptyDirVolumeSource.sizeLimit',
  'V1ResourceFieldSelector.divisor',
  'V1PodSpec.overhead',
  'V1NodeStatus.allocatable',
  'V1NodeStatus.capacity',
]);
