/**
 * Certificate requests (PKCS #10, RFC 2986): made by a workload, read by identity. pure
 *
 * Reading is strict, for it is the one place where identity parses bytes a stranger chose: sizes are
 * capped before anything is decoded, only DER is taken, the key must be ECDSA P-256, and the request
 * must ask for exactly one SPIFFE URI and nothing else.
 */
import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { describeError, IsthmusError } from '#core/errors.ts';
import { formatId, parseId, type SpiffeId } from '#core/id.ts';
import * as der from './asn1.ts';
import { fromPem, toPem } from './pem.ts';

/** Largest request that is read, in characters of PEM. A real one has about 500. */
export const CSR_CHARS_MAX = 8 * 1024;

const LABEL = 'CERTIFICATE REQUEST';
const OID_EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const OID_SUBJECT_ALT_NAME = '2.5.29.17';
const OID_ECDSA_SHA256 = '1.2.840.10045.4.3.2';

/** What a valid request asks for. */
export interface CertificateRequest {
  readonly id: SpiffeId;
  readonly publicKey: KeyObject;
}

/** A PEM request for `id`, signed by `key` (ECDSA P-256). */
export function createRequest(key: KeyObject, id: SpiffeId): string {
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const names = der.sequence(der.taggedBytes(6, Buffer.from(formatId(id), 'latin1')));
  const san = der.sequence(
    der.oid(OID_SUBJECT_ALT_NAME),
    der.boolean(true),
    der.octets(der.toDer(names)),
  );
  const attribute = der.sequence(der.oid(OID_EXTENSION_REQUEST), der.set(der.sequence(san)));
  const info = der.sequence(
    der.integer(Buffer.from([0])),
    der.sequence(),
    der.fromDer(spki),
    der.tagged(0, attribute),
  );
  const signature = sign('sha256', der.toDer(info), key);
  const algorithm = der.sequence(der.oid(OID_ECDSA_SHA256));
  return toPem(LABEL, der.toDer(der.sequence(info, algorithm, der.bits(signature))));
}

/** Reads and verifies a request. Throws `CERTIFICATE_INVALID` with the reason. */
export function readRequest(pem: string): CertificateRequest {
  if (pem.length > CSR_CHARS_MAX) {
    throw invalid(`it has ${pem.length} characters, more than ${CSR_CHARS_MAX}`);
  }
  try {
    return parse(pem);
  } catch (error) {
    // Malformed DER surfaces as any kind of error from the decoder.
    throw error instanceof IsthmusError ? error : invalid(describeError(error));
  }
}

function parse(pem: string): CertificateRequest {
  const blocks = fromPem(LABEL, pem);
  const [bytes] = blocks;
  if (!bytes || blocks.length !== 1) throw new Error(`expected one PEM block "${LABEL}"`);
  const request = der.fromDer(bytes);
  // The signature is checked over re-encoded bytes, which must therefore be the bytes received.
  if (!der.toDer(request).equals(bytes)) throw new Error('it is not DER');
  const parts = der.childrenOf(request, 'request');
  const [info, algorithm, signature] = parts;
  if (!info || parts.length !== 3) throw new Error('it has not three parts');
  const [version, , spki, attributes, ...rest] = der.childrenOf(info, 'request info');
  if (!der.integerOf(version, 'version').equals(Buffer.from([0]))) throw new Error('not version 1');
  if (!spki || rest.length > 0) throw new Error('the request info has unknown parts');
  const publicKey = createPublicKey({ key: der.toDer(spki), format: 'der', type: 'spki' });
  requireP256(publicKey);
  const [scheme, ...parameters] = der.childrenOf(algorithm, 'signature algorithm');
  if (parameters.length > 0 || der.oidOf(scheme, 'signature algorithm') !== OID_ECDSA_SHA256) {
    throw new Error('the signature is not ECDSA with SHA-256');
  }
  if (!verify('sha256', der.toDer(info), publicKey, der.bitsOf(signature, 'signature'))) {
    throw new Error('the signature does not match');
  }
  return { id: requestedId(attributes), publicKey };
}

function requireP256(key: KeyObject): void {
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new Error('the key is not ECDSA P-256');
  }
}

/** The one SPIFFE id asked for: one attribute, one extension in it, one URI in that. */
function requestedId(attributes: der.Asn1 | undefined): SpiffeId {
  const attribute = only(der.childrenOf(attributes, 'attributes', 0), 'attribute');
  const [attributeId, values] = der.childrenOf(attribute, 'attribute');
  if (der.oidOf(attributeId, 'attribute id') !== OID_EXTENSION_REQUEST) {
    throw new Error('an attribute other than the extension request is present');
  }
  const list = only(der.childrenOf(values, 'extension request', 'set'), 'extension request');
  const extension = only(der.childrenOf(list, 'extensions'), 'extension');
  const parts = der.childrenOf(extension, 'extension');
  if (der.oidOf(parts[0], 'extension id') !== OID_SUBJECT_ALT_NAME) {
    throw new Error('an extension other than the subject alternative name is requested');
  }
  const names = der.fromDer(der.octetsOf(parts.at(-1), 'subject alternative name'));
  const name = only(der.childrenOf(names, 'names'), 'name');
  if (!der.isTagged(name, 6)) throw new Error('the name is not a URI');
  const id = parseId(der.taggedBytesOf(name, 6, 'name').toString('latin1'));
  if (!id) throw new Error('the URI is not a SPIFFE id of a service account');
  return id;
}

function only(values: readonly der.Asn1[], what: string): der.Asn1 {
  const [first] = values;
  if (!first || values.length !== 1)
    throw new Error(`expected one ${what}, found ${values.length}`);
  return first;
}

function invalid(reason: string): IsthmusError {
  return new IsthmusError('CERTIFICATE_INVALID', `The certificate request is refused: ${reason}`);
}
