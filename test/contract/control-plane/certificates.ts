/**
 * The certificates of a control plane: one authority, a serving certificate, client certificates.
 *
 * Kubernetes reads the user from the common name and the groups from the organisations ("Authenticating:
 * X.509 client certificates"). ECDSA P-256, good for a day: no cluster of the contract lives longer.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';
import * as der from '#identity/asn1.ts';
import { toPem } from '#identity/pem.ts';

/** A certificate and its key, PEM. */
export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

const HOUR_MS = 3_600_000;
const ECDSA_SHA256 = '1.2.840.10045.4.3.2';
const OID = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extKeyUsage: '2.5.29.37',
  subjectAltName: '2.5.29.17',
  subjectKeyId: '2.5.29.14',
  authorityKeyId: '2.5.29.35',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;

/** Signs what a control plane needs. */
export class Authority {
  /** PEM. */
  readonly certificate: string;
  readonly #key: KeyObject;
  readonly #name: der.Asn1;
  readonly #keyId: Buffer;
  readonly #nowMs: number;

  constructor(nowMs: number) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#nowMs = nowMs;
    this.#key = privateKey;
    this.#name = named('contract-ca');
    this.#keyId = keyIdOf(publicKey);
    this.certificate = this.#issue(this.#name, publicKey, [
      extension(OID.basicConstraints, der.sequence(der.boolean(true)), true),
      // keyCertSign and cRLSign.
      extension(OID.keyUsage, der.bits(Buffer.from([0x06]), 1), true),
    ]);
  }

  /** For a server at `hosts`, IPv4 addresses and DNS names. */
  serving(hosts: readonly string[]): Pair {
    const names = hosts.map((host) =>
      isIPv4(host)
        ? der.taggedBytes(7, Buffer.from(host.split('.').map(Number)))
        : der.taggedBytes(2, Buffer.from(host)),
    );
    const alternatives = extension(OID.subjectAltName, der.sequence(...names), false);
    return this.#leaf(named('contract-server'), OID.serverAuth, [alternatives]);
  }

  /** For the user `name` in `groups`. */
  client(name: string, groups: readonly string[] = []): Pair {
    return this.#leaf(named(name, groups), OID.clientAuth, []);
  }

  #leaf(subject: der.Asn1, usage: string, more: readonly der.Asn1[]): Pair {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const certificate = this.#issue(subject, publicKey, [
      extension(OID.basicConstraints, der.sequence(), true),
      // digitalSignature.
      extension(OID.keyUsage, der.bits(Buffer.from([0x80]), 7), true),
      extension(OID.extKeyUsage, der.sequence(der.oid(usage)), false),
      extension(OID.authorityKeyId, der.sequence(der.taggedBytes(0, this.#keyId)), false),
      ...more,
    ]);
    return { certificate, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
  }

  #issue(subject: der.Asn1, publicKey: KeyObject, extensions: readonly der.Asn1[]): string {
    const serial = randomBytes(16);
    serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
    const algorithm = der.sequence(der.oid(ECDSA_SHA256));
    const body = der.sequence(
      der.tagged(0, der.integer(Buffer.from([2]))),
      der.integer(serial),
      algorithm,
      this.#name,
      der.sequence(der.time(this.#nowMs - HOUR_MS), der.time(this.#nowMs + 24 * HOUR_MS)),
      subject,
      der.fromDer(publicKey.export({ type: 'spki', format: 'der' })),
      der.tagged(
        3,
        der.sequence(
          ...extensions,
          extension(OID.subjectKeyId, der.octets(keyIdOf(publicKey)), false),
        ),
      ),
    );
    const signature = sign('sha256', der.toDer(body), this.#key);
    return toPem('CERTIFICATE', der.toDer(der.sequence(body, algorithm, der.bits(signature))));
  }
}

/** The keys by which ServiceAccount tokens are signed and verified, PEM. */
export function serviceAccountKeys(): { readonly privateKey: string; readonly publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

function named(commonName: string, organizations: readonly string[] = []): der.Asn1 {
  const attribute = (id: string, text: string) =>
    der.set(der.sequence(der.oid(id), der.utf8(text)));
  return der.sequence(
    ...organizations.map((text) => attribute(OID.organization, text)),
    attribute(OID.commonName, commonName),
  );
}

function extension(id: string, value: der.Asn1, critical: boolean): der.Asn1 {
  const content = der.octets(der.toDer(value));
  return critical
    ? der.sequence(der.oid(id), der.boolean(true), content)
    : der.sequence(der.oid(id), content);
}

function keyIdOf(key: KeyObject): Buffer {
  const spki = key.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest().subarray(0, 20);
}
