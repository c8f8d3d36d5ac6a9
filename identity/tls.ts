/**
 * TLS settings for every port and every dial of Isthmus.
 *
 * Promises: TLS 1.3 only, both sides show a certificate, and each peer is verified against its own
 * bundle alone, never a union, so that one peer's look-alike root cannot reach another's context
 * (DESIGN, "One port, many bundles"). No handshake builds a context: contexts are kept for as long as
 * the credentials they were made from. No session is ever resumed on a port of ours.
 */
import { constants } from 'node:crypto';
import {
  type ConnectionOptions,
  createSecureContext,
  type SecureContext,
  type TlsOptions,
} from 'node:tls';
import { clusterOfServerName, linkServerName } from '#core/names.ts';
import type { Credentials } from './credentials.ts';

/** AES-128 first: measured fastest, and strong enough for keys that live a day. */
const CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256';
/** By this name members of one cluster call each other; it selects the own bundle. */
export const CLUSTER_SERVER_NAME = 'cluster.isthmus';
/** Contexts kept per credentials: one per bundle in use. Beyond it the oldest is dropped. */
const CONTEXTS_MAX = 256;
/** A handshake that takes longer is cut. */
export const HANDSHAKE_TIMEOUT_MS = 5_000;

/** What port 4143 needs to know at each handshake. */
export interface LinkTrust {
  credentials(): Credentials;
  /** The current bundle of a linked cluster, PEM; `undefined` refuses the handshake. */
  bundleOf(cluster: string): string | undefined;
}

/**
 * Port 4143. The SNI names the calling cluster and selects a context that trusts that cluster's
 * bundle alone; an unknown or missing name ends the handshake.
 */
export function linkServerOptions(source: LinkTrust): TlsOptions {
  return serverOptions((serverName) => {
    const cluster = clusterOfServerName(serverName);
    const bundle = cluster === undefined ? undefined : source.bundleOf(cluster);
    return bundle === undefined ? undefined : contextFor(source.credentials(), bundle);
  });
}

/** Dialling a peer's port 4143. The peer's name is checked by `admit()`, not by TLS. */
export function linkClientOptions(source: {
  readonly credentials: Credentials;
  readonly ownCluster: string;
  readonly peerBundle: string;
}): ConnectionOptions {
  return clientOptions(
    contextFor(source.credentials, source.peerBundle),
    linkServerName(source.ownCluster),
  );
}

/** A port for members of the own cluster, such as the guarded views of the admin port. */
export function clusterServerOptions(source: { credentials(): Credentials }): TlsOptions {
  return serverOptions((serverName) => {
    if (serverName !== CLUSTER_SERVER_NAME) return undefined;
    const credentials = source.credentials();
    return contextFor(credentials, credentials.trustBundle);
  });
}

/** Dialling a member of the own cluster. Its name is checked by `admit()`. */
export function clusterClientOptions(credentials: Credentials): ConnectionOptions {
  return clientOptions(contextFor(credentials, credentials.trustBundle), CLUSTER_SERVER_NAME);
}

/**
 * OpenSSL still writes tickets under this option, but as references into a session cache that Node
 * leaves empty: whatever session a client offers, the handshake is a full one.
 */
const NO_RESUMPTION = constants.SSL_OP_NO_TICKET;

function serverOptions(choose: (serverName: string) => SecureContext | undefined): TlsOptions {
  return {
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    ciphers: CIPHERS,
    secureOptions: NO_RESUMPTION,
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    // A client that sends no name meets the default context: no certificate, and nobody trusted.
    ca: [],
    SNICallback(serverName, callback) {
      let context: SecureContext | undefined;
      try {
        context = choose(serverName);
      } catch (error) {
        callback(error instanceof Error ? error : new Error(String(error)));
        return;
      }
      if (context) callback(null, context);
      else callback(new Error(`No cluster is linked by the server name "${serverName}"`));
    },
  };
}

function clientOptions(secureContext: SecureContext, servername: string): ConnectionOptions {
  return {
    secureContext,
    servername,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    rejectUnauthorized: true,
    // The SNI names the caller, not the callee; who the callee is, `admit()` decides.
    checkServerIdentity: () => undefined,
  };
}

const contexts = new WeakMap<Credentials, Map<string, SecureContext>>();

/** The context of `credentials` that trusts `bundle` and nothing else; built once. */
function contextFor(credentials: Credentials, bundle: string): SecureContext {
  let known = contexts.get(credentials);
  if (!known) {
    known = new Map();
    contexts.set(credentials, known);
  }
  let context = known.get(bundle);
  if (!context) {
    context = createSecureContext({
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
      ciphers: CIPHERS,
      secureOptions: NO_RESUMPTION,
      cert: credentials.certificateChain,
      key: credentials.privateKey,
      ca: bundle,
    });
    const [oldest] = known.keys();
    if (known.size >= CONTEXTS_MAX && oldest !== undefined) known.delete(oldest);
    known.set(bundle, context);
  }
  return context;
}
