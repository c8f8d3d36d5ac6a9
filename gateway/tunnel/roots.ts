/**
 * Whether a bundle that changed still vouches for whom it vouched before. pure
 */
import { splitCertificates } from '#identity/pem.ts';

/**
 * Whether each root of the bundle `before` (PEM) is in `after`, too. A cluster that renews its roots adds the new one
 * first, and whatever was admitted by the old one would be admitted again.
 */
export function keepsRoots(before: string, after: string): boolean {
  if (before === after) return true;
  const kept = new Set(splitCertificates(after));
  const roots = splitCertificates(before);
  return roots.length > 0 && roots.every((root) => kept.has(root));
}
