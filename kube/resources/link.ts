/**
 * The Link: one linked cluster, both directions. pure
 *
 * `spec` is where the link starts and is never written by Isthmus afterwards, so that GitOps may own
 * it; what the peer announced since stands in `status`. Types, validation and the CRD schema all come
 * from the zod schemas below.
 */
import { z } from 'zod';
import { GLOBAL, isLabelName } from '#core/names.ts';
import type { KubeObject } from '../types.ts';
import { condition } from './conditions.ts';
import type { Problem } from './problem.ts';

/** An address of a peer's gateway. */
export const linkGateway = z.strictObject({
  host: z.string().min(1).max(253).describe('IP address or DNS name of a gateway of the peer.'),
  port: z.int().min(1).max(65_535).default(4143).describe('Port of that gateway.'),
  transport: z.enum(['tls']).default('tls').describe('How to reach it: TLS directly.'),
});

/** A metav1.LabelSelector, `matchLabels` and `matchExpressions`. */
export const labelSelector = z.strictObject({
  matchLabels: z.record(z.string(), z.string()).optional(),
  matchExpressions: z
    .array(
      z.strictObject({
        key: z.string(),
        operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
        values: z.array(z.string()).optional(),
      }),
    )
    .optional(),
});

export const linkSpec = z.strictObject({
  clusterName: z
    .string()
    .max(63)
    .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
    .refine(
      (name) => isLabelName(name) && name !== GLOBAL,
      'must be an RFC 1123 label other than "global"',
    )
    .describe('Name of the linked cluster, as it calls itself.'),
  trustDomain: z
    .string()
    .max(255)
    .regex(/^[a-z0-9._-]+$/)
    .describe('SPIFFE trust domain of the linked cluster.'),
  trustBundle: z.string().min(1).max(65_536).describe('PEM certificates that sign its workloads.'),
  gateways: z
    .array(linkGateway)
    .max(64)
    .default([])
    .describe('Where its gateways are reached. Empty: the peer dials us.'),
  import: z
    .strictObject({
      namespaces: z
        .array(z.string().max(63))
        .max(1_000)
        .optional()
        .describe('Namespaces to import. Absent: all but kube-* and isthmus-system. Empty: none.'),
      createNamespaces: z
        .boolean()
        .default(false)
        .describe(
          'Whether to create a namespace that the peer exports from and that is missing here.',
        ),
    })
    .default({ createNamespaces: false }),
  export: z
    .strictObject({
      serviceSelector: labelSelector
        .optional()
        .describe('Which exported services this peer sees. Absent: all. Empty: none.'),
    })
    .default({}),
  suspend: z
    .boolean()
    .default(false)
    .describe('Closes the tunnels and keeps the mirrors, which then have no healthy endpoint.'),
});

export const linkStatus = z.object({
  conditions: z.array(condition).optional(),
  /** What the peer announced since; used instead of `spec` once present. */
  trustBundle: z.string().optional(),
  gateways: z.array(linkGateway).optional(),
  /** Hash of the part of `spec` under which the peer announced them; a new spec takes them back. */
  specHash: z.string().optional(),
  peerVersion: z.string().optional(),
  importedServices: z.int().optional(),
  exportedServices: z.int().optional(),
  observedGeneration: z.int().optional(),
});

export type LabelSelector = z.infer<typeof labelSelector>;
export type LinkSpec = z.infer<typeof linkSpec>;
export type LinkStatus = z.infer<typeof linkStatus>;

/** Condition types of a Link. */
export const LINK_CONNECTED = 'Connected';
export const LINK_CATALOG_SYNCED = 'CatalogSynced';
export const LINK_TRUST_CURRENT = 'TrustCurrent';

/**
 * A Link as it was read. An invalid one is handed out too, so that the controller can say so on the
 * object itself: `spec` is then `undefined` and `problems` is not empty.
 */
export interface Link extends KubeObject {
  readonly kind: 'Link';
  /** Defaults filled in; present exactly when there are no problems. */
  readonly spec: LinkSpec | undefined;
  /** `spec.clusterName` as it stands, even of an invalid Link: what it claims keeps its mirrors. */
  readonly clusterName: string | undefined;
  readonly problems: readonly Problem[];
  readonly status: LinkStatus;
}
