/**
 * What an API server says when it refuses (metav1.Status), as a {@link StatusError} and as one of our errors. pure
 *
 * Tolerant of missing fields, for between us and an API server there may be proxies with words of their own.
 */
import { IsthmusError } from '#core/errors.ts';
import { StatusError } from './client.ts';

/** Causes kept of one refusal. */
const CAUSES_MAX = 100;

/** A refusal as one of ours: conflicts apart, and what is the server's own trouble apart. `what` was asked. */
export function refused(what: string, cause: StatusError): IsthmusError {
  const message = `${what}: ${cause.status} ${cause.reason}: ${cause.message}`;
  if (cause.status === 409) return new IsthmusError('API_CONFLICT', message, { cause });
  if (cause.status >= 500 || cause.status === 429) {
    return new IsthmusError('CLUSTER_UNREACHABLE', message, {
      cause,
      next: 'The API server answers but is in trouble itself: look at its log and load.',
    });
  }
  return new IsthmusError('API_REFUSED', message, { cause });
}

/** The HTTP status the server answered with, or `undefined` where `error` is no such answer. */
export function statusOf(error: unknown): number | undefined {
  return statusErrorIn(error)?.status;
}

/** What the server said, in its own words; `undefined` where `error` is no such answer. */
export function statusMessageOf(error: unknown): string | undefined {
  return statusErrorIn(error)?.message;
}

/** How long the server that refused wants to be left alone, in milliseconds; `undefined`: it did not say. */
export function retryAfterMsOf(error: unknown): number | undefined {
  return statusErrorIn(error)?.retryAfterMs;
}

/**
 * Whether the server will refuse again what was written: it is invalid, or a quota, a policy or missing rights forbid it. Not
 * so where the object has been replaced (its uid), or its namespace is going, which may be made anew in a moment.
 */
export function isDenied(error: unknown): boolean {
  const { status, causes = [] } = statusErrorIn(error) ?? {};
  return (
    (status === 400 || status === 403 || status === 422) &&
    !causes.some((each) => each.field === 'metadata.uid' || each.reason === 'NamespaceTerminating')
  );
}

/** The refusal in an answer's body `text`; `retryAfter` is the header of that name. */
export function parseStatus(
  status: number,
  text: string,
  retryAfter?: string | string[],
): StatusError {
  const seconds = typeof retryAfter === 'string' ? Number(retryAfter) : Number.NaN;
  const headerMs = seconds >= 0 ? seconds * 1_000 : undefined;
  try {
    return statusErrorOf(JSON.parse(text), status, headerMs);
  } catch {
    // Proxies in front of an API server answer with HTML: its beginning is all we can say.
    return new StatusError(status, 'Unknown', text.slice(0, 200), { retryAfterMs: headerMs });
  }
}

/** Reads a metav1.Status, tolerant of missing fields. */
export function statusErrorOf(
  value: unknown,
  fallbackStatus: number,
  retryAfterMs?: number,
): StatusError {
  const { code, reason, message, details } = fields(value);
  const { causes, retryAfterSeconds } = fields(details);
  const said = typeof retryAfterSeconds === 'number' ? retryAfterSeconds * 1_000 : undefined;
  return new StatusError(
    typeof code === 'number' ? code : fallbackStatus,
    text(reason) || 'Unknown',
    text(message),
    {
      causes: (Array.isArray(causes) ? causes.slice(0, CAUSES_MAX) : []).map((each) => {
        const cause = fields(each);
        return {
          reason: text(cause.reason),
          field: text(cause.field),
          message: text(cause.message),
        };
      }),
      retryAfterMs: retryAfterMs ?? said,
    },
  );
}

function statusErrorIn(error: unknown): StatusError | undefined {
  if (error instanceof StatusError) return error;
  return error instanceof IsthmusError && error.cause instanceof StatusError
    ? error.cause
    : undefined;
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
