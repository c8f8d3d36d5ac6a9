/**
 * Which services are offered here, by which clusters. pure
 */
import { timeOf } from '#core/catalog.ts';
import type { Member, Offer } from './input.ts';

/**
 * Members by service, the oldest export first (KEP-1645); the cluster's name breaks a tie. A time that has not come
 * `now`, or is none, makes nobody older than anybody.
 */
export function offersOf(members: readonly Member[], now: string): ReadonlyMap<string, Offer> {
  const nowMs = timeOf(now);
  const ages = new Map(members.map((each) => [each, ageOf(each, nowMs)]));
  const olderFirst = (a: Member, b: Member) => {
    const [ageA = 0, ageB = 0] = [ages.get(a), ages.get(b)];
    return ageA === ageB ? (a.cluster < b.cluster ? -1 : 1) : ageA < ageB ? -1 : 1;
  };
  const grouped = new Map<string, Member[]>();
  for (const member of members) {
    const key = `${member.export.namespace}/${member.export.name}`;
    const known = grouped.get(key);
    if (known) known.push(member);
    else grouped.set(key, [member]);
  }
  const offers = new Map<string, Offer>();
  for (const [key, group] of grouped) {
    const [first] = group;
    if (first === undefined) continue;
    const { namespace, name } = first.export;
    offers.set(key, { namespace, name, members: group.sort(olderFirst) });
  }
  return offers;
}

/** When an export was made; later than everything where that is not known. */
function ageOf({ export: one }: Member, nowMs: number): number {
  const ms = timeOf(one.createdAt);
  return ms <= nowMs ? ms : Number.POSITIVE_INFINITY;
}
