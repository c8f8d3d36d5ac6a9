/**
 * What a workload proves itself with, and what it trusts its own cluster by. pure
 */
import { X509Certificate } from 'node:crypto';
import { describeError, IsthmusError } from '#core/errors.ts';
import { PEM_CERTIFICATES_MAX, PEM_CHARS_MAX, splitCertificates } from './pem.ts';
import type { Validity } from './x509.ts';

/** A certificate with its key. Never written anywhere: the key lives in memory only. */
export interface Credentials {
  /** SPIFFE URI. */
  readonly id: string;
  /** PEM: leaf, then issuer. */
  readonly certificateChain: string;
  /** PEM, PKCS #8. */
  readonly privateKey: string;
  /** PEM: roots of the own cluster. */
  readonly trustBundle: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** When the first certificate of `pem` is valid. Throws `CERTIFICATE_INVALID`. */
export function validityOf(pem: string): Validity {
  try {
    const certificate = new X509Certificate(pem);
    return {
      notBeforeMs: certificate.validFromDate.getTime(),
      notAfterMs: certificate.validToDate.getTime(),
    };
  } catch (cause) {
    throw new IsthmusError('CERTIFICATE_INVALID', 'Not a PEM certificate', { cause });
  }
}

/**
 * The certificates of a trust bundle that somebody hands us, normalised, one PEM block each. Throws
 * `TRUST_BUNDLE_INVALID` when there is none, when one cannot be read or is no CA, or when there are
 * too many; `field` names where the bundle came from.
 */
export function parseTrustBundle(pem: string, field: string): readonly string[] {
  const refuse = (reason: string) => new IsthmusError('TRUST_BUNDLE_INVALID', reason, { field });
  if (pem.length > PEM_CHARS_MAX) {
    throw refuse(`${field} has more than ${PEM_CHARS_MAX} characters`);
  }
  const certificates = splitCertificates(pem);
  if (certificates.length === 0) throw refuse(`${field} holds no PEM certificate`);
  if (certificates.length > PEM_CERTIFICATES_MAX) {
    throw refuse(`${field} holds more than ${PEM_CERTIFICATES_MAX} certificates`);
  }
  certificates.forEach((each, index) => {
    let isAuthority: boolean;
    try {
      isAuthority = new X509Certificate(each).ca;
    } catch (cause) {
      throw refuse(`${field} certificate ${index + 1} cannot be read: ${describeError(cause)}`);
    }
    if (!isAuthority) throw refuse(`${field} certificate ${index + 1} is not a CA certificate`);
  });
  return certificates;
}
