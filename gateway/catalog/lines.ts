/**
 * A catalog message → the lines that say it, none longer than a peer takes. pure
 *
 * A message that is too long for one line is begun there and continued by deltas of the same position. All but the
 * last say that more follows, so that nobody takes the beginning for the whole; a release that does not know the word
 * has the rest a moment later.
 */
import { CATALOG_LIMITS, type CatalogExport, type CatalogMessage } from '#core/catalog.ts';

/** At least one line. One export is far shorter than a line, by the bounds on what it holds. */
export function catalogLines(
  message: CatalogMessage,
  bytesMax: number = CATALOG_LIMITS.lineBytesMax,
): string[] {
  const whole = JSON.stringify(message);
  if (message.kind === 'heartbeat' || Buffer.byteLength(whole) <= bytesMax) return [whole];
  const first = (exports: readonly CatalogExport[]): CatalogMessage =>
    message.kind === 'snapshot'
      ? { ...message, exports, more: true }
      : { ...message, changed: exports, more: true };
  const { position } = message;
  const further = (changed: readonly CatalogExport[], more: boolean): CatalogMessage => ({
    kind: 'delta',
    position,
    changed,
    removed: [],
    leftOut: {},
    more,
  });
  const parts: CatalogExport[][] = [[]];
  let room = bytesMax - sizeOf(first([]));
  for (const each of message.kind === 'snapshot' ? message.exports : message.changed) {
    const size = sizeOf(each) + 1;
    if (size > room) {
      parts.push([]);
      room = bytesMax - sizeOf(further([], true));
    }
    parts.at(-1)?.push(each);
    room -= size;
  }
  const last = parts.length - 1;
  return parts.map((part, at) => JSON.stringify(at === 0 ? first(part) : further(part, at < last)));
}

function sizeOf(value: CatalogMessage | CatalogExport): number {
  return Buffer.byteLength(JSON.stringify(value));
}
