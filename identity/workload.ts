/**
 * The identity of this process: obtained once, renewed for ever.
 *
 * The key is made here, in memory, and never leaves. A request is repeated with backoff and jitter
 * until it is answered, so that a component may start before identity does; from two thirds of a
 * certificate's life it is renewed, and the old one stays in use until the new one is there. Files are
 * read again at every attempt, for tokens and bundles rotate.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { backoffMs } from '#core/backoff.ts';
import { type Clock, sleep, type Timer } from '#core/clock.ts';
import { codeOf, describeError, IsthmusError } from '#core/errors.ts';
import { formatId, type SpiffeId } from '#core/id.ts';
import type { Logger } from '#core/log.ts';
import type { Address, Network } from '#core/network.ts';
import type { Random } from '#core/random.ts';
import { idOf } from './admit.ts';
import { requestCertificate } from './client.ts';
import { type Credentials, parseTrustBundle, validityOf } from './credentials.ts';
import { createRequest } from './csr.ts';
import type { SignAnswer } from './protocol.ts';
import { createKey } from './x509.ts';

export type { Credentials } from './credentials.ts';

export interface WorkloadIdentityOptions {
  /** Who this process is; its ServiceAccount token must say the same. */
  readonly id: SpiffeId;
  /** Cluster address of identity. */
  readonly identityAddress: Address;
  readonly network: Network;
  /** Projected token, audience `identity.isthmus.dev`. */
  readonly tokenFile: string;
  /** Trust bundle of the own cluster, by which identity itself is verified. */
  readonly bundleFile: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Renewal begins after this share of a certificate's life, or up to a tenth of it later. */
const RENEW_AFTER = 2 / 3;
const RENEW_SPREAD = 0.1;
/**
 * Between two renewals, however little life is left: what an issuer that soon ends signs is due at once, and so is all that
 * anybody signs where the clocks are hours apart.
 */
export const RENEWED_EACH_MS = 30_000;
/** How often it is looked whether renewal is due: clocks are put right, and machines sleep, while a timer counts on. */
const LOOK_MS = 60_000;
/** The first attempts come quickly: at a cluster's start identity is up within a second or two. */
const RETRY = { firstMs: 100, maxMs: 10_000 };

/** Obtains and renews the credentials of this process. */
export class WorkloadIdentity {
  readonly #options: WorkloadIdentityOptions;
  readonly #ended = new AbortController();
  readonly #listeners = new Set<(credentials: Credentials) => void>();
  #current: Credentials | undefined;
  #timer: Timer | undefined;

  constructor(options: WorkloadIdentityOptions) {
    this.#options = options;
  }

  /** Resolves with the first credentials; rejects only when `signal` aborts. Renewal has begun then. */
  async start(signal: AbortSignal): Promise<Credentials> {
    signal.addEventListener('abort', () => this.close(), { once: true });
    const credentials = await this.#obtain(signal);
    this.#scheduleRenewal(credentials);
    return credentials;
  }

  /** The newest credentials. Throws before `start()` has resolved. */
  current(): Credentials {
    if (!this.#current) {
      throw new IsthmusError('INTERNAL', 'The identity was used before it was obtained');
    }
    return this.#current;
  }

  /** Calls `listener` after every renewal. */
  onRenewed(listener: (credentials: Credentials) => void): void {
    this.#listeners.add(listener);
  }

  /** Ends renewal. */
  close(): void {
    this.#timer?.cancel();
    this.#ended.abort(new Error('The identity was closed'));
  }

  async #obtain(signal: AbortSignal): Promise<Credentials> {
    const { clock, random, log } = this.#options;
    for (let failures = 1; ; failures++) {
      try {
        signal.throwIfAborted();
        const credentials = await this.#ask(signal);
        this.#current = credentials;
        log.info('Obtained a certificate', {
          id: credentials.id,
          notAfter: new Date(credentials.notAfterMs).toISOString(),
        });
        return credentials;
      } catch (error) {
        signal.throwIfAborted();
        const fields = { code: codeOf(error), reason: describeError(error), attempt: failures };
        // The first failures are what a cluster's start looks like.
        if (failures < 4) log.debug('No certificate yet', fields);
        else log.warn('No certificate yet', fields);
        await sleep(clock, backoffMs(RETRY, failures, random), signal);
      }
    }
  }

  async #ask(signal: AbortSignal): Promise<Credentials> {
    const { id, identityAddress, network, tokenFile, bundleFile, clock } = this.#options;
    const [token, bundle] = await Promise.all([
      readFile(tokenFile, 'utf8'),
      readFile(bundleFile, 'utf8'),
    ]);
    const trustBundle = parseTrustBundle(bundle, bundleFile).join('');
    const key = createKey();
    const answer = await requestCertificate(
      { csr: createRequest(key, id), token: token.trim() },
      {
        address: identityAddress,
        network,
        trustBundle,
        trustDomain: id.trustDomain,
        clock,
        signal,
      },
    );
    const privateKey = key.export({ format: 'pem', type: 'pkcs8' }).toString();
    return acceptAnswer(answer, id, privateKey);
  }

  #scheduleRenewal(credentials: Credentials): void {
    const { clock, random } = this.#options;
    const waitMs = Math.max(RENEWED_EACH_MS, renewalMs(credentials, clock.wallMs(), random));
    const [wallMs, monotonicMs] = [clock.wallMs() + waitMs, clock.monotonicMs() + waitMs];
    const wait = (leftMs: number) => {
      this.#timer = clock.after(Math.min(leftMs, LOOK_MS), () => {
        const left = Math.min(wallMs - clock.wallMs(), monotonicMs - clock.monotonicMs());
        if (left > 0) {
          wait(left);
          return;
        }
        this.#renew().catch((error: unknown) => {
          // Only closing ends a renewal without an answer.
          if (!this.#ended.signal.aborted) throw error;
        });
      });
    };
    wait(waitMs);
  }

  async #renew(): Promise<void> {
    const credentials = await this.#obtain(this.#ended.signal);
    this.#scheduleRenewal(credentials);
    for (const listener of this.#listeners) listener(credentials);
  }
}

/** How long to wait at `nowMs` before renewing `credentials`, in ms. pure */
export function renewalMs(
  credentials: { readonly notBeforeMs: number; readonly notAfterMs: number },
  nowMs: number,
  random: Random,
): number {
  const lifeMs = credentials.notAfterMs - credentials.notBeforeMs;
  const share = RENEW_AFTER + RENEW_SPREAD * random.next();
  return Math.max(0, credentials.notBeforeMs + lifeMs * share - nowMs);
}

/** Checks that the answer is a certificate for our id and our key. Throws `CERTIFICATE_INVALID`. */
function acceptAnswer(answer: SignAnswer, id: SpiffeId, privateKey: string): Credentials {
  const validity = validityOf(answer.certificateChain);
  const leaf = new X509Certificate(answer.certificateChain);
  const signedId = idOf(leaf);
  if (!signedId || formatId(signedId) !== formatId(id)) {
    throw new IsthmusError('CERTIFICATE_INVALID', 'Identity signed another id than ours');
  }
  if (!leaf.checkPrivateKey(createPrivateKey(privateKey))) {
    throw new IsthmusError('CERTIFICATE_INVALID', 'Identity signed another key than ours');
  }
  const trustBundle = parseTrustBundle(answer.trustBundle, 'trustBundle').join('');
  return {
    id: formatId(id),
    certificateChain: answer.certificateChain,
    privateKey,
    trustBundle,
    ...validity,
  };
}
