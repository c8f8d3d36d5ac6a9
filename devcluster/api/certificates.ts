/**
 * The API server's own certificate authority, new in every run.
 *
 * X.509 by hand (RFC 5280, DER): two small certificates do not need a library. ECDSA P-256 with SHA-256.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';

/** A serving certificate and the CA that signed it, PEM. */
export interface ServingCertificate {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const DAY_MS = 86_400_000;
const LIFE_MS = 365 * DAY_MS;

/** A certificate for `hosts` (IPv4 addresses and DNS names), valid for a year from `nowMs`. */
export function servingCertificate(hosts: readonly string[], nowMs: number): ServingCertificate {
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const server = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = commonName('kubernetes');
  const authorityId = keyId(authority.publicKey);
  const ca = issue({
    issuer,
    subject: issuer,
    nowMs,
    publicKey: authority.publicKey,
    signer: authority.privateKey,
    extensions: [
      extension('2.5.29.19', true, sequence(Buffer.from([0x01, 0x01, 0xff]))),
      extension('2.5.29.15', true, Buffer.from([0x03, 0x02, 0x02, 0xa4])),
      extension('2.5.29.14', false, tagged(0x04, authorityId)),
    ],
  });
  const names = hosts.map((host) =>
    isIPv4(host)
      ? tagged(0x87, Buffer.from(host.split('.').map(Number)))
      : tagged(0x82, Buffer.from(host)),
  );
  const certificate = issue({
    issuer,
    subject: commonName('kube-apiserver'),
    nowMs,
    publicKey: server.publicKey,
    signer: authority.privateKey,
    extensions: [
      extension('2.5.29.19', true, sequence()),
      extension('2.5.29.15', true, Buffer.from([0x03, 0x02, 0x07, 0x80])),
      extension('2.5.29.37', false, sequence(oid('1.3.6.1.5.5.7.3.1'))),
      extension('2.5.29.35', false, sequence(tagged(0x80, authorityId))),
      extension('2.5.29.17', false, sequence(...names)),
    ],
  });
  return {
    ca: pem(ca),
    certificate: pem(certificate),
    key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

interface Request {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly nowMs: number;
  readonly publicKey: KeyObject;
  readonly signer: KeyObject;
  readonly extensions: readonly Buffer[];
}

function issue(request: Request): Buffer {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const body = sequence(
    tagged(0xa0, Buffer.from([0x02, 0x01, 0x02])),
    tagged(0x02, serial),
    ECDSA_SHA256,
    request.issuer,
    sequence(utcTime(request.nowMs - DAY_MS), utcTime(request.nowMs + LIFE_MS)),
    request.subject,
    request.publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...request.extensions)),
  );
  const signature = sign('sha256', body, request.signer);
  return sequence(body, ECDSA_SHA256, tagged(0x03, Buffer.concat([Buffer.from([0]), signature])));
}

function keyId(key: KeyObject): Buffer {
  const spki = key.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest().subarray(0, 20);
}

function commonName(name: string): Buffer {
  const attribute = sequence(oid('2.5.4.3'), tagged(0x0c, Buffer.from(name)));
  return sequence(tagged(0x31, attribute));
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  const flag = critical ? [Buffer.from([0x01, 0x01, 0xff])] : [];
  return sequence(oid(id), ...flag, tagged(0x04, value));
}

function utcTime(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]/g, '').slice(2, 14);
  return tagged(0x17, Buffer.from(`${text}Z`));
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const digits = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return tagged(0x06, Buffer.from(bytes));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
