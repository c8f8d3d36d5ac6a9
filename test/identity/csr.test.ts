/** Certificate requests: what is read back, and everything that must be refused. */
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { test } from 'node:test';
import { formatId } from '#core/id.ts';
import * as der from '#identity/asn1.ts';
import { createRequest, readRequest } from '#identity/csr.ts';
import { fromPem, toPem } from '#identity/pem.ts';
import { createKey } from '#identity/x509.ts';
import { systemId } from './authority-fixture.ts';

const ID = systemId('west', 'isthmus-gateway');
const LABEL = 'CERTIFICATE REQUEST';

function refused(pem: string, reason: RegExp): void {
  assert.throws(
    () => readRequest(pem),
    (error: unknown) => {
      assert.equal((error as { code: string }).code, 'CERTIFICATE_INVALID', String(error));
      assert.match(String(error), reason);
      return true;
    },
  );
}

/** A request that asks for whatever the test wants, correctly signed. */
function handmade(options: {
  readonly key?: KeyObject;
  readonly extensions?: readonly der.Asn1[];
  readonly attributes?: (request: der.Asn1) => der.Asn1[];
}): string {
  const key = options.key ?? createKey();
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const extensions = options.extensions ?? [san(uri(formatId(ID)))];
  const request = der.sequence(
    der.oid('1.2.840.113549.1.9.14'),
    der.set(der.sequence(...extensions)),
  );
  const info = der.sequence(
    der.integer(Buffer.from([0])),
    der.sequence(),
    der.fromDer(spki),
    der.tagged(0, ...(options.attributes?.(request) ?? [request])),
  );
  const signature = sign('sha256', der.toDer(info), key);
  const algorithm = der.sequence(der.oid('1.2.840.10045.4.3.2'));
  return toPem(LABEL, der.toDer(der.sequence(info, algorithm, der.bits(signature))));
}

const uri = (text: string) => der.taggedBytes(6, Buffer.from(text));
const dns = (text: string) => der.taggedBytes(2, Buffer.from(text));
const san = (...names: der.Asn1[]) =>
  der.sequence(der.oid('2.5.29.17'), der.octets(der.toDer(der.sequence(...names))));

test('readRequest() returns the id and key that createRequest() put in', () => {
  const key = createKey();
  const { id, publicKey } = readRequest(createRequest(key, ID));
  assert.deepEqual(id, ID);
  assert.ok(publicKey.equals(createPublicKey(key)));
  assert.deepEqual(readRequest(handmade({})).id, ID);
});

test('readRequest() refuses RSA, P-384 and Ed25519 keys', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
  refused(handmade({ key: rsa }), /not ECDSA P-256/);
  refused(handmade({ key: p384 }), /not ECDSA P-256/);
});

test('readRequest() refuses a request that was changed after it was signed', () => {
  const [bytes = Buffer.alloc(0)] = fromPem(LABEL, createRequest(createKey(), ID));
  const at = bytes.indexOf('isthmus-gateway');
  const changed = Buffer.from(bytes);
  changed.write('isthmus-mirrors', at);
  refused(toPem(LABEL, changed), /signature does not match/);
});

test('readRequest() never accepts a request with any one byte changed', () => {
  const [bytes = Buffer.alloc(0)] = fromPem(LABEL, createRequest(createKey(), ID));
  for (let index = 0; index < bytes.length; index++) {
    const changed = Buffer.from(bytes);
    changed[index] = (changed[index] ?? 0) ^ 0x11;
    refused(toPem(LABEL, changed), /./);
  }
});

test('readRequest() takes exactly one URI and nothing else', () => {
  const good = uri(formatId(ID));
  refused(handmade({ extensions: [san(good, good)] }), /expected one name, found 2/);
  refused(handmade({ extensions: [san(good), san(good)] }), /expected one extension, found 2/);
  refused(handmade({ extensions: [san(good, dns('evil'))] }), /expected one name/);
  refused(handmade({ extensions: [san(dns('evil'))] }), /not a URI/);
  refused(handmade({ extensions: [san(uri('https://x'))] }), /not a SPIFFE id/);
  refused(handmade({ extensions: [] }), /expected one extension, found 0/);
  refused(handmade({ attributes: (each) => [each, each] }), /expected one attribute, found 2/);
  const ca = der.sequence(
    der.oid('2.5.29.19'),
    der.octets(der.toDer(der.sequence(der.boolean(true)))),
  );
  refused(handmade({ extensions: [ca] }), /other than the subject alternative name/);
});

test('readRequest() refuses what is too large, not PEM, or not DER', () => {
  refused('x'.repeat(9_000), /more than 8192/);
  refused('hello', /expected one PEM block/);
  refused(toPem(LABEL, Buffer.from('hello')), /./);
  const pem = createRequest(createKey(), ID);
  refused(pem + pem, /expected one PEM block/);
  const [bytes = Buffer.alloc(0)] = fromPem(LABEL, pem);
  refused(toPem(LABEL, Buffer.concat([bytes, Buffer.from([0])])), /./);
});
