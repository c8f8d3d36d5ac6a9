/**
 * Field numbers of the messages that clients send in protobuf, from `messages.txt`.
 *
 * One message a line, by the names of the field table. The numbers are part of the public API: they stand in the tags of
 * `types.go` in k8s.io/api and k8s.io/apimachinery. A `*` marks a field that is a pointer, whose zero value means something, a
 * `u` a time with microseconds, and `...` a message whose fields JSON has among those of the message around it.
 */
import { readFileSync } from 'node:fs';

/** One field of a message. */
export interface Entry {
  /** In JSON. */
  readonly name: string;
  readonly keepsZero: boolean;
  readonly isMicro: boolean;
  /** The message whose fields are read as those around it. */
  readonly inlined: string | undefined;
}

let lines: Map<string, string> | undefined;
const tables = new Map<string, ReadonlyMap<number, Entry>>();

/** The fields of `message` by number; `undefined` when it is not known. */
export function tableOf(message: string): ReadonlyMap<number, Entry> | undefined {
  lines ??= load();
  const line = lines.get(message);
  if (line === undefined) return undefined;
  let table = tables.get(message);
  if (!table) {
    table = new Map(line.split(' ').map(entryOf));
    tables.set(message, table);
  }
  return table;
}

function load(): Map<string, string> {
  const text = readFileSync(new URL('messages.txt', import.meta.url), 'utf8');
  return new Map(
    text.split('\n').map((line): [string, string] => {
      const space = line.indexOf(' ');
      return [line.slice(0, space), line.slice(space + 1)];
    }),
  );
}

function entryOf(item: string): [number, Entry] {
  const [name = '', number = ''] = item.split('=');
  const inlined = name.startsWith('...') ? name.slice(3) : undefined;
  const [keepsZero, isMicro] = [number.endsWith('*'), number.endsWith('u')];
  return [Number.parseInt(number, 10), { name, keepsZero, isMicro, inlined }];
}
