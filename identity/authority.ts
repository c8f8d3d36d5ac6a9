/**
 * May this be signed, and for how long? pure
 *
 * Promises: a workload gets the id of the ServiceAccount its token proves and no other, in this
 * cluster's own trust domain, for a day at most and never for longer than its issuer lives.
 */
import { formatId, type SpiffeId } from '#core/id.ts';
import type { Validity } from './x509.ts';

/** Life of a leaf. */
export const LEAF_LIFE_MS = 24 * 3_600_000;
/** How far validity begins in the past, for clocks that disagree. */
export const BACKDATE_MS = 5 * 60_000;
/** An issuer with less left to live than this signs nothing: the leaf would be useless. */
export const LEAF_LIFE_MIN_MS = 60_000;

/** Whom a token proves. */
export interface Caller {
  readonly namespace: string;
  readonly serviceAccount: string;
}

export type SigningDecision =
  | { readonly sign: true; readonly validity: Validity }
  | { readonly sign: false; readonly reason: string };

/** Decides about a request for `requested` by `caller`, at `nowMs`. */
export function decideSigning(
  requested: SpiffeId,
  caller: Caller,
  cluster: { readonly trustDomain: string; readonly issuer: Validity },
  nowMs: number,
): SigningDecision {
  const own = { trustDomain: cluster.trustDomain, ...caller };
  if (formatId(requested) !== formatId(own)) {
    return {
      sign: false,
      reason: `${formatId(requested)} was asked for, but the token belongs to ${formatId(own)}`,
    };
  }
  const validity = leafValidity(cluster.issuer, nowMs);
  if (validity.notAfterMs - nowMs < LEAF_LIFE_MIN_MS) {
    return { sign: false, reason: 'the issuer of this cluster has expired' };
  }
  return validity.notAfterMs <= validity.notBeforeMs
    ? { sign: false, reason: 'the issuer of this cluster is not valid yet' }
    : { sign: true, validity };
}

/** The validity of a leaf signed at `nowMs` by an issuer valid for `issuer`. */
export function leafValidity(issuer: Validity, nowMs: number): Validity {
  return {
    notBeforeMs: Math.max(nowMs - BACKDATE_MS, issuer.notBeforeMs),
    notAfterMs: Math.min(nowMs + LEAF_LIFE_MS, issuer.notAfterMs),
  };
}
