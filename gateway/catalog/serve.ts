/**
 * Tells a catalog to one listener: a snapshot, then deltas, then a heartbeat whenever it was quiet.
 *
 * A listener that reads too slowly gets no queue: what it has not taken is made up by the difference
 * to what it was told last.
 */
import type { Writable } from 'node:stream';
import { CATALOG_HEARTBEAT_MS, type Catalog, type CatalogMessage } from '#core/catalog.ts';
import type { Clock } from '#core/clock.ts';
import { catalogLines } from './lines.ts';
import { type CatalogSource, catalogDifference } from './source.ts';

/** Streams in which our catalog is told to one peer: as many as it may dial tunnels, each of which has use for one. */
export const CATALOG_STREAMS_MAX = 1_024;

/** How the catalogs there are now are told to whoever knows nothing yet: however many read slowly, each is held once. */
const snapshots = new WeakMap<Catalog, readonly Buffer[]>();

/** Writes JSON lines into `sink` until it closes. Waits for the first snapshot when there is none. */
export function serveCatalog(source: CatalogSource, sink: Writable, clock: Clock): void {
  let told: Catalog | undefined;
  let blocked = false;
  let quiet = true;
  /** Lines of what was begun to be told; a listener is told all of it before anything newer. */
  let waiting: Buffer[] = [];
  const say = (line: Buffer) => {
    quiet = false;
    blocked = !sink.write(line);
  };
  const update = () => {
    while (!blocked) {
      if (waiting.length === 0) {
        const now = source.current();
        if (now === undefined || now === told) return;
        waiting = [...linesFor(told, now)];
        told = now;
      }
      const line = waiting.shift();
      if (line !== undefined) say(line);
    }
  };
  const heart = clock.every(CATALOG_HEARTBEAT_MS, () => {
    if (quiet && told && !blocked) {
      const { position } = told;
      say(written(JSON.stringify({ kind: 'heartbeat', position } satisfies CatalogMessage)));
    }
    quiet = true;
  });
  const unsubscribe = source.subscribe(update);
  sink.on('drain', () => {
    blocked = false;
    update();
  });
  sink.once('close', () => {
    heart.cancel();
    unsubscribe();
  });
  update();
}

/** What tells `now` to whoever knows `told`. */
function linesFor(told: Catalog | undefined, now: Catalog): readonly Buffer[] {
  const known = told === undefined ? snapshots.get(now) : undefined;
  if (known !== undefined) return known;
  const lines = catalogLines(nextMessage(told, now)).map(written);
  if (told === undefined) snapshots.set(now, lines);
  return lines;
}

function written(line: string): Buffer {
  return Buffer.from(`${line}\n`);
}

function nextMessage(told: Catalog | undefined, now: Catalog): CatalogMessage {
  const { position, cluster } = now;
  if (told?.position.epoch !== position.epoch) {
    const leftOut = Object.fromEntries(now.leftOut ?? []);
    return { kind: 'snapshot', position, cluster, exports: [...now.exports.values()], leftOut };
  }
  const { changed, removed } = catalogDifference(told.exports, now.exports);
  // Who is left out no more is named, too: as changed where it is told again, else here.
  const better = [...(told.leftOut?.keys() ?? [])].filter(
    (key) => !now.leftOut?.has(key) && !now.exports.has(key),
  );
  return {
    kind: 'delta',
    position,
    changed,
    removed: [...removed, ...better],
    leftOut: Object.fromEntries(
      [...(now.leftOut ?? [])].filter(([key, why]) => told.leftOut?.get(key) !== why),
    ),
    ...(told.cluster === cluster ? {} : { cluster }),
  };
}
