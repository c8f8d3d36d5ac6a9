/**
 * The FailoverDrill: what to break, under which load, and what must hold. pure
 */
import { z } from 'zod';
import { isLabelName } from '#core/names.ts';

const label = z.string().refine(isLabelName, 'must be an RFC 1123 label');
const KEY = '(?:[a-z0-9.-]+/)?[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?';
const VALUE = '[A-Za-z0-9._-]*';
const REQUIREMENT = `\\s*(?:!?${KEY}|${KEY}\\s*(?:==?|!=)\\s*${VALUE}|${KEY}\\s+(?:in|notin)\\s+\\(\\s*${VALUE}(?:\\s*,\\s*${VALUE})*\\s*\\))\\s*`;
const SELECTOR = new RegExp(`^${REQUIREMENT}(?:,${REQUIREMENT})*$`);
const share = z.number().min(0).max(1);

/** Destroys the pods that `selector` matches, at once and with requests in flight, until the step ends. */
const destroyPods = z.strictObject({
  type: z.literal('destroyPods'),
  cluster: label,
  namespace: label,
  /** Equality-based or set-based, as `kubectl -l` takes it. */
  selector: z
    .string()
    .min(1)
    .max(1_024)
    .regex(SELECTOR, 'must be a label selector such as app=backend or "tier in (a, b)"'),
});

const step = z.strictObject({
  name: label,
  seconds: z.number().positive().max(3_600),
  fault: destroyPods.optional(),
  expect: z.strictObject({ sharesMin: z.record(label, share).default({}) }).optional(),
});

export const failoverDrill = z.strictObject({
  apiVersion: z.literal('isthmus.dev/v1alpha1'),
  kind: z.literal('FailoverDrill'),
  metadata: z.strictObject({ name: label, namespace: label.optional() }),
  spec: z.strictObject({
    /** Where the load enters: a Service of one cluster, through its Service address. */
    target: z.strictObject({
      cluster: label,
      namespace: label,
      service: label,
      port: z.int().min(1).max(65_535),
      path: z.string().startsWith('/').max(2_048).default('/'),
    }),
    load: z
      .strictObject({
        requestsPerSecond: z.number().positive().max(5_000).default(200),
        /** No answer within this is a failed request. */
        timeoutMs: z.int().min(10).max(60_000).default(2_000),
      })
      .default({ requestsPerSecond: 200, timeoutMs: 2_000 }),
    steps: z.array(step).min(1).max(100),
    expect: z
      .strictObject({
        failedRequestsMax: z.int().min(0).optional(),
        failoverMsMax: z.number().positive().optional(),
        failbackMsMax: z.number().positive().optional(),
      })
      .default({}),
  }),
});

export type FailoverDrill = z.infer<typeof failoverDrill>;
export type DrillStep = z.infer<typeof step>;
export type DrillFault = z.infer<typeof destroyPods>;
