/**
 * Whom to ask when nobody is left who may be asked: while anything may be there, something is asked. pure
 */
import type { Dice } from './dice.ts';
import type { Endpoint } from './endpoint.ts';
import type { EndpointGroup } from './group.ts';
import { STANDING } from './members.ts';
import { NOBODY, pickStanding } from './pick.ts';

/** Standings after the first, in the order in which they are asked. */
const LAST_RESORTS = [
  STANDING.RELUCTANT,
  STANDING.PENALISED,
  STANDING.FAILING,
  STANDING.UNREACHABLE,
] as const;

/** The slot of one that is not among `tried`, local before remote; {@link NOBODY}: there is none. */
export function lastResort(
  local: EndpointGroup,
  remote: EndpointGroup,
  dice: Dice,
  nowMs: number,
  tried: readonly Endpoint[],
): number {
  for (const standing of LAST_RESORTS) {
    const near = pickStanding(local, dice, nowMs, tried, standing);
    if (near !== NOBODY) return near;
    const far = pickStanding(remote, dice, nowMs, tried, standing);
    if (far !== NOBODY) return far;
  }
  return NOBODY;
}
