/**
 * Certificates of the rivals' halves, made like the gateways' own: a root, ECDSA P-256 leaves.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createKey, createLeaf, createRoot } from '#identity/x509.ts';

const TRUST_DOMAIN = 'bench.isthmus.local';
const HOUR_MS = 3_600_000;

/** Writes `ca.pem`, and `west.pem` and `east.pem`: a certificate with its key. */
export function writeCertificates(directory: string, nowMs: number): void {
  const validity = { notBeforeMs: nowMs - HOUR_MS, notAfterMs: nowMs + 24 * HOUR_MS };
  const rootKey = createKey();
  const certificate = createRoot(TRUST_DOMAIN, rootKey, validity);
  writeFileSync(join(directory, 'ca.pem'), certificate);
  for (const name of ['west', 'east']) {
    const key = createKey();
    const id = { trustDomain: TRUST_DOMAIN, namespace: 'bench', serviceAccount: name };
    const subject = { id, dnsNames: [`${name}.bench`] };
    const leaf = createLeaf({ certificate, privateKey: rootKey }, key, subject, validity);
    const pem = leaf + key.export({ format: 'pem', type: 'pkcs8' }).toString();
    writeFileSync(join(directory, `${name}.pem`), pem, { mode: 0o600 });
  }
}
