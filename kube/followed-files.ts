/**
 * Certificates in files that somebody renews in place: the CA of a server, a client certificate and its key.
 *
 * They are read again when they are older than a minute, or at once when the server refused whoever showed them; what changed
 * is used by the next connection, and those there are end after their last answer. What cannot be read, or does not
 * fit together because only one file of two is written yet, leaves what was read before in force, and the next request tries again.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Clock } from '#core/clock.ts';
import { describeError, IsthmusError } from '#core/errors.ts';
import { type ConnectionMaterial, type HeaderSource, TOKEN_MAX_AGE_MS } from './credentials.ts';

/** Paths of PEM files. */
export type CertificateFiles = Partial<Record<keyof ConnectionMaterial, string>>;

/** `source`, with what stands in `files` for its connections. Throws `INVALID_CONFIG` when they cannot be used now. */
export function followFiles(
  source: HeaderSource,
  files: CertificateFiles,
  clock: Clock,
): HeaderSource {
  let mine = readFiles(files);
  let readMs = clock.monotonicMs();
  let given: ConnectionMaterial | undefined;
  let shown: ConnectionMaterial = mine;
  const refresh = () => {
    try {
      const read = readFiles(files);
      readMs = clock.monotonicMs();
      if (JSON.stringify(read) !== JSON.stringify(mine)) mine = read;
      else return;
    } catch {
      // As the header says: what was read before stays in force. The server has the last word on it.
      return;
    }
    shown = { ...mine, ...given };
  };
  return {
    headers(fresh) {
      if (fresh || clock.monotonicMs() - readMs > TOKEN_MAX_AGE_MS) refresh();
      return source.headers(fresh);
    },
    certificate() {
      const now = source.certificate?.();
      if (now !== given) {
        given = now;
        shown = { ...mine, ...given };
      }
      return shown;
    },
  };
}

/** A context takes a bundle that is cut short for one without certificates, and then trusts nobody. */
function checkBundle(bundle: string): void {
  const blocks =
    bundle.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  const begun = bundle.split('-----BEGIN CERTIFICATE-----').length - 1;
  if (blocks.length === 0 || blocks.length !== begun) throw new Error('the CA is not whole');
  for (const block of blocks) new X509Certificate(block);
}

function readFiles(files: CertificateFiles): ConnectionMaterial {
  try {
    const entries = Object.entries(files).map(([name, path]) => [name, readFileSync(path, 'utf8')]);
    const material: ConnectionMaterial = Object.fromEntries(entries);
    createSecureContext(material);
    if (material.ca !== undefined) checkBundle(material.ca);
    return material;
  } catch (error) {
    const paths = Object.values(files).join(', ');
    throw new IsthmusError(
      'INVALID_CONFIG',
      `the certificates of the API server or its client cannot be used (${paths}): ${describeError(error)}`,
      { cause: error },
    );
  }
}
