/**
 * Where identity keeps its keys, and how it learns whom a token proves: the cluster's API server.
 *
 * Secrets `isthmus-root` and `isthmus-issuer` are made once, atomically: of two replicas that race,
 * one creates and the other reads what was created. An issuer that somebody else put there
 * (cert-manager, Vault, by hand) is used as it is and never replaced.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '#core/clock.ts';
import { codeOf, describeError, IsthmusError } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import {
  IDENTITY_AUDIENCE,
  LABEL_MANAGED_BY,
  MANAGER,
  SYSTEM_NAMESPACE,
  TRUST_BUNDLE_CONFIG_MAP,
} from '#core/names.ts';
import type { KubeClient } from '#kube/client.ts';
import { configMaps, secrets } from '#kube/resources/builtin.ts';
import type { ConfigMap, Secret } from '#kube/types.ts';
import { BACKDATE_MS, type Caller } from './authority.ts';
import { parseTrustBundle, validityOf } from './credentials.ts';
import { splitCertificates } from './pem.ts';
import type { Authority } from './signing.ts';
import { createIssuer, createKey, createRoot, type Validity } from './x509.ts';

export const ROOT_SECRET = 'isthmus-root';
export const ISSUER_SECRET = 'isthmus-issuer';
/** Life of a root we make. */
export const ROOT_LIFE_MS = 10 * 365 * 24 * 3_600_000;
/** Life of an issuer we make. */
export const ISSUER_LIFE_MS = 90 * 24 * 3_600_000;
/** An issuer of ours is replaced after this share of its life. */
const REPLACE_AFTER = 2 / 3;

export interface AuthorityStoreOptions {
  readonly client: KubeClient;
  readonly trustDomain: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Reads, and where needed makes, what this cluster signs with. */
export class AuthorityStore {
  readonly #options: AuthorityStoreOptions;

  constructor(options: AuthorityStoreOptions) {
    this.#options = options;
  }

  /**
   * What to sign with now. Makes root and issuer when there are none, replaces an issuer of ours that
   * grows old, and keeps ConfigMap `isthmus-trust-bundle` current.
   */
  async load(): Promise<Authority> {
    const existing = await this.#get(ISSUER_SECRET);
    const issuer = existing ? await this.#replaceIfOld(existing) : await this.#makeFirst();
    const authority = readAuthority(issuer);
    await this.#publish(authority.trustBundle);
    return authority;
  }

  async #makeFirst(): Promise<Secret> {
    return this.#makeIssuer((await this.#get(ROOT_SECRET)) ?? (await this.#makeRoot()));
  }

  async #makeIssuer(root: Secret, replaced?: Secret): Promise<Secret> {
    const { certificate, privateKey } = readPair(root);
    const { trustDomain, clock, client, log } = this.#options;
    const key = createKey();
    const wanted = validityFrom(clock.wallMs(), ISSUER_LIFE_MS);
    const validity = {
      ...wanted,
      notAfterMs: Math.min(wanted.notAfterMs, validityOf(certificate).notAfterMs),
    };
    const issuer = createIssuer(trustDomain, { certificate, privateKey }, key, validity);
    // Roots that somebody added to `ca.crt` stay trusted.
    const roots = replaced ? readPair(replaced).root : certificate;
    const made = tlsSecret(ISSUER_SECRET, issuer, key.export(PKCS8).toString(), roots);
    if (!replaced) return this.#createOrRead(made);
    // The version in it guards against a replica that was faster.
    const renewed = { ...replaced, data: made.data };
    try {
      log.info('Replacing the issuer', { secret: ISSUER_SECRET });
      return await client.replace(secrets, renewed);
    } catch (error) {
      if (codeOf(error) !== 'API_CONFLICT') throw error;
      return this.#mustRead(ISSUER_SECRET);
    }
  }

  async #makeRoot(): Promise<Secret> {
    const { trustDomain, clock } = this.#options;
    const key = createKey();
    const root = createRoot(trustDomain, key, validityFrom(clock.wallMs(), ROOT_LIFE_MS));
    return this.#createOrRead(tlsSecret(ROOT_SECRET, root, key.export(PKCS8).toString(), root));
  }

  /** Only an issuer we made, of a root we hold, is ours to replace. */
  async #replaceIfOld(issuer: Secret): Promise<Secret> {
    if (issuer.metadata.labels?.[LABEL_MANAGED_BY] !== MANAGER) return issuer;
    const { clock, log } = this.#options;
    const { certificate, root: trusted } = readPair(issuer);
    const { notBeforeMs, notAfterMs } = validityOf(certificate);
    const dueMs = notBeforeMs + (notAfterMs - notBeforeMs) * REPLACE_AFTER;
    const nowMs = clock.wallMs();
    // One that is not valid yet was made while the clock was ahead, and nothing it signs is valid before it is.
    if (notBeforeMs <= nowMs && nowMs < dueMs) return issuer;
    const root = await this.#get(ROOT_SECRET);
    const signs = root && splitCertificates(trusted).includes(readPair(root).certificate);
    if (signs) return this.#makeIssuer(root, issuer);
    // What another root signs is trusted neither by linked clusters nor by the workloads of this one.
    log.warn('The issuer is due and is kept, for the root that signed it is not held', {
      secret: ROOT_SECRET,
      notAfter: new Date(notAfterMs).toISOString(),
    });
    return issuer;
  }

  /** Creation is the one atomic step: whoever comes second uses what the first one made. */
  async #createOrRead(made: Secret): Promise<Secret> {
    const { client, log } = this.#options;
    try {
      const created = await client.create(secrets, made);
      log.info('Created a signing key', { secret: made.metadata.name });
      return created;
    } catch (error) {
      if (codeOf(error) !== 'API_CONFLICT') throw error;
      return this.#mustRead(made.metadata.name);
    }
  }

  async #mustRead(name: string): Promise<Secret> {
    const found = await this.#get(name);
    if (found) return found;
    throw new IsthmusError('API_CONFLICT', `Secret ${name} appeared and vanished again`);
  }

  #get(name: string): Promise<Secret | undefined> {
    return this.#options.client.get(secrets, name, SYSTEM_NAMESPACE);
  }

  async #publish(trustBundle: string): Promise<void> {
    const { client, log } = this.#options;
    const current = await client.get(configMaps, TRUST_BUNDLE_CONFIG_MAP, SYSTEM_NAMESPACE);
    if (current?.data?.['ca.crt'] === trustBundle) return;
    const bundle: ConfigMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: TRUST_BUNDLE_CONFIG_MAP,
        namespace: SYSTEM_NAMESPACE,
        labels: { [LABEL_MANAGED_BY]: MANAGER },
      },
      data: { 'ca.crt': trustBundle },
    };
    await client.apply(configMaps, bundle);
    log.info('Published the trust bundle', { configMap: TRUST_BUNDLE_CONFIG_MAP });
  }
}

