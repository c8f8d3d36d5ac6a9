/**
 * SPIFFE ids of Isthmus workloads. pure
 *
 * Form: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`, after the SPIFFE-ID
 * specification, sections 2.1 and 2.2; the path layout is the one Istio and Linkerd use.
 */
import { SYSTEM_NAMESPACE } from './names.ts';

/** A parsed id. */
export interface SpiffeId {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/;
const SEGMENT = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

/** Whether `text` is a trust domain name (SPIFFE-ID section 2.1). */
export function isTrustDomain(text: string): boolean {
  return TRUST_DOMAIN.test(text);
}

/** The trust domain of a cluster. */
export function trustDomainOf(cluster: string): string {
  return `${cluster}.isthmus.local`;
}

/** The id of a component of `cluster`, which runs as `serviceAccount` in our namespace. */
export function componentId(cluster: string, serviceAccount: string): SpiffeId {
  return { trustDomain: trustDomainOf(cluster), namespace: SYSTEM_NAMESPACE, serviceAccount };
}

/** The URI of `id`. */
export function formatId(id: SpiffeId): string {
  return `spiffe://${id.trustDomain}/ns/${id.namespace}/sa/${id.serviceAccount}`;
}

/** The id that `uri` names, or `undefined` when it is not exactly of our form. */
export function parseId(uri: string): SpiffeId | undefined {
  if (uri.length > 2048) return undefined;
  const match = /^spiffe:\/\/([^/]+)\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(uri);
  const [, trustDomain = '', namespace = '', serviceAccount = ''] = match ?? [];
  if (!isTrustDomain(trustDomain) || !SEGMENT.test(namespace) || !SEGMENT.test(serviceAccount)) {
    return undefined;
  }
  return { trustDomain, namespace, serviceAccount };
}
