/**
 * Keys that a JSON body says twice, of which JSON.parse keeps the last in silence. pure
 *
 * Promises: takes time in proportion to the text; paths are those of field validation, such as `data.a`.
 */
import type { JsonObject } from '../values/json.ts';

const found = new WeakMap<JsonObject, readonly string[]>();
const NONE: readonly string[] = [];

/** Remembers what `text`, which `object` was read from, says twice. */
export function noteDuplicates(object: JsonObject, text: string): void {
  const paths = duplicateKeys(text);
  if (paths.length > 0) found.set(object, paths);
}

/** What the body that `object` was read from says twice. */
export function duplicatesOf(object: JsonObject): readonly string[] {
  return found.get(object) ?? NONE;
}

/** A place that is open while the text is read. */
interface Frame {
  readonly path: string;
  /** The keys of an object so far; absent for a list. */
  readonly keys: Set<string> | undefined;
  key: string;
  index: number;
}

/** Paths of repeated keys in `text`, which must be JSON. */
export function duplicateKeys(text: string): string[] {
  const paths: string[] = [];
  const frames: Frame[] = [];
  let awaitsKey = false;
  for (let at = 0; at < text.length; at += 1) {
    const top = frames.at(-1);
    switch (text[at]) {
      case '{':
      case '[': {
        const isObject = text[at] === '{';
        frames.push({
          path: placeOf(top),
          keys: isObject ? new Set() : undefined,
          key: '',
          index: 0,
        });
        awaitsKey = isObject;
        break;
      }
      case '}':
      case ']':
        frames.pop();
        awaitsKey = false;
        break;
      case ',':
        if (top?.keys) awaitsKey = true;
        else if (top) top.index += 1;
        break;
      case '"': {
        const end = endOfString(text, at);
        if (awaitsKey && top?.keys) {
          top.key = JSON.parse(text.slice(at, end + 1)) as string;
          if (top.keys.has(top.key)) paths.push(placeOf(top));
          top.keys.add(top.key);
          awaitsKey = false;
        }
        at = end;
        break;
      }
      default:
    }
  }
  return paths;
}

function placeOf(frame: Frame | undefined): string {
  if (!frame) return '';
  if (!frame.keys) return `${frame.path}[${frame.index}]`;
  return frame.path === '' ? frame.key : `${frame.path}.${frame.key}`;
}

/** Where the string that begins at `start` ends. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return at;
  }
  return text.length;
}
