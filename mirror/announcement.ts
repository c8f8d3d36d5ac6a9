/**
 * What a peer announced of itself, and whose word counts: docs/decisions/0015-whose-word-counts.md. pure
 */
import type { Catalog } from '#core/catalog.ts';
import type { LinkSpec, LinkStatus } from '#kube/resources/link.ts';
import { specHash } from '#kube/resources/link-hash.ts';
import { bundleProblem } from '#kube/resources/link-validation.ts';
import type { Verdict } from './conditions.ts';

/** What the status of a Link says beside its conditions. */
export type Facts = Omit<LinkStatus, 'conditions' | 'observedGeneration'>;

/**
 * What of the peer's announcement goes into the status; `catalog`: it is connected, and was heard under the roots `spec`
 * names now. It counts only as long as `spec` says what it said when the announcement came: somebody who writes a new
 * bundle means it, and the holder of the old one must not have the last word.
 */
export function announcement(
  known: LinkStatus,
  spec: LinkSpec,
  catalog: Catalog | undefined,
): { readonly facts: Facts; readonly verdict: Verdict } {
  const hash = specHash(spec);
  const kept: Facts =
    known.specHash === hash && known.trustBundle !== undefined
      ? {
          specHash: hash,
          trustBundle: known.trustBundle,
          ...(known.gateways === undefined ? {} : { gateways: known.gateways }),
        }
      : {};
  if (catalog === undefined) {
    const current = kept.trustBundle !== undefined;
    const verdict: Verdict = current
      ? {
          status: 'True',
          reason: 'Current',
          message: 'The bundle the peer announced last is in use.',
        }
      : {
          status: 'Unknown',
          reason: 'NotAnnounced',
          message: 'The bundle in spec.trustBundle is in use until the peer announces its own.',
        };
    return { facts: kept, verdict };
  }
  const { trustBundle } = catalog.cluster;
  // A later release may know other ways.
  const gateways = catalog.cluster.gateways.flatMap(({ host, port, transport }) =>
    transport === 'tls' ? [{ host, port, transport }] : [],
  );
  const problem = bundleProblem(trustBundle);
  if (problem !== undefined) {
    const message = `The bundle the peer announced ${problem}; the one before stays in use. Look at identity in the peer.`;
    return { facts: kept, verdict: { status: 'False', reason: 'InvalidBundle', message } };
  }
  return {
    facts: { specHash: hash, trustBundle, ...(gateways.length === 0 ? {} : { gateways }) },
    verdict: {
      status: 'True',
      reason: 'Current',
      message: 'The bundle the peer announced is in use.',
    },
  };
}
