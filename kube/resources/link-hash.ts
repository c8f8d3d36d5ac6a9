/**
 * What a Link's spec says, as short values that can be compared. pure
 */
import { createHash } from 'node:crypto';
import type { LinkSpec } from './link.ts';

const HASH_CHARACTERS = 16;

/** Under which spec a peer announced what stands in the status: another one takes that back. */
export function specHash({ clusterName, trustDomain, trustBundle, gateways }: LinkSpec): string {
  return hashed([clusterName, trustDomain, trustBundle, gateways]);
}

/**
 * Whom the spec trusts. Whatever was heard under another value was said by whoever held the roots of then, and counts
 * for nothing now.
 */
export function trustHash({ clusterName, trustDomain, trustBundle }: LinkSpec): string {
  return hashed([clusterName, trustDomain, trustBundle]);
}

function hashed(value: readonly unknown[]): string {
  const digest = createHash('sha256').update(JSON.stringify(value)).digest('hex');
  return digest.slice(0, HASH_CHARACTERS);
}
