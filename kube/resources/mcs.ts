/**
 * Schemas of the MCS API (KEP-1645), written from the KEP and the Go types of mcs-api v0.5.0. pure
 *
 * v1beta1 is stored, v1alpha1 is served too; the two have the same fields.
 */
import { z } from 'zod';

const int32 = z.int().meta({ format: 'int32' });
/** Patterns of metav1.Condition. */
const TYPE =
  '^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$';
const REASON = '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$';

const condition = z.object({
  type: z.string().max(316).meta({ pattern: TYPE }),
  status: z.enum(['True', 'False', 'Unknown']),
  observedGeneration: z.int().min(0).optional(),
  lastTransitionTime: z.string().meta({ format: 'date-time' }),
  reason: z.string().min(1).max(1_024).meta({ pattern: REASON }),
  message: z.string().max(32_768),
});
const map = z.record(z.string(), z.string());

/** spec of a ServiceExport. */
export const serviceExportSpec = z.object({
  exportedLabels: map.optional().describe('Labels that travel with the export.'),
  exportedAnnotations: map.optional().describe('Annotations that travel with the export.'),
});

/** status of a ServiceExport. */
export const serviceExportStatus = z.object({ conditions: z.array(condition).optional() });

/** spec of a ServiceImport; only the controller writes one. */
export const serviceImportSpec = z.object({
  type: z.enum(['ClusterSetIP', 'Headless']),
  ports: z
    .array(
      z.object({
        name: z.string().optional(),
        protocol: z.string().optional(),
        appProtocol: z.string().optional(),
        port: int32,
      }),
    )
    .meta({ 'x-kubernetes-list-type': 'atomic' }),
  ips: z.array(z.string()).max(2).optional(),
  ipFamilies: z.array(z.string()).max(2).optional(),
  sessionAffinity: z.string().optional(),
  sessionAffinityConfig: z
    .object({ clientIP: z.object({ timeoutSeconds: int32.optional() }).optional() })
    .optional(),
  internalTrafficPolicy: z.string().optional(),
  trafficDistribution: z.string().optional(),
});

/** status of a ServiceImport. */
export const serviceImportStatus = z.object({
  clusters: z
    .array(z.object({ cluster: z.string() }))
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['cluster'] }),
  conditions: z.array(condition).optional(),
});
