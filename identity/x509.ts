/**
 * Certificates: the root of a cluster, its issuer, and the leaves of its workloads. pure but for the
 * randomness of keys, serial numbers and signatures
 *
 * Promises: everything made here passes `openssl verify -x509_strict`; a leaf carries one SPIFFE URI
 * (X509-SVID section 2), is no CA, and has an empty subject, so that its SAN is critical (RFC 5280
 * section 4.2.1.6). Keys made here are ECDSA P-256; an issuer somebody else made may be P-384 or RSA.
 */
import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { IsthmusError } from '#core/errors.ts';
import { formatId, type SpiffeId } from '#core/id.ts';
import * as der from './asn1.ts';
import { fromPem, toPem } from './pem.ts';

/** Names a certificate stands for. */
export interface Subject {
  readonly id: SpiffeId;
  /** Only for servers that are dialled by name. */
  readonly dnsNames?: readonly string[];
}

/** When a certificate is valid, in milliseconds since the epoch. */
export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** A certificate that signs, with its key. */
export interface Signer {
  /** PEM; where it is a chain, the signing certificate comes first. */
  readonly certificate: string;
  readonly privateKey: KeyObject;
}

const OID = {
  commonName: '2.5.4.3',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;

/** Bits of KeyUsage (RFC 5280 section 4.2.1.3): first byte and unused bits. */
const USAGE_SIGN = { byte: 0x80, unused: 7 };
const USAGE_CA = { byte: 0x06, unused: 1 };
const SERIAL_BYTES = 16;

/** A fresh ECDSA P-256 key. */
export function createKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

/** A self-signed root for `trustDomain`. */
export function createRoot(trustDomain: string, key: KeyObject, validity: Validity): string {
  const name = commonName(`Isthmus root of ${trustDomain}`);
  const publicKey = exportPublicKey(key);
  return signCertificate(key, {
    issuer: name,
    subject: name,
    validity,
    publicKey,
    extensions: [
      extension(OID.basicConstraints, der.sequence(der.boolean(true)), true),
      keyUsage(USAGE_CA),
      subjectKeyId(publicKey),
      uriNames([`spiffe://${trustDomain}`], [], false),
    ],
  });
}

/** An issuer below `root`: it signs leaves and no further CA (path length 0). */
export function createIssuer(
  trustDomain: string,
  root: Signer,
  publicKey: KeyObject,
  validity: Validity,
): string {
  const parent = readCertificate(root.certificate);
  const constraints = der.sequence(der.boolean(true), der.integer(Buffer.from([0])));
  const spki = exportPublicKey(publicKey);
  return signCertificate(root.privateKey, {
    issuer: parent.subject,
    subject: commonName(`Isthmus issuer of ${trustDomain}`),
    validity,
    publicKey: spki,
    extensions: [
      extension(OID.basicConstraints, constraints, true),
      keyUsage(USAGE_CA),
      subjectKeyId(spki),
      authorityKeyId(parent),
      uriNames([`spiffe://${trustDomain}`], [], false),
    ],
  });
}

/** A leaf for `subject`, whose public key is `publicKey`. */
export function createLeaf(
  issuer: Signer,
  publicKey: KeyObject,
  subject: Subject,
  validity: Validity,
): string {
  const parent = readCertificate(issuer.certificate);
  const spki = exportPublicKey(publicKey);
  return signCertificate(issuer.privateKey, {
    issuer: parent.subject,
    subject: der.sequence(),
    validity,
    publicKey: spki,
    extensions: [
      extension(OID.basicConstraints, der.sequence(), true),
      keyUsage(USAGE_SIGN),
      extension(
        OID.extKeyUsage,
        der.sequence(der.oid(OID.serverAuth), der.oid(OID.clientAuth)),
        false,
      ),
      subjectKeyId(spki),
      authorityKeyId(parent),
      uriNames([formatId(subject.id)], subject.dnsNames ?? [], true),
    ],
  });
}

interface Contents {
  readonly issuer: der.Asn1;
  readonly subject: der.Asn1;
  readonly validity: Validity;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
  readonly extensions: readonly der.Asn1[];
}

/** RFC 5280 section 4.1: the to-be-signed part, signed by `key`. */
function signCertificate(key: KeyObject, contents: Contents): string {
  const scheme = signatureScheme(key);
  const tbs = der.sequence(
    der.tagged(0, der.integer(Buffer.from([2]))),
    der.integer(serialNumber()),
    scheme.algorithm,
    contents.issuer,
    der.sequence(der.time(contents.validity.notBeforeMs), der.time(contents.validity.notAfterMs)),
    contents.subject,
    der.fromDer(contents.publicKey),
    der.tagged(3, der.sequence(...contents.extensions)),
  );
  const signature = sign(scheme.digest, der.toDer(tbs), key);
  return toPem('CERTIFICATE', der.toDer(der.sequence(tbs, scheme.algorithm, der.bits(signature))));
}

/** Algorithm and digest by which `key` signs. ECDSA takes no parameters, RSA a NULL (RFC 5758, 4055). */
function signatureScheme(key: KeyObject): {
  readonly algorithm: der.Asn1;
  readonly digest: string;
} {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType === 'ec' && curve === 'prime256v1') {
    return { algorithm: der.sequence(der.oid('1.2.840.10045.4.3.2')), digest: 'sha256' };
  }
  if (key.asymmetricKeyType === 'ec' && curve === 'secp384r1') {
    return { algorithm: der.sequence(der.oid('1.2.840.10045.4.3.3')), digest: 'sha384' };
  }
  if (key.asymmetricKeyType === 'rsa') {
    return {
      algorithm: der.sequence(der.oid('1.2.840.113549.1.1.11'), der.nothing()),
      digest: 'sha256',
    };
  }
  throw new IsthmusError(
    'CERTIFICATE_INVALID',
    `Cannot sign with a key of type ${key.asymmetricKeyType} ${curve ?? ''}: use ECDSA P-256, P-384 or RSA`,
  );
}

