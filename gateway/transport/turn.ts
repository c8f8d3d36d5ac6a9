/**
 * The end of a turn of the event loop: everything said in a turn leaves in one write per connection.
 */

/** Whoever has gathered output and writes it when the turn ends. */
export interface Flushable {
  flush(): void;
}

/** Those of this turn, and those of the one before: swapped, so that neither is made anew each turn. */
let waiting: (Flushable | undefined)[] = [];
let flushed: (Flushable | undefined)[] = [];
/** How many wait; what lies behind is empty, for to cut a list costs more than to empty it. */
let count = 0;
let scheduled = false;
const ended: (() => void)[] = [];

/**
 * Calls `flushable.flush()` once all events of this turn have been seen. Callers keep from asking twice.
 */
export function flushAtTurnEnd(flushable: Flushable): void {
  waiting[count] = flushable;
  count += 1;
  wantTurnEnd();
}

/** Has those told of the end of this turn who asked for that, whether or not anything is flushed in it. */
export function wantTurnEnd(): void {
  if (scheduled) return;
  scheduled = true;
  // The check phase follows right after the poll phase, in which sockets are read.
  setImmediate(flushAll);
}

/** Calls `callback` at the end of every turn that was wanted to end or had anything to flush, when all of it has left. */
export function atTurnEnd(callback: () => void): void {
  ended.push(callback);
}

function flushAll(): void {
  scheduled = false;
  // What is asked for from within a flush belongs to the next turn.
  const now = waiting;
  const many = count;
  waiting = flushed;
  flushed = now;
  count = 0;
  let at = 0;
  try {
    for (; at < many; at += 1) {
      const each = now[at] as Flushable;
      now[at] = undefined;
      each.flush();
    }
  } finally {
    if (at < many) now.fill(undefined, at, many);
    for (let each = 0; each < ended.length; each += 1) (ended[each] as () => void)();
  }
}
