/**
 * A plan's input as a file: raw objects and catalogs, read by the production parsers.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { type Catalog, catalogCluster, catalogExport, exportKey } from '#core/catalog.ts';
import type { Resource } from '#kube/client.ts';
import { objectKey } from '#kube/parse.ts';
import {
  endpointSlices,
  links,
  namespaces,
  serviceExports,
  services,
  trafficPolicies,
} from '#kube/resources/builtin.ts';
import { trustHash } from '#kube/resources/link-hash.ts';
import type { KubeObject } from '#kube/types.ts';
import type { LinkState, PlanInput } from '#mirror/input.ts';
import { TEST_ROOT } from '../kube/support.ts';

const objects = z.array(z.record(z.string(), z.unknown())).default([]);
const catalog = z.object({
  cluster: z.record(z.string(), z.unknown()).default({}),
  exports: z.array(z.record(z.string(), z.unknown())).default([]),
  leftOut: z.record(z.string(), z.string()).optional(),
});
const state = z.object({
  connected: z.boolean(),
  peerVersion: z.string().optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
});

const world = z.strictObject({
  about: z.string(),
  cluster: z.string().default('west'),
  links: objects,
  catalogs: z.record(z.string(), catalog).default({}),
  /** By cluster; those left out were heard under the Link as it is. */
  heardUnder: z.record(z.string(), z.string()).default({}),
  withheld: z.record(z.string(), z.int()).default({}),
  /** Absent: every cluster with a catalog is connected. `null`: no gateway answers. */
  linkStates: z.record(z.string(), state).nullish(),
  services: objects,
  slices: objects,
  gateways: z.array(z.string()).default(['10.0.1.1', '10.0.1.2']),
  exports: objects,
  namespaces: z.array(z.string()).default(['shop']),
  policies: objects,
  refused: z.record(z.string(), z.string()).default({}),
  portRange: z.object({ min: z.int(), max: z.int() }).default({ min: 10_000, max: 32_767 }),
  restingPorts: z.record(z.string(), z.string()).default({}),
});

export type World = z.input<typeof world>;

export const NOW = '2026-01-02T03:04:05Z';

export function readWorld(path: string): World {
  return parse(readFileSync(path, 'utf8')) as World;
}

/** The input that `value` describes; `TEST_ROOT` stands for a certificate. */
export function inputOf(value: World): PlanInput {
  const text = JSON.stringify(value).replaceAll('"TEST_ROOT"', JSON.stringify(TEST_ROOT));
  const read = world.parse(JSON.parse(text));
  const catalogs = new Map(
    Object.entries(read.catalogs).map(([name, each]) => [name, catalogOf(name, each)]),
  );
  const connected: LinkState = { connected: true, peerVersion: undefined, error: undefined };
  const states = read.linkStates
    ? Object.entries(read.linkStates).map(
        ([name, each]) =>
          [name, { peerVersion: undefined, error: undefined, ...each } as LinkState] as const,
      )
    : [...catalogs.keys()].map((name) => [name, connected] as const);
  const linked = read.links.map((each) => links.parse(withNamespace(each, 'isthmus-system')));
  const heardUnder = new Map(
    linked.flatMap(({ spec }) => (spec === undefined ? [] : [[spec.clusterName, trustHash(spec)]])),
  );
  for (const [name, trust] of Object.entries(read.heardUnder)) heardUnder.set(name, trust);
  return {
    cluster: read.cluster,
    links: linked,
    catalogs,
    heardUnder,
    withheld: new Map(Object.entries(read.withheld)),
    linkStates: read.linkStates === null ? undefined : new Map(states),
    services: mapOf(services, read.services),
    slices: mapOf(endpointSlices, read.slices),
    gatewaySlices: [
      endpointSlices.parse({
        metadata: { name: 'isthmus-gateway-x', namespace: 'isthmus-system' },
        addressType: 'IPv4',
        endpoints: read.gateways.map((address) => ({ addresses: [address], nodeName: 'node-1' })),
      }),
    ],
    exports: mapOf(serviceExports, read.exports),
    namespaces: mapOf(
      namespaces,
      read.namespaces.map((name) => ({ metadata: { name } })),
    ),
    policies: mapOf(trafficPolicies, read.policies),
    refused: new Map(Object.entries(read.refused)),
    portRange: read.portRange,
    restingPorts: new Map(
      Object.entries(read.restingPorts).map(([port, owner]) => [Number(port), owner]),
    ),
    now: NOW,
  };
}

