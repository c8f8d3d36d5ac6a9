/**
 * The remote group as peers describe it: which clusters serve, how far they are, which of them are short themselves. pure
 */
import type { RemoteCandidate } from './candidates.ts';
import type { EndpointGroup } from './group.ts';
import { NOBODY } from './pick.ts';
import { ROW } from './row.ts';
import { FLAG } from './table.ts';

/**
 * Makes the members of `remote` exactly `clusters`; what is known of those that stay is kept. `guessMs`: what a cluster
 * is taken to need that nobody has asked; `served`: as for {@link EndpointGroup.setMembers}.
 */
export function setClusters(
  remote: EndpointGroup,
  clusters: readonly RemoteCandidate[],
  guessMs: (slot: number) => number,
  nowMs: number,
  served: boolean,
): void {
  const { table } = remote;
  const members = clusters.map(({ cluster, weight }) => ({ key: cluster, weight }));
  remote.setMembers(members, nowMs, served);
  for (const { cluster, roundTripMs, spilling } of clusters) {
    const slot = remote.find(cluster)?.slot ?? NOBODY;
    const flags = (table.flags[slot] as number) & ~FLAG.SPILLING;
    table.roundTripMs[slot] = roundTripMs;
    table.flags[slot] = flags | (spilling === true ? FLAG.SPILLING : 0);
    const estimateMs = guessMs(slot);
    if ((flags & FLAG.UNSEEN) !== 0 && estimateMs > 0) table.set(slot, ROW.ESTIMATE, estimateMs);
    remote.weigh(slot);
    remote.place(slot, nowMs);
  }
}
