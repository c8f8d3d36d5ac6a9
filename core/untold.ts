/**
 * Which exports a peer is not told of because a catalog has no room for them. pure
 *
 * The oldest are told, so that a new export never takes the place of one that others already use.
 */
import { type CatalogExport, countFitting, exportKey, timeOf } from './catalog.ts';

/** Keys of those among `exports`, all that one peer may see, that are too many. */
export function untoldExports(exports: Iterable<CatalogExport>): ReadonlySet<string> {
  const all = [...exports];
  if (countFitting(all) === all.length) return new Set();
  const aged = all.map((each) => ({ each, key: exportKey(each), ms: ageOf(each) }));
  aged.sort((a, b) => (a.ms === b.ms ? (a.key < b.key ? -1 : 1) : a.ms < b.ms ? -1 : 1));
  const told = countFitting(aged.map(({ each }) => each));
  return new Set(aged.slice(told).map(({ key }) => key));
}

function ageOf({ createdAt }: CatalogExport): number {
  const ms = timeOf(createdAt);
  return Number.isNaN(ms) ? Number.POSITIVE_INFINITY : ms;
}