const PKCS8 = { format: 'pem', type: 'pkcs8' } as const;

function validityFrom(nowMs: number, lifeMs: number): Validity {
  return { notBeforeMs: nowMs - BACKDATE_MS, notAfterMs: nowMs + lifeMs };
}

function tlsSecret(name: string, certificate: string, key: string, root: string): Secret {
  const encode = (text: string) => Buffer.from(text).toString('base64');
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: SYSTEM_NAMESPACE, labels: { [LABEL_MANAGED_BY]: MANAGER } },
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': encode(certificate), 'tls.key': encode(key), 'ca.crt': encode(root) },
  };
}

/** The first certificate of a `kubernetes.io/tls` Secret and its key, checked against each other. */
function readPair(secret: Secret) {
  const name = secret.metadata.name;
  const refuse = (reason: string, cause?: unknown) =>
    new IsthmusError('CERTIFICATE_INVALID', `Secret ${name} cannot be used: ${reason}`, {
      field: `secrets/${name}`,
      cause,
    });
  const decode = (key: string) => Buffer.from(secret.data?.[key] ?? '', 'base64').toString();
  const chain = splitCertificates(decode('tls.crt'));
  const [certificate] = chain;
  if (!certificate) throw refuse('tls.crt holds no certificate');
  try {
    const privateKey = createPrivateKey(decode('tls.key'));
    const parsed = new X509Certificate(certificate);
    if (!parsed.ca) throw new Error('tls.crt is not a CA certificate');
    if (!parsed.checkPrivateKey(privateKey)) throw new Error('tls.key does not fit tls.crt');
    return { certificate, chain, privateKey, root: decode('ca.crt') };
  } catch (cause) {
    throw refuse(describeError(cause));
  }
}

/** How an issuer Secret is used. Without `ca.crt` the self-signed certificates of its chain are the roots. */
function readAuthority(secret: Secret): Authority {
  const { certificate, chain, privateKey, root } = readPair(secret);
  const roots = chain.filter(isSelfSigned);
  const trustBundle = parseTrustBundle(root || roots.join(''), `secrets/${ISSUER_SECRET}.ca.crt`);
  return {
    signer: { certificate, privateKey },
    chain: chain.filter((each) => !isSelfSigned(each)).join(''),
    trustBundle: trustBundle.join(''),
    validity: validityOf(certificate),
  };
}

function isSelfSigned(pem: string): boolean {
  const certificate = new X509Certificate(pem);
  return certificate.checkIssued(certificate);
}

const tokenReview = z.object({
  status: z
    .object({
      authenticated: z.boolean().default(false),
      audiences: z.array(z.string()).default([]),
      user: z.object({ username: z.string().default('') }).default({ username: '' }),
    })
    .default({ authenticated: false, audiences: [], user: { username: '' } }),
});

/**
 * Whom `token` proves, by TokenReview. Throws `IDENTITY_REFUSED`. The answered audiences are checked,
 * for a server that does not know audiences answers as if none had been asked for.
 */
export async function reviewToken(client: KubeClient, token: string): Promise<Caller> {
  const answer = await client.post('/apis/authentication.k8s.io/v1/tokenreviews', {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token, audiences: [IDENTITY_AUDIENCE] },
  });
  const { status } = tokenReview.parse(answer);
  if (!status.authenticated) {
    throw new IsthmusError('IDENTITY_REFUSED', 'The API server does not accept the token');
  }
  if (!status.audiences.includes(IDENTITY_AUDIENCE)) {
    throw new IsthmusError(
      'IDENTITY_REFUSED',
      `The token is not for the audience ${IDENTITY_AUDIENCE}`,
    );
  }
  const match = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(status.user.username);
  const [, namespace, serviceAccount] = match ?? [];
  if (!namespace || !serviceAccount) {
    throw new IsthmusError('IDENTITY_REFUSED', 'The token does not belong to a ServiceAccount');
  }
  return { namespace, serviceAccount };
}