function catalogOf(name: string, value: z.infer<typeof catalog>): Catalog {
  const defaults = {
    createdAt: '2026-01-01T00:00:00Z',
    ports: [{ name: 'http', port: 8080 }],
    readyEndpoints: 3,
  };
  const exports = value.exports.map((each) => catalogExport.parse({ ...defaults, ...each }));
  return {
    position: { epoch: 'e', revision: 1, resourceVersions: {} },
    cluster: catalogCluster.parse({
      name,
      version: '0.1.0',
      trustBundle: TEST_ROOT,
      ...value.cluster,
    }),
    exports: new Map(exports.map((each) => [exportKey(each), each])),
    ...(value.leftOut === undefined ? {} : { leftOut: new Map(Object.entries(value.leftOut)) }),
  };
}

function mapOf<T extends KubeObject>(
  resource: Resource<T>,
  values: readonly Readonly<Record<string, unknown>>[],
): ReadonlyMap<string, T> {
  const parsed = values.map((each) => resource.parse(each));
  return new Map(parsed.map((each) => [objectKey(each), each]));
}

function withNamespace(value: Readonly<Record<string, unknown>>, namespace: string): unknown {
  return { ...value, metadata: { namespace, ...(value.metadata as object) } };
}

/**
 * The input after the actions of a plan: what an API server would hold. `counter` makes uids and times.
 */
export function applyPlan(
  input: PlanInput,
  actions: readonly import('#mirror/input.ts').Action[],
  counter: { next: number },
): PlanInput {
  const kinds = {
    Service: [new Map(input.services), services],
    EndpointSlice: [new Map(input.slices), endpointSlices],
    ServiceExport: [new Map(input.exports), serviceExports],
    Namespace: [new Map(input.namespaces), namespaces],
    Link: [new Map(input.links.map((each) => [objectKey(each), each])), links],
    TrafficPolicy: [new Map(input.policies), trafficPolicies],
  } as const;
  for (const action of actions) {
    const [store, resource] = kinds[action.kind] as unknown as [
      Map<string, KubeObject>,
      Resource<KubeObject>,
    ];
    if (action.do === 'delete') {
      store.delete(`${action.namespace}/${action.name}`);
      continue;
    }
    const key = objectKey(action.object);
    const known = store.get(key);
    if (action.do === 'status') {
      const { status } = action.object as KubeObject & { status: unknown };
      if (known) store.set(key, { ...known, status } as KubeObject);
      continue;
    }
    counter.next += 1;
    const owner =
      action.owner === undefined ? undefined : kinds.Service[0].get(action.owner)?.metadata.uid;
    const metadata = {
      uid: `uid-${counter.next}`,
      creationTimestamp: new Date(1_800_000_000_000 + counter.next * 1_000).toISOString(),
      ...known?.metadata,
      ...action.object.metadata,
      ...(owner === undefined
        ? {}
        : { ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name: 'x', uid: owner }] }),
    };
    store.set(key, resource.parse({ ...action.object, metadata }));
  }
  return {
    ...input,
    services: kinds.Service[0],
    slices: kinds.EndpointSlice[0],
    exports: kinds.ServiceExport[0],
    namespaces: kinds.Namespace[0],
    links: [...kinds.Link[0].values()],
    policies: kinds.TrafficPolicy[0],
  };
}
