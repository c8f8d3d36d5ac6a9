/**
 * Listener ports: which port of the gateways stands for which port of which mirror. pure
 *
 * The objects are the record: a port a mirror has is kept. Of two that claim one port the older keeps
 * it. A new port is found from a hash of its owner, so that the same mirror tends to get the same port in
 * every life; a port that was freed lately is given to nobody but its former owner, because clients and
 * kube-proxy may still send there.
 */
import { createHash } from 'node:crypto';
import type { PortRange } from './input.ts';

/** How long a freed port rests. */
export const PORT_REST_MS = 15 * 60_000;

/** A wish for a port. */
export interface PortClaim {
  /** `namespace/mirror:port`. */
  readonly owner: string;
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
 * A port for every claim, by owner; an owner is missing when the range is exhausted. `taken` are ports
 * of objects that are about to go.
 */
export function allocatePorts(
  claims: readonly PortClaim[],
  range: PortRange,
  taken: ReadonlySet<number>,
  resting: ReadonlyMap<number, string>,
): ReadonlyMap<string, number> {
  const given = new Map<string, number>();
  const used = new Set(taken);
  for (const { owner, held } of [...claims].sort(olderFirst)) {
    if (held === undefined || !within(held, range) || used.has(held)) continue;
    given.set(owner, held);
    used.add(held);
  }
  const open = claims.filter((claim) => !given.has(claim.owner));
  for (const { owner } of open.sort((a, b) => compare(a.owner, b.owner))) {
    const port = free(owner, range, used, resting);
    if (port === undefined) continue;
    given.set(owner, port);
    used.add(port);
  }
  return given;
}

function free(
  owner: string,
  range: PortRange,
  used: ReadonlySet<number>,
  resting: ReadonlyMap<number, string>,
): number | undefined {
  const size = range.max - range.min + 1;
  const start = createHash('sha256').update(owner).digest().readUInt32BE(0) % size;
  for (let step = 0; step < size; step += 1) {
    const port = range.min + ((start + step) % size);
    if (!used.has(port) && (resting.get(port) ?? owner) === owner) return port;
  }
  return undefined;
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
