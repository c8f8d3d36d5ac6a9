/**
 * Columns of `kubectl get` for the built-in kinds, as k8s.io/kubernetes/pkg/printers/internalversion prints them. pure
 */
import {
  asList,
  asNumber,
  asObject,
  asObjects,
  asString,
  at,
  conditionOf,
  type Json,
  type JsonObject,
} from '../values/json.ts';
import { AGE, ageOf, type Cell, column, NAME, wide } from './column.ts';
import { POD } from './columns-pod.ts';
import { ENDPOINTS, SERVICE, SLICE } from './columns-service.ts';
import type { Column } from './resources.ts';
import { selectorText } from './selectors.ts';

const CREATED_AT = column('Created At', (object) =>
  asString(at(object, 'metadata', 'creationTimestamp')),
);

const templateOf = (object: JsonObject) => asObject(at(object, 'spec', 'template', 'spec'));
const CONTAINERS = wide('Containers', (object) =>
  asObjects(templateOf(object).containers)
    .map((item) => asString(item.name))
    .join(','),
);
const IMAGES = wide('Images', (object) =>
  asObjects(templateOf(object).containers)
    .map((item) => asString(item.image))
    .join(','),
);
const SELECTOR = wide('Selector', (object) =>
  selectorText(asObject(at(object, 'spec', 'selector'))),
);
const number = (...path: string[]): Cell => {
  return (object) => asNumber(at(object, ...path));
};

const NODE: readonly Column[] = [
  NAME,
  column('Status', (node) => {
    const ready = conditionOf(node, 'Ready')?.status === 'True' ? 'Ready' : 'NotReady';
    return at(node, 'spec', 'unschedulable') === true ? `${ready},SchedulingDisabled` : ready;
  }),
  column('Roles', () => '<none>'),
  AGE,
  column('Version', (node) => asString(at(node, 'status', 'nodeInfo', 'kubeletVersion'))),
  wide('Internal-IP', (node) => {
    const addresses = asObjects(at(node, 'status', 'addresses'));
    return asString(addresses.find((item) => item.type === 'InternalIP')?.address) || '<none>';
  }),
  wide('External-IP', () => '<none>'),
  wide('OS-Image', (node) => asString(at(node, 'status', 'nodeInfo', 'osImage'))),
  wide('Kernel-Version', (node) => asString(at(node, 'status', 'nodeInfo', 'kernelVersion'))),
  wide('Container-Runtime', (node) =>
    asString(at(node, 'status', 'nodeInfo', 'containerRuntimeVersion')),
  ),
];

const EVENT: readonly Column[] = [
  column('Last Seen', (event, nowMs) =>
    ageOf(
      event.lastTimestamp ?? event.eventTime ?? at(event, 'metadata', 'creationTimestamp'),
      nowMs,
    ),
  ),
  column('Type', (event) => asString(event.type)),
  column('Reason', (event) => asString(event.reason)),
  column('Object', (event) => {
    const object = asObject(event.involvedObject);
    return `${asString(object.kind).toLowerCase()}/${asString(object.name)}`;
  }),
  wide('Subobject', (event) => asString(at(event, 'involvedObject', 'fieldPath'))),
  wide('Source', (event) =>
    [asString(at(event, 'source', 'component')), asString(at(event, 'source', 'host'))]
      .filter((part) => part !== '')
      .join(', '),
  ),
  column('Message', (event) => asString(event.message).trim()),
  wide('First Seen', (event, nowMs) =>
    ageOf(event.firstTimestamp ?? at(event, 'metadata', 'creationTimestamp'), nowMs),
  ),
  wide('Count', (event) => String(asNumber(event.count, 1))),
  { ...wide('Name', (event) => asString(at(event, 'metadata', 'name'))), format: 'name' },
];

function subjects(kind: string): Cell {
  return (binding) =>
    asObjects(binding.subjects)
      .filter((item) => item.kind === kind)
      .map((item) => {
        const namespace = asString(item.namespace);
        return namespace === '' ? asString(item.name) : `${namespace}/${asString(item.name)}`;
      })
      .join(', ');
}

