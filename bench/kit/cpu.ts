/**
 * What processes cost, from /proc: CPU time of all their threads, and resident memory.
 */
import { readdirSync, readFileSync } from 'node:fs';

const CLOCK_TICKS_PER_SECOND = 100;
const MILLISECONDS_PER_TICK = 1_000 / CLOCK_TICKS_PER_SECOND;
const NANOSECONDS_PER_MILLISECOND = 1_000_000;

/** `roots` and everything that descends from them. */
export function processTree(roots: readonly number[]): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(statOf(Number(name))[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const tree: number[] = [];
  const walk = (pid: number) => {
    tree.push(pid);
    for (const child of children.get(pid) ?? []) walk(child);
  };
  for (const root of roots) walk(root);
  return tree;
}

/**
 * User plus system time of every thread of `pids`, in milliseconds. The scheduler's own sums are read
 * where the kernel has them, for stat(5) counts in steps of 10 ms; both mean the same time. Throws when
 * one of the processes is gone.
 */
export function cpuMs(pids: readonly number[]): number {
  let sum = 0;
  for (const pid of pids) sum += scheduledMs(pid) ?? ticksMs(pid);
  return sum;
}

/** Resident memory of `pids` in MB. */
export function rssMb(pids: readonly number[]): number {
  let kilobytes = 0;
  for (const pid of pids) {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    kilobytes += Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  }
  return Math.round(kilobytes / 102.4) / 10;
}

function scheduledMs(pid: number): number | undefined {
  let sum = 0;
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const [ran] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
      sum += Number(ran) / NANOSECONDS_PER_MILLISECOND;
    }
    return sum;
  } catch {
    // A kernel without these statistics, or a thread that has just ended.
    return undefined;
  }
}

function ticksMs(pid: number): number {
  const fields = statOf(pid);
  if (fields.length === 0) throw new Error(`process ${pid} of a measured pair has ended`);
  return (Number(fields[11]) + Number(fields[12])) * MILLISECONDS_PER_TICK;
}

/** The fields of /proc/PID/stat from the third on, the first after the name; empty when it is gone. */
function statOf(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}
