/**
 * The end of a turn of the event loop: everything said in a turn leaves in one write per connection.
 */

/** Whoever has gathered output and writes it when the turn ends. */
export interface Flushable {
  flush(): void;
}

/** Those of this turn, and those of the one before: swapped, so that neither is made anew each turn. */
let waiting: Flushable[] = [];
let flushed: Flushable[] = [];
let scheduled = false;

/**
 * Calls `flushable.flush()` once all events of this turn have been seen. Callers keep from asking twice.
 */
export function flushAtTurnEnd(flushable: Flushable): void {
  waiting.push(flushable);
  if (scheduled) return;
  scheduled = true;
  // The check phase follows right after the poll phase, in which sockets are read.
  setImmediate(flushAll);
}

function flushAll(): void {
  scheduled = false;
  // What is asked for from within a flush belongs to the next turn.
  const now = waiting;
  waiting = flushed;
  flushed = now;
  try {
    for (const each of now) each.flush();
  } finally {
    now.length = 0;
  }
}
