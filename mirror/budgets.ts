/**
 * Which peer pays for a write, so that none makes this cluster write without end, or others wait. pure
 *
 * What this cluster's own users and gateways cause is paid by nobody. A mirror of several clusters is paid by all of them
 * together, apart from what each pays alone: whoever else takes part in it cannot spend what one of them has.
 */
import type { Rate } from '#core/bucket.ts';
import { ANNOTATION_CLUSTERS } from '#core/names.ts';
import type { Budget } from '#kube/lanes.ts';
import { objectKey } from '#kube/parse.ts';
import type { Action, PlanInput } from './input.ts';

/** Mirrors of one peer written or removed: those of 2,000 services at once, then so many a second. */
export const WRITES_OF_PEER: Rate = { burst: 4_000, perSecond: 100 };
/** The status of one Link written. */
export const STATUS_OF_LINK: Rate = { burst: 20, perSecond: 1 };

type Known = Pick<PlanInput, 'services'> & {
  /** Clusters that are linked. */
  readonly linked: ReadonlySet<string>;
  readonly catalogs: ReadonlyMap<string, Pick<ReadonlySet<string>, 'has'>>;
};

/** What pays for `actions`, which belong together. */
export function budgetOf(actions: readonly Action[], known: Known): Budget | undefined {
  const names = new Set<string>();
  for (const action of actions) {
    // Slices follow their Service, or the gateways.
    if (action.kind === 'EndpointSlice') continue;
    if (action.kind === 'Link') return { name: `Link ${action.key}`, rate: STATUS_OF_LINK };
    const clusters = causesOf(action, known).filter((each) => known.linked.has(each));
    // With one that nobody pays for, none has to wait.
    if (clusters.length === 0) return undefined;
    for (const each of clusters) names.add(each);
  }
  if (names.size === 0) return undefined;
  return { name: [...names].sort().join(','), rate: WRITES_OF_PEER };
}

/** Clusters of which one may be the reason. */
function causesOf(action: Action, known: Known): readonly string[] {
  if (action.kind === 'Service') {
    const key = action.do === 'delete' ? action.key : objectKey(action.object);
    const before = clustersOf(known.services.get(key)?.metadata.annotations);
    // Who leaves a mirror pays as who comes.
    const after = action.do === 'delete' ? [] : clustersOf(action.object.metadata.annotations);
    return [...before, ...after];
  }
  if (action.kind === 'ServiceExport' && action.do === 'status') {
    const key = objectKey(action.object);
    return [...known.catalogs].flatMap(([cluster, exports]) => (exports.has(key) ? [cluster] : []));
  }
  return [];
}

function clustersOf(annotations: Readonly<Record<string, string>> | undefined): readonly string[] {
  return annotations?.[ANNOTATION_CLUSTERS]?.split(',') ?? [];
}
