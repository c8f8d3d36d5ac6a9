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

const clusterOnly = { cluster: label };
const component = z.enum(['gateway', 'mirror', 'identity']);
/** Longest a drill may slow an answer. */
const DELAY_MS_MAX = 600_000;

/** Components end at once, and stay away until the step ends. */
const killComponent = z.strictObject({
  type: z.literal('killComponent'),
  ...clusterOnly,
  component,
});
/** Components stop where they are, connections open: to everybody else they have fallen silent. */
const freezeComponent = z.strictObject({
  type: z.literal('freezeComponent'),
  ...clusterOnly,
  component,
});
/** The API server hears a component and does not answer, and is not heard on its watches. */
const partitionApiServer = z.strictObject({
  type: z.literal('partitionApiServer'),
  ...clusterOnly,
  component,
});
/** Nothing listens where the API server was. */
const apiServerDown = z.strictObject({ type: z.literal('apiServerDown'), ...clusterOnly });
/** The API server answers late. */
const apiServerSlow = z.strictObject({
  type: z.literal('apiServerSlow'),
  ...clusterOnly,
  delayMs: z.number().positive().max(DELAY_MS_MAX),
  jitterMs: z.number().min(0).max(DELAY_MS_MAX).default(0),
});
/** A share of what the API server is asked is refused. */
const apiServerErrors = z.strictObject({
  type: z.literal('apiServerErrors'),
  ...clusterOnly,
  status: z.union([z.literal(429), z.literal(500), z.literal(503)]),
  share: share.default(1),
});
/** Watches end again and again, or are told that their version is too old. */
const watchesCut = z.strictObject({
  type: z.literal('watchesCut'),
  ...clusterOnly,
  everyMs: z.number().min(100).max(DELAY_MS_MAX).default(1_000),
  expireVersions: z.boolean().default(false),
});
/** Reads of the API server show the state of the moment the step began. */
const staleReads = z.strictObject({ type: z.literal('staleReads'), ...clusterOnly });
/** The API server's clock is wrong by this much. */
const clockSkew = z.strictObject({
  type: z.literal('clockSkew'),
  ...clusterOnly,
  offsetSeconds: z.number().min(-31_536_000).max(31_536_000),
});
/**
 * Nothing passes on what one component dials of another, in either direction, or it passes late. Gateways of two clusters
 * dial each other: with `oneWay` what `cluster` dials is stopped alone.
 */
const partition = z.strictObject({
  type: z.literal('partition'),
  ...clusterOnly,
  from: z.enum(['gateway', 'mirror', 'identity', 'client']),
  to: z.strictObject({
    component: z.enum(['gateway', 'identity', 'apiServer', 'pods']),
    /** Another cluster, where its gateways are meant. */
    cluster: label.optional(),
    /** Of `pods`, as in `destroyPods`. */
    namespace: label.optional(),
    selector: z.string().min(1).max(1_024).regex(SELECTOR, 'must be a label selector').optional(),
  }),
  how: z.enum(['silent', 'refused', 'slow']).default('silent'),
  delayMs: z.number().min(0).max(60_000).default(0),
  oneWay: z.boolean().default(false),
});

const fault = z.discriminatedUnion('type', [
  destroyPods,
  killComponent,
  freezeComponent,
  partitionApiServer,
  apiServerDown,
  apiServerSlow,
  apiServerErrors,
  watchesCut,
  staleReads,
  clockSkew,
  partition,
]);

const step = z.strictObject({
  name: label,
  seconds: z.number().positive().max(3_600),
  fault: fault.optional(),
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
/** Whatever a step may break. */
export type DrillFault = z.infer<typeof fault>;
/** A fault between two components. */
export type DrillPartition = z.infer<typeof partition>;
/** The fault that a drill measures the return of local pods by. */
export type DestroyPods = z.infer<typeof destroyPods>;