const BINDING: readonly Column[] = [
  NAME,
  column('Role', (binding) => {
    const role = asObject(binding.roleRef);
    return `${asString(role.kind)}/${asString(role.name)}`;
  }),
  AGE,
  wide('Users', subjects('User')),
  wide('Groups', subjects('Group')),
  wide('ServiceAccounts', subjects('ServiceAccount')),
];

const orNone = (value: Json | undefined) => (value === undefined ? 'N/A' : String(value));

/** Columns by `<plural>.<group>`. */
export const COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  pods: POD,
  services: SERVICE,
  endpoints: ENDPOINTS,
  nodes: NODE,
  events: EVENT,
  'events.events.k8s.io': EVENT,
  'endpointslices.discovery.k8s.io': SLICE,
  namespaces: [NAME, column('Status', (object) => asString(at(object, 'status', 'phase'))), AGE],
  configmaps: [
    NAME,
    column(
      'Data',
      (object) =>
        Object.keys(asObject(object.data)).length + Object.keys(asObject(object.binaryData)).length,
      'integer',
    ),
    AGE,
  ],
  secrets: [
    NAME,
    column('Type', (object) => asString(object.type)),
    column('Data', (object) => Object.keys(asObject(object.data)).length, 'integer'),
    AGE,
  ],
  serviceaccounts: [
    NAME,
    column('Secrets', (object) => asList(object.secrets).length, 'integer'),
    AGE,
  ],
  'deployments.apps': [
    NAME,
    column(
      'Ready',
      (object) =>
        `${asNumber(at(object, 'status', 'readyReplicas'))}/${asNumber(at(object, 'spec', 'replicas'))}`,
    ),
    column('Up-to-date', number('status', 'updatedReplicas'), 'integer'),
    column('Available', number('status', 'availableReplicas'), 'integer'),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
  ],
  'replicasets.apps': [
    NAME,
    column('Desired', number('spec', 'replicas'), 'integer'),
    column('Current', number('status', 'replicas'), 'integer'),
    column('Ready', number('status', 'readyReplicas'), 'integer'),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
  ],
  'statefulsets.apps': [
    NAME,
    column(
      'Ready',
      (object) =>
        `${asNumber(at(object, 'status', 'readyReplicas'))}/${asNumber(at(object, 'spec', 'replicas'))}`,
    ),
    AGE,
    CONTAINERS,
    IMAGES,
  ],
  'leases.coordination.k8s.io': [
    NAME,
    column('Holder', (object) => asString(at(object, 'spec', 'holderIdentity'))),
    AGE,
  ],
  'roles.rbac.authorization.k8s.io': [NAME, CREATED_AT],
  'clusterroles.rbac.authorization.k8s.io': [NAME, CREATED_AT],
  'rolebindings.rbac.authorization.k8s.io': BINDING,
  'clusterrolebindings.rbac.authorization.k8s.io': BINDING,
  'customresourcedefinitions.apiextensions.k8s.io': [NAME, CREATED_AT],
  'networkpolicies.networking.k8s.io': [
    NAME,
    column('Pod-Selector', (object) => {
      const text = selectorText(asObject(at(object, 'spec', 'podSelector')));
      return text || '<none>';
    }),
    AGE,
  ],
  'poddisruptionbudgets.policy': [
    NAME,
    column('Min Available', (object) => orNone(at(object, 'spec', 'minAvailable'))),
    column('Max Unavailable', (object) => orNone(at(object, 'spec', 'maxUnavailable'))),
    column('Allowed Disruptions', number('status', 'disruptionsAllowed'), 'integer'),
    AGE,
  ],
  'priorityclasses.scheduling.k8s.io': [
    NAME,
    column('Value', (object) => asNumber(object.value), 'integer'),
    column('Global-Default', (object) => object.globalDefault === true, 'boolean'),
    AGE,
  ],
};
