/** A cluster's authority made in memory, for tests that need certificates. */
import type { KeyObject } from 'node:crypto';
import { formatId, type SpiffeId, trustDomainOf } from '#core/id.ts';
import { SYSTEM_NAMESPACE } from '#core/names.ts';
import type { Credentials } from '#identity/credentials.ts';
import type { Authority } from '#identity/signing.ts';
import {
  createIssuer,
  createKey,
  createLeaf,
  createRoot,
  type Subject,
  type Validity,
} from '#identity/x509.ts';

const HOUR_MS = 3_600_000;

export function validFor(hours: number, fromMs = Date.now()): Validity {
  return { notBeforeMs: fromMs - HOUR_MS, notAfterMs: fromMs + hours * HOUR_MS };
}

export interface TestAuthority extends Authority {
  readonly cluster: string;
  readonly root: string;
  readonly rootKey: KeyObject;
  leaf(subject: Subject, validity?: Validity, key?: KeyObject): Credentials;
  /** Credentials of a ServiceAccount of the system namespace. */
  of(serviceAccount: string, validity?: Validity): Credentials;
}

/** Root and issuer of `cluster`. Two calls make two look-alikes: same names, different keys. */
export function createAuthority(cluster: string): TestAuthority {
  const trustDomain = trustDomainOf(cluster);
  const validity = validFor(1_000);
  const rootKey = createKey();
  const root = createRoot(trustDomain, rootKey, validity);
  const issuerKey = createKey();
  const issuer = createIssuer(
    trustDomain,
    { certificate: root, privateKey: rootKey },
    issuerKey,
    validity,
  );
  const signer = { certificate: issuer, privateKey: issuerKey };
  const leaf: TestAuthority['leaf'] = (
    subject,
    leafValidity = validFor(24),
    key = createKey(),
  ) => ({
    id: formatId(subject.id),
    certificateChain: createLeaf(signer, key, subject, leafValidity) + issuer,
    privateKey: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
    trustBundle: root,
    ...leafValidity,
  });
  return {
    cluster,
    root,
    rootKey,
    signer,
    chain: issuer,
    trustBundle: root,
    validity,
    leaf,
    of: (serviceAccount, leafValidity) =>
      leaf({ id: systemId(cluster, serviceAccount) }, leafValidity),
  };
}

export function systemId(cluster: string, serviceAccount: string): SpiffeId {
  return { trustDomain: trustDomainOf(cluster), namespace: SYSTEM_NAMESPACE, serviceAccount };
}
