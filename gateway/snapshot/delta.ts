/**
 * What changed between two snapshots, so that a worker is sent no more than that. pure
 *
 * What did not change keeps its identity in the snapshot it is applied to.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Snapshot } from './types.ts';

/** The parts of a snapshot that are sent entry by entry. */
const KEYED = ['exports', 'listeners', 'services', 'peers', 'callers'] as const;
/** The parts that are sent whole. */
const WHOLE = ['advertised', 'replicas', 'replicaAddresses', 'readyAddresses'] as const;

type Keyed = (typeof KEYED)[number];
type Whole = (typeof WHOLE)[number];

interface KeyedChange {
  readonly field: Keyed;
  readonly set: readonly (readonly [string | number, unknown])[];
  readonly removed: readonly (string | number)[];
}

/** Structured-clonable. */
export interface SnapshotDelta {
  readonly keyed: readonly KeyedChange[];
  readonly whole: readonly { readonly field: Whole; readonly value: unknown }[];
}

/** What must be said to somebody who knows `before` so that he knows `after`. */
export function snapshotDelta(before: Snapshot, after: Snapshot): SnapshotDelta {
  const keyed = KEYED.map((field) => difference(field, before[field], after[field]));
  const whole = WHOLE.filter((field) => !isDeepStrictEqual(before[field], after[field]));
  return {
    keyed: keyed.filter(({ set, removed }) => set.length > 0 || removed.length > 0),
    whole: whole.map((field) => ({ field, value: after[field] })),
  };
}

/** `before` with `delta` made good. */
export function applySnapshotDelta(before: Snapshot, delta: SnapshotDelta): Snapshot {
  const changed: Record<string, unknown> = {};
  for (const { field, value } of delta.whole) changed[field] = value;
  for (const { field, set, removed } of delta.keyed) {
    const map = new Map<unknown, unknown>(before[field]);
    for (const key of removed) map.delete(key);
    for (const [key, value] of set) map.set(key, value);
    changed[field] = map;
  }
  return { ...before, ...changed };
}

function difference(
  field: Keyed,
  before: ReadonlyMap<string | number, unknown>,
  after: ReadonlyMap<string | number, unknown>,
): KeyedChange {
  const set: (readonly [string | number, unknown])[] = [];
  for (const [key, value] of after) {
    if (!isDeepStrictEqual(before.get(key), value)) set.push([key, value]);
  }
  const removed = [...before.keys()].filter((key) => !after.has(key));
  return { field, set, removed };
}
