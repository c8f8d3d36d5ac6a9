/**
 * What the columns of `kubectl get` are made of: those that all kinds have, and how ages are written. pure
 */
import { asString, at, type Json } from '../values/json.ts';
import type { Column } from './resources.ts';

/** What a column shows of an object. */
export type Cell = Column['cell'];

/** A column that is always shown. */
export function column(name: string, cell: Cell, type: Column['type'] = 'string'): Column {
  return name === 'Name'
    ? { name, type, format: 'name', priority: 0, cell }
    : { name, type, priority: 0, cell };
}

/** A column of `-o wide`. */
export function wide(name: string, cell: Cell): Column {
  return { name, type: 'string', priority: 1, cell };
}

/** The first column of every kind. */
export const NAME = column('Name', (object) => asString(at(object, 'metadata', 'name')));
/** The time since creation. */
export const AGE = column('Age', (object, nowMs) =>
  ageOf(at(object, 'metadata', 'creationTimestamp'), nowMs),
);
/** What a kind without columns of its own shows. */
export const DEFAULT_COLUMNS: readonly Column[] = [NAME, AGE];

/** The time since `timestamp`, as `kubectl` writes it. */
export function ageOf(timestamp: Json | undefined, nowMs: number): string {
  const then = Date.parse(asString(timestamp));
  return Number.isNaN(then) ? '<unknown>' : humanDuration(nowMs - then);
}

/** k8s.io/apimachinery/pkg/util/duration.HumanDuration. */
function humanDuration(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`;
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (hours < 192) return hours % 24 === 0 ? `${days}d` : `${days}d${hours % 24}h`;
  if (days < 365 * 2) return `${days}d`;
  const years = Math.floor(days / 365);
  return days % 365 === 0 || years >= 8 ? `${years}y` : `${years}y${days % 365}d`;
}
