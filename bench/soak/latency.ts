/**
 * What each attack does to a bystander. Three p99s are compared: `normal`, before the attack, through the gateway that
 * will be attacked; `attacked`, through the same gateway while the attack goes on; and `beside`, in those very moments,
 * through a second pair of gateways on the same machine that nobody attacks. What the attacker burns of the machine,
 * and whatever else happens on it, is in `beside` too; what the attack does to the gateway is in `attacked` alone.
 * So that this is known to see anything, the first row is no attack but a gateway that stands still on purpose.
 */
import type { Attacking } from './attacker-part.ts';
import { ATTACKS } from './attacks/all.ts';
import type { Strength } from './attacks/attack.ts';
import type { BystanderFigures } from './bystander-part.ts';
import { startPart } from './part.ts';
import { isBeyond, middleOf } from './promise.ts';
import { HOSTILE_PEERS, PORTS, type Stage } from './stage.ts';
import { giveWay, profileOf, type Spent, watch } from './watch.ts';

/** What one attack did. */
export interface AttackFigures {
  readonly name: string;
  readonly normalP99Ms: number;
  readonly besideP99Ms: number;
  readonly attackedP99Ms: number;
  /** Of `attacked` to the larger of the other two. */
  readonly ratio: number;
  readonly failed: number;
  /** Refusals by source and rule while it went on. */
  readonly refused: Readonly<Record<string, number>>;
  /** The near gateway's memory at the worst, in bytes. */
  readonly peakBytes: number;
  /** What either gateway spent. */
  readonly near: Spent;
  readonly far: Spent;
  /** What the attacker sent meanwhile. */
  readonly strength: Strength;
}

/** How long and how often. */
export interface LatencyOptions {
  readonly seconds: number;
  readonly perSecond: number;
  /** Only attacks whose name contains one of these, separated by commas; `=name`: whose name it is. */
  readonly only: string;
  /** Where profiles of the near gateway are written, one for each attack; empty: none. */
  readonly profiles: string;
  progress(text: string): void;
}

/** An attack that did more than it may is run so many times in all: what a busy machine does seldom happens twice. */
const RUNS = 3;
/** The row that is no attack: it must miss the promise. */
export const STANDING_STILL = '(standing still)';
const STANDING_MS = 40;
const UNDER_WAY_MS = 1_000;
const CALM_MS = 1_000;

/** Runs the attacks one after the other against the near gateway of `stage`, which must have a second pair. */
export async function measureAttacks(
  stage: Stage,
  options: LatencyOptions,
): Promise<AttackFigures[]> {
  const { seconds, perSecond, only, profiles, progress } = options;
  const { host, peer, credentials, calmHost, near, far } = stage;
  if (calmHost === undefined) throw new Error('nobody to compare with');
  const bystander = startPart('bystander');
  const ask = async (): Promise<[BystanderFigures, BystanderFigures]> =>
    bystander.ask('measure', { hosts: [host, calmHost], port: PORTS.calm, perSecond, seconds });
  const measure = async (
    name: string,
    begin: () => Promise<() => Promise<Strength>>,
  ): Promise<AttackFigures> => {
    const [normal] = await ask();
    const before = await near.ask<Record<string, number>>('refused');
    await near.ask('memory', true);
    const end = await begin();
    await sleep(UNDER_WAY_MS);
    const watched = [near, far].map((part, which) => watch(part, profileOf(profiles, name, which)));
    const [attacked, beside] = await ask();
    const [nearSpent, farSpent] = await Promise.all(watched.map((each) => each()));
    if (nearSpent === undefined || farSpent === undefined) throw new Error('nobody was watched');
    const after = await near.ask<Record<string, number>>('refused');
    const { peakBytes } = await near.ask<{ peakBytes: number }>('memory', false);
    const strength = await end();
    const found: AttackFigures = {
      ...{ name, normalP99Ms: normal.p99Ms, besideP99Ms: beside.p99Ms },
      attackedP99Ms: attacked.p99Ms,
      ratio: attacked.p99Ms / Math.max(normal.p99Ms, beside.p99Ms),
      ...{ failed: attacked.failed, refused: difference(before, after), peakBytes },
      ...{ near: nearSpent, far: farSpent, strength },
    };
    progress(lineOf(found));
    await sleep(CALM_MS);
    return found;
  };
  await ask();
  const standingStill = await measure(STANDING_STILL, async () => {
    await near.ask('standStill', STANDING_MS);
    return async () => {
      await near.ask('standStill', 0);
      return { connections: 0, bytes: 0 };
    };
  });
  const figures = [standingStill];
  let attackers = 0;
  const attack = (name: string) => {
    const at = attackers;
    attackers += 1;
    const hostile = `hostile-${at}`;
    const own = credentials.get(hostile);
    if (own === undefined) throw new Error('more attacks than hostile peers');
    const attacking: Attacking = {
      ...{ name, host, port: PORTS.good, peer, credentials: own },
      ...{ source: `127.0.1.${at + 1}`, hostile, hostilePort: PORTS.hostile + at },
    };
    return measure(name, async () => {
      const attacker = startPart('attacker');
      giveWay(attacker);
      await attacker.ask('begin', attacking);
      return async () => {
        const strength = await attacker.ask<Strength>('strength');
        attacker.stop();
        return strength;
      };
    });
  };
  // Runs beyond the first of each that there are peers for: more misses than that are no accident.
  let spare = HOSTILE_PEERS - ATTACKS.length;
  for (const { name } of ATTACKS) {
    if (!isWanted(name, only)) continue;
    const runs = [await attack(name)];
    for (; runs.some(isBeyond) && runs.length < RUNS && spare > 0; spare -= 1)
      runs.push(await attack(name));
    figures.push(middleOf(runs));
  }
  bystander.stop();
  return figures;
}

function isWanted(name: string, only: string): boolean {
  return only
    .split(',')
    .some((each) => (each[0] === '=' ? name === each.slice(1) : name.includes(each)));
}

function lineOf(of: AttackFigures): string {
  const ms = (each: number) => each.toFixed(1);
  const { connections, bytes } = of.strength;
  return [
    `${of.name}: p99 ${ms(of.normalP99Ms)}, beside ${ms(of.besideP99Ms)}, attacked ${ms(of.attackedP99Ms)} ms`,
    `${of.failed} failed, ${Math.round(of.peakBytes / 1e6)} MB, CPU ${of.near.cpu.toFixed(2)} and ${of.far.cpu.toFixed(2)}`,
    `turns ${ms(of.near.turnMs)} and ${ms(of.far.turnMs)} ms`,
    `by ${connections} connections and ${(bytes / 1e6).toFixed(1)} MB, ${JSON.stringify(of.refused)}`,
  ].join(', ');
}

function difference(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): Record<string, number> {
  const grown = Object.entries(after).map(([key, value]) => [key, value - (before[key] ?? 0)]);
  return Object.fromEntries(grown.filter(([, value]) => value !== 0));
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
