/**
 * PEM, strictly: RFC 7468 blocks in and out. pure
 */

/** Largest trust bundle or chain we read, in characters. */
export const PEM_CHARS_MAX = 64 * 1024;
/** Most certificates in one bundle or chain. */
export const PEM_CERTIFICATES_MAX = 32;

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----\r?\n([A-Za-z0-9+/=\r\n]+?)\r?\n?-----END \1-----/g;

/** One PEM block of `label`. */
export function toPem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** The contents of every block of `label` in `text`, in order. Text between blocks is ignored. */
export function fromPem(label: string, text: string): Buffer[] {
  return [...text.matchAll(BLOCK)]
    .filter((match) => match[1] === label)
    .map((match) => Buffer.from(match[2] ?? '', 'base64'));
}

/** The certificates of a bundle or chain, one PEM text each, in order. */
export function splitCertificates(text: string): string[] {
  return fromPem('CERTIFICATE', text).map((der) => toPem('CERTIFICATE', der));
}
