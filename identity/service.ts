/**
 * The identity service as a whole: load the authority, serve, keep both current, end.
 *
 * Promises: it is ready when it can sign; an API server that is away delays the
 * first load and later refreshes, and stops nothing that already works but the checking of tokens.
 */
import type { Server } from 'node:https';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { backoffMs } from '#core/backoff.ts';
import { type Clock, pause, sleep } from '#core/clock.ts';
import { codeOf, describeError } from '#core/errors.ts';
import type { SpiffeId } from '#core/id.ts';
import type { Logger } from '#core/log.ts';
import type { Random } from '#core/random.ts';
import type { Caller } from './authority.ts';
import { IDENTITY_DNS_NAME } from './client.ts';
import type { Credentials } from './credentials.ts';
import { createSigningServer, renewServerCertificate } from './server.ts';
import { type Authority, createSigning, ownCredentials } from './signing.ts';
import { renewalMs } from './workload.ts';

export interface IdentityServiceOptions {
  /** Who this replica is. */
  readonly id: SpiffeId;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly registry: Registry;
  /** Reads, and where needed makes, what to sign with. */
  load(): Promise<Authority>;
  review(token: string): Promise<Caller>;
  /** Binds the server to this pod's address. */
  listen(server: Server): Promise<void>;
  /** Called once, when certificates can be signed. */
  onReady(): void;
}

/** How often Secrets are read again: an issuer renewed by somebody else is in use this soon. */
const REFRESH_MS = 60_000;
const LOAD_RETRY = { firstMs: 100, maxMs: 5_000 };

/** Serves until `signal` aborts; resolves when every socket is closed. */
export async function runIdentityService(
  options: IdentityServiceOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log } = options;
  const metrics = createMetrics(options.registry);
  let authority = await loadFirst(options, signal);
  let own = issueOwn(options, authority);
  const server = createSigningServer({
    credentials: own.credentials,
    clock,
    log,
    sign: createSigning({
      trustDomain: options.id.trustDomain,
      clock,
      authority: () => authority,
      review: options.review,
    }),
    onAnswered: (code, tookMs) => {
      metrics.requests.inc({ code });
      metrics.seconds.observe(tookMs / 1_000);
    },
  });
  await options.listen(server);
  metrics.issuerEnds.set(authority.validity.notAfterMs / 1_000);
  log.info('Signing', { id: own.credentials.id });
  options.onReady();
  while (await pause(clock, REFRESH_MS, signal)) {
    authority = await refresh(options, authority);
    metrics.issuerEnds.set(authority.validity.notAfterMs / 1_000);
    if (own.authority.chain === authority.chain && clock.wallMs() < own.renewAtMs) continue;
    own = issueOwn(options, authority);
    renewServerCertificate(server, own.credentials);
  }
  await new Promise<void>((resolve) => {
    // What is being answered may finish, what is idle goes at once.
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}

async function loadFirst(options: IdentityServiceOptions, signal: AbortSignal): Promise<Authority> {
  for (let failures = 1; ; failures++) {
    try {
      return await options.load();
    } catch (error) {
      signal.throwIfAborted();
      const fields = { code: codeOf(error), reason: describeError(error) };
      options.log.warn('Cannot load the signing key', fields);
      await sleep(options.clock, backoffMs(LOAD_RETRY, failures, options.random), signal);
    }
  }
}

async function refresh(options: IdentityServiceOptions, known: Authority): Promise<Authority> {
  try {
    return await options.load();
  } catch (error) {
    const fields = { code: codeOf(error), reason: describeError(error) };
    options.log.warn('Cannot refresh the signing key: the known one stays in use', fields);
    return known;
  }
}

interface Own {
  readonly authority: Authority;
  readonly credentials: Credentials;
  readonly renewAtMs: number;
}

function issueOwn(options: IdentityServiceOptions, authority: Authority): Own {
  const nowMs = options.clock.wallMs();
  const credentials = ownCredentials(authority, options.id, [IDENTITY_DNS_NAME], nowMs);
  return {
    authority,
    credentials,
    renewAtMs: nowMs + renewalMs(credentials, nowMs, options.random),
  };
}

function createMetrics(registry: Registry) {
  const registers = [registry];
  return {
    requests: new Counter({
      name: 'isthmus_identity_requests_total',
      help: 'Certificate requests answered, by code of the error table, or OK.',
      labelNames: ['code'],
      registers,
    }),
    seconds: new Histogram({
      name: 'isthmus_identity_request_seconds',
      help: 'Time to answer a certificate request.',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
      registers,
    }),
    issuerEnds: new Gauge({
      name: 'isthmus_identity_issuer_not_after_seconds',
      help: 'When the certificate this cluster signs with ends, in seconds since the epoch.',
      registers,
    }),
  };
}
