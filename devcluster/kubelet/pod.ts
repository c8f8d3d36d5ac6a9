/**
 * Pods as the kubelet reads them: the parts of a spec that a process can be started from. pure
 */
import { z } from 'zod';
import type { Resource } from '#kube/client.ts';
import { FieldError } from '#kube/parse.ts';
import type { ConfigMap, KubeObject } from '#kube/types.ts';

const keyRef = z.object({
  name: z.string(),
  key: z.string(),
  optional: z.boolean().default(false),
});

const environmentVariable = z.object({
  name: z.string(),
  value: z.string().optional(),
  valueFrom: z
    .object({
      fieldRef: z.object({ fieldPath: z.string() }).optional(),
      configMapKeyRef: keyRef.optional(),
    })
    .optional(),
});

const items = z.array(z.object({ key: z.string(), path: z.string() })).optional();
const configMapSource = z.object({
  name: z.string(),
  items,
  optional: z.boolean().default(false),
});
const tokenSource = z.object({
  path: z.string(),
  audience: z.string().optional(),
  expirationSeconds: z.int().default(3_600),
});

const downwardSource = z.object({
  items: z.array(z.object({ path: z.string(), fieldRef: z.object({ fieldPath: z.string() }) })),
});

const volume = z.object({
  name: z.string(),
  configMap: configMapSource.optional(),
  projected: z
    .object({
      sources: z.array(
        z.object({
          serviceAccountToken: tokenSource.optional(),
          configMap: configMapSource.optional(),
          downwardAPI: downwardSource.optional(),
        }),
      ),
    })
    .optional(),
});

const probe = z.object({
  httpGet: z
    .object({ path: z.string().default('/'), port: z.union([z.int(), z.string()]) })
    .optional(),
  periodSeconds: z.number().default(10),
  timeoutSeconds: z.number().default(1),
  failureThreshold: z.int().default(3),
});

const container = z.object({
  name: z.string(),
  image: z.string().default(''),
  command: z.array(z.string()).default([]),
  args: z.array(z.string()).default([]),
  env: z.array(environmentVariable).default([]),
  ports: z.array(z.object({ name: z.string().default(''), containerPort: z.int() })).default([]),
  volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() })).default([]),
  readinessProbe: probe.optional(),
});

const pod = z.object({
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().default('default'),
    uid: z.string(),
    deletionTimestamp: z.string().optional(),
    deletionGracePeriodSeconds: z.number().optional(),
    labels: z.record(z.string(), z.string()).default({}),
  }),
  spec: z.object({
    nodeName: z.string().optional(),
    serviceAccountName: z.string().default('default'),
    automountServiceAccountToken: z.boolean().default(true),
    terminationGracePeriodSeconds: z.number().default(30),
    containers: z.array(container).min(1),
    volumes: z.array(volume).default([]),
  }),
  status: z.looseObject({ podIP: z.string().optional() }).default({}),
});

export type ConfigMapSource = z.infer<typeof configMapSource>;
export type TokenSource = z.infer<typeof tokenSource>;
export type Container = z.infer<typeof container>;
export type Probe = z.infer<typeof probe>;

/** A Pod of this node. */
export interface NodePod extends KubeObject {
  readonly kind: 'Pod';
  readonly metadata: KubeObject['metadata'] & {
    readonly namespace: string;
    readonly uid: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly deletionGracePeriodSeconds?: number;
  };
  readonly spec: z.infer<typeof pod>['spec'];
  readonly status: { readonly podIP?: string };
}

export const nodePods: Resource<NodePod> = {
  group: '',
  version: 'v1',
  plural: 'pods',
  kind: 'Pod',
  namespaced: true,
  parse: parsePod,
};

function parsePod(value: unknown): NodePod {
  const parsed = pod.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new FieldError(issue?.path.join('.') ?? '', issue?.message ?? 'cannot be read');
  }
  // Of an optional field zod says "or undefined"; what was parsed never holds an explicit one.
  return { apiVersion: 'v1', kind: 'Pod', ...parsed.data } as NodePod;
}

/** The ConfigMap `name` in the namespace of a pod, when it exists. */
export type ConfigMapLookup = (namespace: string, name: string) => ConfigMap | undefined;

/** Names of the ConfigMaps without which the first container of `pod` cannot start. */
export function requiredConfigMaps(pod: NodePod): string[] {
  const [first] = pod.spec.containers;
  const sources = pod.spec.volumes.flatMap((each) => [
    ...(each.configMap ? [each.configMap] : []),
    ...(each.projected?.sources.flatMap((source) => source.configMap ?? []) ?? []),
  ]);
  const references = first?.env.flatMap((each) => each.valueFrom?.configMapKeyRef ?? []) ?? [];
  return [...sources, ...references].filter((each) => !each.optional).map((each) => each.name);
}
