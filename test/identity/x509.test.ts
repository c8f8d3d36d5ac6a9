/** Certificates: what they say, and that OpenSSL agrees. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseTrustBundle } from '#identity/credentials.ts';
import { createRequest } from '#identity/csr.ts';
import { splitCertificates } from '#identity/pem.ts';
import { createIssuer, createKey, createLeaf, createRoot } from '#identity/x509.ts';
import { createAuthority, systemId, validFor } from './authority-fixture.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const needsOpenssl = hasOpenssl
  ? {}
  : process.env.ISTHMUS_REQUIRE_TOOLS === '1'
    ? {}
    : { skip: 'openssl is missing (Debian package: openssl)' };

test('A leaf carries one SPIFFE id, its DNS names, and is no CA', () => {
  const west = createAuthority('west');
  const credentials = west.leaf({
    id: systemId('west', 'isthmus-identity'),
    dnsNames: ['a.b.svc'],
  });
  const leaf = new X509Certificate(credentials.certificateChain);
  assert.equal(leaf.subject, undefined);
  assert.equal(leaf.ca, false);
  assert.match(
    leaf.subjectAltName ?? '',
    /URI:spiffe:\/\/west\.isthmus\.local\/ns\/isthmus-system/,
  );
  assert.match(leaf.subjectAltName ?? '', /DNS:a\.b\.svc/);
  const issuer = new X509Certificate(west.chain);
  assert.ok(leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey));
  assert.ok(new X509Certificate(west.root).ca);
  assert.ok(Buffer.from(leaf.serialNumber, 'hex').length >= 8);
});

test('Serial numbers differ and are positive', () => {
  const west = createAuthority('west');
  const serials = Array.from(
    { length: 50 },
    () => new X509Certificate(west.of('isthmus-gateway').certificateChain).serialNumber,
  );
  assert.equal(new Set(serials).size, 50);
  for (const serial of serials) assert.ok(Number.parseInt(serial.slice(0, 2), 16) < 0x80);
});

test('A validity beyond 2049 is written as GeneralizedTime', () => {
  const far = validFor(24 * 365 * 40);
  const root = new X509Certificate(createRoot('west.isthmus.local', createKey(), far));
  assert.equal(root.validToDate.getTime(), Math.floor(far.notAfterMs / 1_000) * 1_000);
});

test('parseTrustBundle() names what is wrong with a bundle', () => {
  const west = createAuthority('west');
  assert.equal(parseTrustBundle(west.root + west.root, 'b').length, 2);
  const refuses = (pem: string, reason: RegExp) =>
    assert.throws(
      () => parseTrustBundle(pem, 'spec.trustBundle'),
      (error: unknown) => {
        assert.match(String(error), reason);
        return (error as { code: string }).code === 'TRUST_BUNDLE_INVALID';
      },
    );
  refuses('hello', /spec\.trustBundle holds no PEM certificate/);
  refuses(west.of('isthmus-gateway').certificateChain, /is not a CA certificate/);
  refuses(west.root.replace(/[A-Za-z]{20}\n/, 'A\n'), /cannot be read|not a CA/);
  refuses(west.root.repeat(33), /more than 32 certificates/);
  refuses('x'.repeat(70_000), /more than 65536 characters/);
});

test('OpenSSL accepts the whole chain under -x509_strict', needsOpenssl, (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'isthmus-x509-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const west = createAuthority('west');
  const { certificateChain } = west.leaf({
    id: systemId('west', 'isthmus-identity'),
    dnsNames: ['isthmus-identity.isthmus-system.svc'],
  });
  const [leaf = '', issuer = ''] = splitCertificates(certificateChain);
  const file = (name: string, text: string) => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const args = ['verify', '-x509_strict', '-CAfile', file('root', west.root)];
  for (const purpose of ['sslserver', 'sslclient']) {
    const output = execFileSync(
      'openssl',
      [...args, '-purpose', purpose, '-untrusted', file('issuer', issuer), file('leaf', leaf)],
      { encoding: 'utf8' },
    );
    assert.match(output, /OK/);
  }
  const below = createLeaf(
    { certificate: issuer, privateKey: west.signer.privateKey },
    createKey(),
    { id: systemId('west', 'x') },
    validFor(1),
  );
  assert.ok(below);
  const request = createRequest(createKey(), systemId('west', 'isthmus-gateway'));
  const csr = spawnSync('openssl', ['req', '-verify', '-noout', '-in', file('csr', request)]);
  assert.equal(csr.status, 0, csr.stderr.toString());
});

test(
  'An issuer somebody else made may be P-384 or RSA, below a root of ours',
  needsOpenssl,
  (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'isthmus-x509-'));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const west = createAuthority('west');
    const keys = [
      generateKeyPairSync('ec', { namedCurve: 'P-384' }),
      generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ];
    for (const { privateKey, publicKey } of keys) {
      const root = { certificate: west.root, privateKey: west.rootKey };
      const issuer = createIssuer('west.isthmus.local', root, publicKey, validFor(100));
      const signer = { certificate: issuer, privateKey };
      const subject = { id: systemId('west', 'isthmus-gateway') };
      const files = {
        root: west.root,
        issuer,
        leaf: createLeaf(signer, createKey(), subject, validFor(1)),
      };
      for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
      const args = 'verify -x509_strict -CAfile root -untrusted issuer leaf'.split(' ');
      assert.match(execFileSync('openssl', args, { cwd: directory, encoding: 'utf8' }), /OK/);
    }
  },
);

test('An Ed25519 key cannot sign, and says so', () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  assert.throws(() => createRoot('west.isthmus.local', privateKey, validFor(1)), {
    code: 'CERTIFICATE_INVALID',
  });
});
