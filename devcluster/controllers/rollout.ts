/**
 * The arithmetic of a rolling update. pure
 *
 * "Deployments: rolling update strategy" of the Kubernetes documentation: at most `maxSurge` pods above
 * the wanted count, never more than `maxUnavailable` below it.
 */

/** Replicas of one ReplicaSet. */
export interface SetCount {
  readonly wanted: number;
  readonly available: number;
}

/** `value` (a count, or a percentage of `total`) as a whole number. */
export function resolveShare(
  value: unknown,
  total: number,
  round: (fraction: number) => number,
): number {
  if (typeof value === 'number') return value;
  const percent = /^(\d+)%$/.exec(String(value))?.[1];
  return percent === undefined ? 0 : round((Number(percent) * total) / 100);
}

/** Bounds of a rolling update of `replicas`; never both zero. */
export function bounds(
  surge: unknown,
  unavailable: unknown,
  replicas: number,
): { maxSurge: number; maxUnavailable: number } {
  const maxSurge = resolveShare(surge, replicas, Math.ceil);
  const maxUnavailable = resolveShare(unavailable, replicas, Math.floor);
  return { maxSurge, maxUnavailable: maxSurge === 0 && maxUnavailable === 0 ? 1 : maxUnavailable };
}

/** How many replicas the new set may have now. */
export function growNew(
  replicas: number,
  maxSurge: number,
  next: SetCount,
  olds: readonly SetCount[],
): number {
  if (next.wanted >= replicas) return replicas;
  const total = olds.reduce((sum, old) => sum + old.wanted, next.wanted);
  const room = Math.max(0, replicas + maxSurge - total);
  return Math.min(replicas, next.wanted + room);
}

/** How many replicas each old set keeps now. */
export function shrinkOld(
  replicas: number,
  maxUnavailable: number,
  next: SetCount,
  olds: readonly SetCount[],
): number[] {
  const total = olds.reduce((sum, old) => sum + old.wanted, next.wanted);
  const minimum = replicas - maxUnavailable;
  const newUnavailable = Math.max(0, next.wanted - next.available);
  let spare = Math.max(0, total - minimum - newUnavailable);
  const kept = olds.map((old) => {
    // Pods that serve nobody may go first, whatever the bounds.
    const unhealthy = Math.min(old.wanted - Math.min(old.available, old.wanted), spare);
    spare -= unhealthy;
    return old.wanted - unhealthy;
  });
  const availableTotal = olds.reduce((sum, old) => sum + old.available, next.available);
  let budget = Math.max(0, availableTotal - minimum);
  return kept.map((wanted) => {
    const gone = Math.min(wanted, budget);
    budget -= gone;
    return wanted - gone;
  });
}
