/**
 * Lists and watch events as an API server answers them, around objects that are not looked into yet. pure
 */
import { IsthmusError } from '#core/errors.ts';
import type { WatchEvent } from './client.ts';
import { optionalString, type Raw, raw, required, string } from './parse.ts';
import { refused, statusErrorOf } from './status.ts';

/** What the answer to a list at `path` holds. Throws where it is none: taken for an empty one it would have everything forgotten. */
export function readList(path: string, answer: unknown) {
  const body = raw(answer);
  const { kind, items } = body;
  const meta = raw(body.metadata ?? {});
  const resourceVersion = optionalString(meta, 'resourceVersion') ?? '';
  const isList = kind === undefined || (typeof kind === 'string' && kind.endsWith('List'));
  if (!isList || resourceVersion === '' || !(Array.isArray(items) || items === null)) {
    const wanted = 'a List with items and metadata.resourceVersion';
    throw new IsthmusError(
      'CLUSTER_UNREACHABLE',
      `GET ${path} was answered, but not with ${wanted}`,
      {
        next: 'Something in front of the API server answers in its place: look at the proxies there.',
      },
    );
  }
  const continueToken = optionalString(meta, 'continue');
  return { items: (items ?? []) as readonly unknown[], resourceVersion, continueToken };
}

/** One line of a watch; `undefined` for an event of a type this release does not know. Throws on ERROR. */
export function readEvent(line: string): WatchEvent<unknown> | undefined {
  const event = raw(JSON.parse(line));
  const type = string(event, 'type');
  if (type === 'ERROR') throw refused('the watch ended', statusErrorOf(event.object, 500));
  if (type === 'BOOKMARK') {
    const meta = raw(raw(event.object).metadata);
    const resourceVersion = required(optionalString(meta, 'resourceVersion'), 'resourceVersion');
    return { type, resourceVersion };
  }
  if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED') return undefined;
  return { type, object: event.object };
}

/** What `value`, an object that cannot be read, calls itself: `namespace/name`. */
export function nameOf(value: unknown): string {
  const object: Raw = typeof value === 'object' && value !== null ? (value as Raw) : {};
  const meta = object.metadata;
  const fields: Raw = typeof meta === 'object' && meta !== null ? (meta as Raw) : {};
  return `${String(fields.namespace ?? '')}/${String(fields.name ?? '')}`;
}
