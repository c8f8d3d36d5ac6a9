/**
 * Listener ports: which port of the gateways stands for which port of which mirror. pure
 *
 * The objects are the record: a port a mirror has is kept. Of two that claim one port the older keeps
 * it. A new port is found from a hash of its owner, so that the same mirror tends to get the same port in
 * every life; a port that was freed lately is given to nobody but its former owner, because clients and
 * kube-proxy may still send there. However much one Link brings in, some ports are left for the others.
 */
import { createHash } from 'node:crypto';
import type { PortRange } from './input.ts';

/** How long a freed port rests. */
export const PORT_REST_MS = 15 * 60_000;
/** A Link has at most so many times the ports that are free: alone, eight ninths of the range. */
export const PORTS_OF_LINK = 8;

/** A wish for a port. */
export interface PortClaim {
  /** `namespace/mirror:port`. */
  readonly owner: string;
  /** Name of the Link that brings its mirror in. */
  readonly link: string;
  /** The port it has now. */
  readonly held: number | undefined;
  /** When its mirror was created; empty for one that does not exist yet. */
  readonly since: string;
}

/** The owner's name of the port `port` of the mirror `key`. */
export function portOwner(key: string, port: number): string {
  return `${key}:${port}`;
}

/**
 * A port for every claim, by owner; an owner is missing when no port is left for its Link. `taken` are
 * ports of objects that are about to go.
 */
export function allocatePorts(
  claims: readonly PortClaim[],
  range: PortRange,
  taken: ReadonlySet<number>,
  resting: ReadonlyMap<number, string>,
): ReadonlyMap<string, number> {
  const given = new Map<string, number>();
  const used = new Set(taken);
  const had = new Map<string, number>();
  const give = ({ owner, link }: PortClaim, port: number) => {
    given.set(owner, port);
    used.add(port);
    had.set(link, (had.get(link) ?? 0) + 1);
  };
  for (const claim of [...claims].sort(olderFirst)) {
    const { held } = claim;
    if (held === undefined || !within(held, range) || used.has(held)) continue;
    give(claim, held);
  }
  const former = new Map([...resting].map(([port, owner]) => [owner, port]));
  const occupied = new Set([...used, ...resting.keys()].filter((port) => within(port, range)));
  // Counted, so that a full range is never searched.
  let free = range.max - range.min + 1 - occupied.size;
  for (const claim of inTurns(claims.filter((each) => !given.has(each.owner)))) {
    const own = former.get(claim.owner);
    if (own !== undefined && within(own, range) && !used.has(own)) {
      give(claim, own);
    } else if ((had.get(claim.link) ?? 0) < PORTS_OF_LINK * free) {
      const port = freePort(claim.owner, range, occupied);
      give(claim, port);
      occupied.add(port);
      free -= 1;
    }
  }
  return given;
}

/** One of each Link after the other, so that Links that come at once get the same. */
function inTurns(claims: readonly PortClaim[]): readonly PortClaim[] {
  const turns = new Map<string, number>();
  return [...claims]
    .sort((a, b) => compare(a.owner, b.owner))
    .map((claim) => {
      const turn = turns.get(claim.link) ?? 0;
      turns.set(claim.link, turn + 1);
      return { claim, turn };
    })
    .sort((a, b) => a.turn - b.turn)
    .map(({ claim }) => claim);
}

/** The first port from the hash of `owner` on that is not `occupied`; there must be one. */
function freePort(owner: string, range: PortRange, occupied: ReadonlySet<number>): number {
  const size = range.max - range.min + 1;
  let step = createHash('sha256').update(owner).digest().readUInt32BE(0) % size;
  while (occupied.has(range.min + step)) step = (step + 1) % size;
  return range.min + step;
}

function within(port: number, range: PortRange): boolean {
  return Number.isInteger(port) && port >= range.min && port <= range.max;
}

/** A mirror without creation time does not exist yet, so it is younger than all that do. */
function olderFirst(a: PortClaim, b: PortClaim): number {
  if (a.since === '' || b.since === '') {
    return a.since === b.since ? compare(a.owner, b.owner) : a.since === '' ? 1 : -1;
  }
  return compare(a.since, b.since) || compare(a.owner, b.owner);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