/** Positive, without a leading zero byte, 127 bits of chance. */
function serialNumber(): Buffer {
  const serial = randomBytes(SERIAL_BYTES);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return serial;
}

interface Parent {
  readonly subject: der.Asn1;
  readonly keyId: Buffer;
}

/** What a child certificate must repeat of the first certificate of `pem`. */
function readCertificate(pem: string): Parent {
  const [first] = fromPem('CERTIFICATE', pem);
  if (!first) throw new IsthmusError('CERTIFICATE_INVALID', 'No certificate in the PEM text');
  try {
    const [tbs] = der.childrenOf(der.fromDer(first), 'certificate');
    const fields = der.childrenOf(tbs, 'tbsCertificate');
    const [, , , , , subject, spki] = fields;
    if (!subject || !spki) throw new Error('the subject or key is missing');
    return { subject, keyId: existingKeyId(fields) ?? keyIdOf(der.toDer(spki)) };
  } catch (cause) {
    throw new IsthmusError('CERTIFICATE_INVALID', 'Cannot read the signing certificate', { cause });
  }
}

function existingKeyId(fields: readonly der.Asn1[]): Buffer | undefined {
  const block = fields.find((field) => der.isTagged(field, 3));
  if (!block) return undefined;
  const [list] = der.childrenOf(block, 'extensions', 3);
  for (const each of der.childrenOf(list, 'extensions')) {
    const parts = der.childrenOf(each, 'extension');
    if (der.oidOf(parts[0], 'extension id') !== OID.subjectKeyIdentifier) continue;
    return der.octetsOf(der.fromDer(der.octetsOf(parts.at(-1), 'extension value')), 'key id');
  }
  return undefined;
}

function exportPublicKey(key: KeyObject): Buffer {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return publicKey.export({ format: 'der', type: 'spki' });
}

/** RFC 5280 section 4.2.1.2, method 1. */
function keyIdOf(spki: Buffer): Buffer {
  const [, key] = der.childrenOf(der.fromDer(spki), 'public key');
  return createHash('sha1').update(der.bitsOf(key, 'public key')).digest();
}

function subjectKeyId(spki: Buffer): der.Asn1 {
  return extension(OID.subjectKeyIdentifier, der.octets(keyIdOf(spki)), false);
}

function authorityKeyId(parent: Parent): der.Asn1 {
  const value = der.sequence(der.taggedBytes(0, parent.keyId));
  return extension(OID.authorityKeyIdentifier, value, false);
}

function keyUsage(usage: { readonly byte: number; readonly unused: number }): der.Asn1 {
  return extension(OID.keyUsage, der.bits(Buffer.from([usage.byte]), usage.unused), true);
}

function uriNames(uris: readonly string[], dnsNames: readonly string[], critical: boolean) {
  const names = [
    ...uris.map((uri) => der.taggedBytes(6, Buffer.from(uri, 'latin1'))),
    ...dnsNames.map((name) => der.taggedBytes(2, Buffer.from(name, 'latin1'))),
  ];
  return extension(OID.subjectAltName, der.sequence(...names), critical);
}

function commonName(text: string): der.Asn1 {
  return der.sequence(der.set(der.sequence(der.oid(OID.commonName), der.utf8(text.slice(0, 64)))));
}

function extension(id: string, value: der.Asn1, critical: boolean): der.Asn1 {
  const content = der.octets(der.toDer(value));
  return critical
    ? der.sequence(der.oid(id), der.boolean(true), content)
    : der.sequence(der.oid(id), content);
}
