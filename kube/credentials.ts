/**
 * How a client shows who it is: header values that may change during its life.
 *
 * Kubernetes rotates projected tokens in place, so a token is read again when it is older than a
 * minute, or at once when the server refused it.
 */
import { readFile } from 'node:fs/promises';
import type { Clock } from '#core/clock.ts';
import { describeError, IsthmusError } from '#core/errors.ts';

/** A certificate that authenticates a connection, and its key: PEM. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

/** What a connection is made with, beside what never changes: PEM. */
export interface ConnectionMaterial extends Partial<ClientCertificate> {
  /** Of the server. */
  readonly ca?: string;
}

/** Headers that authenticate a request. */
export interface HeaderSource {
  /** `fresh`: what was handed out last was refused with 401, so it must not come from a cache. */
  headers(fresh: boolean): Promise<Readonly<Record<string, string>>>;
  /** What came with the last headers; another object means that connections must be made anew. */
  certificate?(): ConnectionMaterial | undefined;
}

/** A token is read again when older than this. */
export const TOKEN_MAX_AGE_MS = 60_000;

/** No authentication but what TLS does. */
export const noHeaders: HeaderSource = { headers: () => Promise.resolve({}) };

/** `headers` for ever. */
export function fixedHeaders(headers: Readonly<Record<string, string>>): HeaderSource {
  return { headers: () => Promise.resolve(headers) };
}

/** The bearer token that stands in the file at `path`. */
export function tokenFile(path: string, clock: Clock): HeaderSource {
  return cachedHeaders(clock, TOKEN_MAX_AGE_MS, async () => {
    const token = (await readToken(path)).trim();
    if (token === '') throw new IsthmusError('INVALID_CONFIG', `the token file ${path} is empty`);
    return { authorization: `Bearer ${token}` };
  });
}

/** What `load` returns, for `maxAgeMs`; concurrent callers share one load. */
export function cachedHeaders(
  clock: Clock,
  maxAgeMs: number,
  load: (fresh: boolean) => Promise<Readonly<Record<string, string>>>,
): HeaderSource {
  let loading: Promise<Readonly<Record<string, string>>> | undefined;
  let loadedMs = 0;
  return {
    headers(fresh) {
      const nowMs = clock.monotonicMs();
      if (loading === undefined || fresh || nowMs - loadedMs > maxAgeMs) {
        loadedMs = nowMs;
        const mine = load(fresh);
        loading = mine;
        mine.catch(() => {
          if (loading === mine) loading = undefined;
        });
      }
      return loading;
    },
  };
}

async function readToken(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new IsthmusError(
      'INVALID_CONFIG',
      `the token file cannot be read: ${describeError(error)}`,
      { cause: error },
    );
  }
}
