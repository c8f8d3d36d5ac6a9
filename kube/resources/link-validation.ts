/**
 * What is wrong with a Link, field by field. pure
 *
 * The CRD refuses most of it already; this is for what a schema cannot say (certificates), for API
 * servers without our CRD's newest schema, and for commands that check before they write.
 */
import { X509Certificate } from 'node:crypto';
import { parseId } from '#core/id.ts';
import { header, raw } from '../parse.ts';
import { type Link, type LinkSpec, linkSpec, linkStatus } from './link.ts';
import { type Problem, problemOf } from './problem.ts';

/** A bundle holds at most this many certificates. */
export const BUNDLE_CERTIFICATES_MAX = 32;

const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Reads a Link; never fails because of its `spec`, which the problems then describe. */
export function parseLink(value: unknown): Link {
  const object = raw(value);
  const { spec, problems } = readSpec(object.spec);
  const status = linkStatus.safeParse(object.status ?? {});
  return {
    ...header(object, 'isthmus.dev/v1alpha1', 'Link'),
    spec,
    clusterName: claimedName(object.spec),
    problems,
    // A status somebody else broke is no reason to stop: it is written again.
    status: status.success ? status.data : {},
  };
}

/**
 * What is wrong with the PEM text `bundle` as a trust bundle, or `undefined`. Every certificate must
 * be readable and a CA's; nothing but white space and comments may stand between them.
 */
export function bundleProblem(bundle: string): string | undefined {
  const blocks = bundle.match(PEM_BLOCK) ?? [];
  if (blocks.length === 0) return 'holds no PEM certificate (-----BEGIN CERTIFICATE-----)';
  if (blocks.length > BUNDLE_CERTIFICATES_MAX) {
    return `holds ${blocks.length} certificates, at most ${BUNDLE_CERTIFICATES_MAX} are allowed`;
  }
  if (bundle.replace(PEM_BLOCK, '').includes('-----')) {
    return 'holds something that is not a certificate: a private key must never stand here';
  }
  for (const [index, block] of blocks.entries()) {
    const problem = certificateProblem(block);
    if (problem !== undefined) return `certificate ${index + 1} ${problem}`;
  }
  return undefined;
}

function certificateProblem(pem: string): string | undefined {
  try {
    const certificate = new X509Certificate(pem);
    if (!certificate.ca) return 'is not a CA certificate, so it signs nobody';
    // A leaf's id in a root would make the root a workload; the name check later relies on it.
    const uri = /URI:(spiffe:[^,\s]+)/.exec(certificate.subjectAltName ?? '')?.[1];
    return uri !== undefined && parseId(uri) !== undefined
      ? 'is a workload certificate'
      : undefined;
  } catch (error) {
    return `cannot be read (${error instanceof Error ? error.message : String(error)})`;
  }
}

function readSpec(value: unknown): {
  readonly spec: LinkSpec | undefined;
  readonly problems: readonly Problem[];
} {
  const read = linkSpec.safeParse(value ?? {});
  if (!read.success) return { spec: undefined, problems: read.error.issues.map(problemOf) };
  const message = bundleProblem(read.data.trustBundle);
  if (message === undefined) return { spec: read.data, problems: [] };
  return { spec: undefined, problems: [{ field: 'spec.trustBundle', message }] };
}

function claimedName(spec: unknown): string | undefined {
  if (typeof spec !== 'object' || spec === null || !('clusterName' in spec)) return undefined;
  return typeof spec.clusterName === 'string' ? spec.clusterName : undefined;
}
