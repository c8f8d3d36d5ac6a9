/** The soak's figures as a table, and whether a promise was missed. pure */
import { type AttackFigures, STANDING_STILL } from './latency.ts';
import type { MemoryRow } from './memory.ts';
import { isBeyond } from './promise.ts';

/** Everything measured; empty where it was not asked for. */
export interface SoakResults {
  readonly attacks: readonly AttackFigures[];
  readonly memory: readonly MemoryRow[];
  readonly bodies: readonly MemoryRow[];
}

/** The promises. */
const CROWD_BYTES_MAX = 150e6;
const BODY_BYTES_MAX = 100e6;

/** The table, and whether anything in it is beyond what is promised. */
export function soakTable(results: SoakResults): { text: string; missed: boolean } {
  const lines: string[] = [];
  let missed = false;
  const note = (isMissed: boolean) => {
    missed ||= isMissed;
    return isMissed ? ' !' : '';
  };
  if (results.attacks.length > 0) {
    lines.push(
      'attack                       normal  beside attacked ratio failed  CPU  turns  peak refused',
    );
    for (const each of results.attacks) {
      const beyond = isBeyond(each);
      const rules = Object.keys(each.refused).map((rule) => rule.split(' ')[1]);
      const line = [
        each.name.padEnd(27),
        `${each.normalP99Ms.toFixed(1)}ms`.padStart(7),
        `${each.besideP99Ms.toFixed(1)}ms`.padStart(7),
        `${each.attackedP99Ms.toFixed(1)}ms`.padStart(8),
        each.ratio.toFixed(2).padStart(5),
        String(each.failed).padStart(6),
        Math.max(each.near.cpu, each.far.cpu).toFixed(2).padStart(4),
        `${Math.max(each.near.turnMs, each.far.turnMs).toFixed(1)}ms`.padStart(6),
        megabytes(each.peakBytes).padStart(5),
        rules[0] ?? '–',
      ].join(' ');
      // A gateway that stands still on purpose must be found out: else nothing here means anything.
      const wrong = each.name === STANDING_STILL ? !beyond : beyond || each.failed > 0;
      lines.push(`${line}${note(wrong)}`);
    }
  }
  const rows = [...results.memory, ...results.bodies];
  if (rows.length > 0)
    lines.push('', 'memory, MB                       near rss   peak  far rss   peak');
  for (const { name, near, far } of rows) {
    const figures = [near.rssBytes, near.peakBytes, far.rssBytes, far.peakBytes];
    const beyond = name.includes('streams') && Math.max(...figures) > CROWD_BYTES_MAX;
    lines.push(
      `${name.padEnd(32)} ${figures.map((each) => megabytes(each).padStart(8)).join('')}${note(beyond)}`,
    );
  }
  const [rest, after] = results.bodies;
  if (rest && after) {
    const above = Math.max(
      after.near.peakBytes - rest.near.rssBytes,
      after.far.peakBytes - rest.far.rssBytes,
    );
    lines.push(`large bodies: ${megabytes(above)} MB above rest${note(above > BODY_BYTES_MAX)}`);
  }
  return { text: `${lines.join('\n')}\n`, missed };
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
