/** What each attack does to a bystander: its p99 before, and while the attack goes on. */
import os from 'node:os';
import type { Attacking } from './attacker-part.ts';
import { ATTACKS } from './attacks/all.ts';
import type { BystanderFigures } from './bystander-part.ts';
import { startPart } from './part.ts';
import { PORTS, type Stage } from './stage.ts';

/** What one attack did. */
export interface AttackFigures {
  readonly name: string;
  readonly normalP99Ms: number;
  readonly attackedP99Ms: number;
  readonly ratio: number;
  readonly failed: number;
  /** Refusals by source and rule while it went on. */
  readonly refused: Readonly<Record<string, number>>;
  /** The near gateway's memory at the worst, in bytes. */
  readonly peakBytes: number;
}

/** How long and how often. */
export interface LatencyOptions {
  readonly seconds: number;
  readonly perSecond: number;
  /** Only attacks whose name contains it. */
  readonly only: string;
  progress(text: string): void;
}

const UNDER_WAY_MS = 1_000;
const CALM_MS = 1_500;

/** Runs the attacks one after the other against the near gateway of `stage`. */
export async function measureAttacks(
  stage: Stage,
  options: LatencyOptions,
): Promise<AttackFigures[]> {
  const { seconds, perSecond, only, progress } = options;
  const { host, peer, credentials, near } = stage;
  const bystander = startPart('bystander');
  const ask = () =>
    bystander.ask<BystanderFigures>('measure', { host, port: PORTS.calm, perSecond, seconds });
  const figures: AttackFigures[] = [];
  await ask();
  for (const [at, { name }] of ATTACKS.entries()) {
    if (!name.includes(only)) continue;
    const hostile = `hostile-${at}`;
    const own = credentials.get(hostile);
    if (own === undefined) throw new Error('more attacks than hostile peers');
    const attacker = startPart('attacker');
    // An attacker has machines of its own; here it has what the others leave.
    os.setPriority(attacker.pid, os.constants.priority.PRIORITY_LOW);
    const normal = await ask();
    const before = await near.ask<Record<string, number>>('refused');
    await near.ask('memory', true);
    await attacker.ask('begin', {
      ...{ name, host, port: PORTS.good, peer, credentials: own },
      ...{ source: `127.0.1.${at + 1}`, hostile, hostilePort: PORTS.hostile + at },
    } satisfies Attacking);
    await sleep(UNDER_WAY_MS);
    const attacked = await ask();
    const after = await near.ask<Record<string, number>>('refused');
    const { peakBytes } = await near.ask<{ peakBytes: number }>('memory', false);
    attacker.stop();
    const ratio = attacked.p99Ms / normal.p99Ms;
    const refused = difference(before, after);
    figures.push({
      ...{ name, normalP99Ms: normal.p99Ms, attackedP99Ms: attacked.p99Ms, ratio },
      ...{ failed: attacked.failed, refused, peakBytes },
    });
    const times = `${normal.p99Ms.toFixed(1)} → ${attacked.p99Ms.toFixed(1)} ms`;
    const peak = `${Math.round(peakBytes / 1e6)} MB`;
    progress(
      `${name}: p99 ${times}, ${attacked.failed} failed, ${peak}, ${JSON.stringify(refused)}`,
    );
    await sleep(CALM_MS);
  }
  bystander.stop();
  return figures;
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
