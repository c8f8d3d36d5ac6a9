/** A cluster's authority made in memory, and the credentials of a gateway of it. */
import { formatId, trustDomainOf } from '#core/id.ts';
import { GATEWAY_ACCOUNT, SYSTEM_NAMESPACE } from '#core/names.ts';
import type { Credentials } from '#identity/workload.ts';
import { createIssuer, createKey, createLeaf, createRoot } from '#identity/x509.ts';

const HOUR_MS = 3_600_000;

/** Credentials of a gateway of `cluster`, by a root of its own. */
export function gatewayCredentials(cluster: string, nowMs: number): Credentials {
  const trustDomain = trustDomainOf(cluster);
  const validity = { notBeforeMs: nowMs - HOUR_MS, notAfterMs: nowMs + 100 * HOUR_MS };
  const rootKey = createKey();
  const root = createRoot(trustDomain, rootKey, validity);
  const issuerKey = createKey();
  const signer = { certificate: root, privateKey: rootKey };
  const issuer = createIssuer(trustDomain, signer, issuerKey, validity);
  const id = { trustDomain, namespace: SYSTEM_NAMESPACE, serviceAccount: GATEWAY_ACCOUNT };
  const key = createKey();
  const leaf = createLeaf({ certificate: issuer, privateKey: issuerKey }, key, { id }, validity);
  return {
    id: formatId(id),
    certificateChain: leaf + issuer,
    privateKey: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
    trustBundle: root,
    ...validity,
  };
}
