/**
 * From a request to a certificate: read the CSR, ask who the token is, decide, sign.
 */
import type { Clock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import { formatId, type SpiffeId } from '#core/id.ts';
import { type Caller, decideSigning, leafValidity } from './authority.ts';
import type { Credentials } from './credentials.ts';
import { readRequest } from './csr.ts';
import type { SignAnswer, SignRequest } from './protocol.ts';
import { createKey, createLeaf, type Signer, type Validity } from './x509.ts';

/** What this cluster signs with, and what its signatures are checked by. */
export interface Authority {
  readonly signer: Signer;
  /** PEM certificates that go with every leaf: the issuer and what lies between it and a root. */
  readonly chain: string;
  /** PEM: the roots. */
  readonly trustBundle: string;
  readonly validity: Validity;
}

export interface SigningOptions {
  readonly trustDomain: string;
  readonly clock: Clock;
  authority(): Authority;
  /** Whom `token` proves; throws `IDENTITY_REFUSED` when nobody. */
  review(token: string): Promise<Caller>;
}

/**
 * A function that answers one request. It throws `CERTIFICATE_INVALID` for a bad CSR and
 * `IDENTITY_REFUSED` when the token does not prove the id asked for.
 */
export function createSigning(
  options: SigningOptions,
): (request: SignRequest) => Promise<SignAnswer> {
  const { trustDomain, clock } = options;
  return async ({ csr, token }) => {
    // The cheap and local check first: a stranger's garbage costs the API server nothing.
    const { id, publicKey } = readRequest(csr);
    const caller = await options.review(token);
    const { signer, chain, trustBundle, validity } = options.authority();
    const decision = decideSigning(id, caller, { trustDomain, issuer: validity }, clock.wallMs());
    if (!decision.sign) throw new IsthmusError('IDENTITY_REFUSED', decision.reason);
    const leaf = createLeaf(signer, publicKey, { id }, decision.validity);
    return { certificateChain: leaf + chain, trustBundle };
  };
}

/** The credentials identity gives itself, with the DNS names its clients dial. */
export function ownCredentials(
  authority: Authority,
  id: SpiffeId,
  dnsNames: readonly string[],
  nowMs: number,
): Credentials {
  const key = createKey();
  const validity = leafValidity(authority.validity, nowMs);
  const leaf = createLeaf(authority.signer, key, { id, dnsNames }, validity);
  return {
    id: formatId(id),
    certificateChain: leaf + authority.chain,
    privateKey: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
    trustBundle: authority.trustBundle,
    ...validity,
  };
}
