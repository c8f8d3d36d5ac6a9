/**
 * The one function that decides whether a TLS peer may speak. It is asked before any byte is read.
 *
 * TLS has already checked the chain against one bundle; what remains is who the peer is. A resumed
 * session is never admitted, for it may be older than the withdrawal of the root it was made under
 * (research/node.md, section 3).
 */
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { parseId, type SpiffeId } from '#core/id.ts';

/** Who is expected at the other end. */
export interface Expected {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccounts: readonly string[];
}

export type Admission =
  | { readonly admitted: true; readonly id: SpiffeId }
  | { readonly admitted: false; readonly reason: string };

/** Decides about the peer of `socket`, whose handshake is complete. */
export function admit(socket: TLSSocket, expected: Expected): Admission {
  if (!socket.authorized) {
    return refuse(`the certificate is not trusted (${String(socket.authorizationError)})`);
  }
  if (socket.isSessionReused()) return refuse('the TLS session was resumed');
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return refuse('the peer showed no certificate');
  if (certificate.ca) return refuse('the certificate is a CA certificate');
  const id = idOf(certificate);
  if (!id) return refuse('the certificate holds no single SPIFFE id');
  if (id.trustDomain !== expected.trustDomain) {
    return refuse(`trust domain ${id.trustDomain}, expected ${expected.trustDomain}`);
  }
  if (id.namespace !== expected.namespace) {
    return refuse(`namespace ${id.namespace}, expected ${expected.namespace}`);
  }
  if (!expected.serviceAccounts.includes(id.serviceAccount)) {
    const wanted = expected.serviceAccounts.join(' or ');
    return refuse(`service account ${id.serviceAccount}, expected ${wanted}`);
  }
  return { admitted: true, id };
}

/**
 * The SPIFFE id of `certificate`: exactly one URI, of our form (X509-SVID section 5.2). Node quotes
 * names that could be mistaken for several; ours never need that, so a quote refuses the whole.
 */
export function idOf(certificate: X509Certificate): SpiffeId | undefined {
  const names = certificate.subjectAltName ?? '';
  if (names.includes('"')) return undefined;
  const uris = names.split(', ').filter((name) => name.startsWith('URI:'));
  const [uri] = uris;
  return uri !== undefined && uris.length === 1 ? parseId(uri.slice('URI:'.length)) : undefined;
}

function refuse(reason: string): Admission {
  return { admitted: false, reason };
}
