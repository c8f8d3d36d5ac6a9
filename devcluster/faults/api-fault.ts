/**
 * What can be broken about an API server, as values. pure
 *
 * One schema for tests, for `POST /faults/inject` and for the steps of a FailoverDrill, so that a fault
 * means the same wherever it is named and a wrong one is refused by its field.
 */
import { z } from 'zod';

/** Longest time a fault may be asked for. */
export const FAULT_SECONDS_MAX = 3_600;

/** Whom and what a fault meets; whatever is absent meets everything. */
const match = z.strictObject({
  /** User names, `*` at the end for a prefix: `system:serviceaccount:isthmus-system:isthmus-gateway`. */
  users: z.array(z.string().min(1).max(253)).max(100).optional(),
  verbs: z
    .array(z.enum(['get', 'list', 'watch', 'create', 'update', 'patch', 'delete']))
    .max(10)
    .optional(),
  /** Plurals: `services`. */
  resources: z.array(z.string().min(1).max(253)).max(100).optional(),
});

const share = z.number().gt(0).max(1).default(1);

const schemas = {
  /** Nothing listens: connections are refused, those there were are reset. */
  apiServerDown: z.strictObject({ type: z.literal('apiServerDown') }),
  /** Answers come `delayMs` later, and up to `jitterMs` more. */
  apiServerSlow: z.strictObject({
    type: z.literal('apiServerSlow'),
    delayMs: z.number().min(0).max(600_000),
    jitterMs: z.number().min(0).max(600_000).default(0),
    share,
    match: match.optional(),
  }),
  /** A share of requests is refused; 429 and 503 with Retry-After where seconds are given. */
  apiServerErrors: z.strictObject({
    type: z.literal('apiServerErrors'),
    status: z.union([z.literal(429), z.literal(500), z.literal(503), z.literal(504)]),
    retryAfterSeconds: z.int().min(0).max(3_600).optional(),
    share,
    match: match.optional(),
  }),
  /** Open watches end at once, and again every `everyMs` while it lasts. */
  watchCut: z.strictObject({
    type: z.literal('watchCut'),
    everyMs: z.number().min(1).max(600_000).optional(),
    match: match.optional(),
  }),
  /** History is forgotten and continue tokens expire: watches and pages from earlier versions get 410. */
  expiredVersions: z.strictObject({
    type: z.literal('expiredVersions'),
    everyMs: z.number().min(1).max(600_000).optional(),
  }),
  /** Reads show the state of the moment the fault began, as a replica does that lags. */
  staleReads: z.strictObject({ type: z.literal('staleReads'), match: match.optional() }),
  /** Whoever matches gets no answer and hears nothing on watches, and is not told: a partition. */
  apiServerSilent: z.strictObject({
    type: z.literal('apiServerSilent'),
    match: match.optional(),
  }),
  /** The server's wall clock is wrong by `offsetMs`. */
  clockSkew: z.strictObject({
    type: z.literal('clockSkew'),
    offsetMs: z.number().min(-31_536_000_000).max(31_536_000_000),
  }),
};

/** One fault of an API server. */
export const apiFault = z.discriminatedUnion('type', [
  schemas.apiServerDown,
  schemas.apiServerSlow,
  schemas.apiServerErrors,
  schemas.watchCut,
  schemas.expiredVersions,
  schemas.staleReads,
  schemas.apiServerSilent,
  schemas.clockSkew,
]);

/** One fault of an API server, checked and complete. */
export type ApiFault = z.infer<typeof apiFault>;
/** One fault as it is asked for: what has a default may be left out. */
export type ApiFaultWish = z.input<typeof apiFault>;
/** Whom a fault meets. */
export type FaultMatch = z.infer<typeof match>;

/** A request as faults see it. */
export interface FaultSubject {
  readonly user: string;
  readonly verb: string;
  readonly resource: string;
}

/** Whether `subject` is met. */
export function isMet(match: FaultMatch | undefined, subject: FaultSubject): boolean {
  const { users, verbs, resources } = match ?? {};
  return (
    (users?.some((each) => isNamed(each, subject.user)) ?? true) &&
    (verbs?.some((each) => each === subject.verb) ?? true) &&
    (resources?.includes(subject.resource) ?? true)
  );
}

function isNamed(pattern: string, user: string): boolean {
  return pattern.endsWith('*') ? user.startsWith(pattern.slice(0, -1)) : user === pattern;
}
