/**
 * The TrafficPolicy: how requests for a service are balanced, repeated and limited. pure
 *
 * A direct policy attachment (Gateway API, GEP-713 and GEP-2648): `targetRefs` name what it is for, in its own
 * namespace; of two policies for one target the older counts. Every field but `targetRefs` may be left out;
 * the data path then keeps to its defaults, which the descriptions name.
 */
import { z } from 'zod';
import { condition } from './conditions.ts';

/** A duration as the Gateway API writes it (GEP-2257), such as `1m30s` or `250ms`. */
export const DURATION = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/;

const duration = () =>
  z
    .string()
    .regex(DURATION, 'must be a duration such as 250ms, 10s or 1m30s')
    .meta({ format: undefined });
const percent = () => z.int().min(0).max(100);
const statusCode = z.int().min(400).max(599);
const grpcCode = z.int().min(1).max(16);

/** Kinds a policy may be for. */
export const TARGET_KINDS = ['Service', 'ServiceExport', 'ServiceImport'] as const;
/** The API group of each. */
export const TARGET_GROUPS = {
  Service: '',
  ServiceExport: 'multicluster.x-k8s.io',
  ServiceImport: 'multicluster.x-k8s.io',
} as const;

const targetRef = z
  .strictObject({
    group: z.string().max(253).default('').describe('API group of the kind; empty for Service.'),
    kind: z.enum(TARGET_KINDS).describe('Service, ServiceExport or ServiceImport.'),
    name: z.string().min(1).max(63).describe('Name of the object, in the namespace of the policy.'),
  })
  .refine(({ group, kind }) => group === TARGET_GROUPS[kind], {
    path: ['group'],
    message: 'must be "" for a Service, multicluster.x-k8s.io for the others',
  });

const loadBalancer = z.strictObject({
  strategy: z
    .enum(['ewma', 'leastRequest', 'roundRobin', 'random'])
    .optional()
    .describe('How an endpoint is chosen. Default ewma: by latency and requests under way.'),
  slowStart: duration()
    .optional()
    .describe('How long a new or revived endpoint takes to its full share. Default 10s.'),
});

const locality = z.strictObject({
  preference: z
    .number()
    .min(1)
    .max(100)
    .optional()
    .describe(
      'A request stays local while local cost is at most this times the remote one. Default 1.5.',
    ),
  tolerance: duration().optional().describe('Added to that. Default 5ms.'),
  maxRemotePercent: percent()
    .optional()
    .describe(
      'Largest share of requests that leaves while a local endpoint is available. Default 100.',
    ),
});

const ejection = z
  .strictObject({
    consecutiveErrors: z.int().min(1).max(1_000).optional().describe('Default 5.'),
    minSuccessPercent: percent()
      .optional()
      .describe('Success rate below which an endpoint goes, of minRequests or more. Default 60.'),
    minRequests: z.int().min(1).max(10_000).optional().describe('Default 20.'),
    backoff: duration().optional().describe('First time out, doubled each time. Default 1s.'),
    maxBackoff: duration().optional().describe('Longest time out. Default 10s.'),
    maxEjectedPercent: percent()
      .optional()
      .describe('Share of endpoints that may be out at once; one always may. Default 50.'),
  })
  .refine(
    ({ backoff, maxBackoff }) =>
      backoff === undefined ||
      maxBackoff === undefined ||
      durationMs(backoff) <= durationMs(maxBackoff),
    { path: ['maxBackoff'], message: 'must not be shorter than backoff' },
  );

const probe = z.strictObject({
  path: z
    .string()
    .max(1_024)
    .regex(/^\/[^\s#]*$/, 'must be a path that begins with /')
    .optional()
    .describe(
      'Asked for before an ejected endpoint returns. Default: one real request is let through.',
    ),
});

const retry = z.strictObject({
  attempts: z
    .int()
    .min(1)
    .max(5)
    .optional()
    .describe('Attempts for one request, the first included; 1 repeats nothing. Default 3.'),
  budgetPercent: percent()
    .optional()
    .describe('Repetitions allowed for every hundred requests of ten seconds. Default 20.'),
  minPerSecond: z
    .int()
    .min(0)
    .max(10_000)
    .optional()
    .describe('Repetitions allowed each second whatever came. Default 10.'),
  statusCodes: z
    .array(statusCode)
    .max(32)
    .optional()
    .describe('Answers worth another attempt, of idempotent requests. Default 500, 502, 503, 504.'),
  grpcCodes: z
    .array(grpcCode)
    .max(16)
    .optional()
    .describe('gRPC status codes worth another attempt. Default 14 (UNAVAILABLE).'),
});

const hedge = z.strictObject({
  budgetPercent: percent()
    .optional()
    .describe(
      'Second attempts beside a slow first one for every hundred requests; 0: none. Default 5.',
    ),
});

const timeout = z
  .strictObject({
    request: duration()
      .optional()
      .describe('From the head of a request to the head of its answer. Default, and 0s: no limit.'),
    attempt: duration().optional().describe('The same of one attempt. Default, and 0s: no limit.'),
  })
  .refine(
    ({ request = '0s', attempt = '0s' }) =>
      durationMs(request) === 0 || durationMs(attempt) <= durationMs(request),
    { path: ['attempt'], message: 'must not be longer than request' },
  );

const limits = z
  .strictObject({
    concurrency: z
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe('Requests under way at once. Default 10000.'),
    queue: z.int().min(0).max(100_000).optional().describe('Requests that may wait. Default 100.'),
    queueTimeout: duration().optional().describe('How long they wait. Default 100ms.'),
    requestsPerSecond: z
      .number()
      .positive()
      .max(10_000_000)
      .optional()
      .describe('Requests that may come each second. Default: no limit.'),
    burst: z
      .int()
      .min(1)
      .max(10_000_000)
      .optional()
      .describe('Requests that may come at once. Default: those of one second.'),
  })
  .refine(
    ({ burst, requestsPerSecond }) => burst === undefined || requestsPerSecond !== undefined,
    {
      path: ['burst'],
      message: 'says how many may come at once of requestsPerSecond, which is missing',
    },
  );

/** spec of a TrafficPolicy. Limits and budgets count for one worker process of one gateway. */
export const trafficPolicySpec = z.strictObject({
  targetRefs: z
    .array(targetRef)
    .min(1)
    .max(16)
    .describe('What the policy is for: a Service of this cluster, its export, or an import.'),
  loadBalancer: loadBalancer.optional().describe('How an endpoint is chosen.'),
  locality: locality.optional().describe('When requests leave this cluster.'),
  ejection: ejection.optional().describe('When a failing endpoint is left out.'),
  probe: probe.optional().describe('How an endpoint shows that it is well again.'),
  retry: retry.optional().describe('What is sent again after a failure.'),
  hedge: hedge.optional().describe('What is sent a second time beside a slow first attempt.'),
  timeout: timeout.optional().describe('How long an answer is waited for.'),
  limits: limits.optional().describe('How much may be under way, in each worker of a gateway.'),
});

/** status of a TrafficPolicy. */
export const trafficPolicyStatus = z.object({ conditions: z.array(condition).optional() });

export type TrafficPolicySpec = z.infer<typeof trafficPolicySpec>;
export type TargetKind = (typeof TARGET_KINDS)[number];

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** Milliseconds of a {@link DURATION}. */
export function durationMs(text: string): number {
  let sumMs = 0;
  for (const [, digits = '', unit = ''] of text.matchAll(/([0-9]+)(ms|h|m|s)/g)) {
    sumMs += Number(digits) * (UNIT_MS[unit] ?? 0);
  }
  return sumMs;
}
