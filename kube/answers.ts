/**
 * Objects, lists and watch events as an API server answers them: what cannot be read is `ANSWER_UNREADABLE`. pure
 */
import { describeError, IsthmusError } from '#core/errors.ts';
import type { LineSplitter } from '#core/lines.ts';
import type { Resource, WatchEvent } from './client.ts';
import { FieldError, optionalString, type Raw, raw, required, string } from './parse.ts';
import { refused, statusErrorOf } from './status.ts';
import type { KubeObject } from './types.ts';

/** `answer` as the object `name` that was asked for. */
export function readObject<T extends KubeObject>(
  resource: Resource<T>,
  { name, namespace }: { readonly name: string; readonly namespace?: string | undefined },
  answer: unknown,
): T {
  const where = namespace === undefined ? name : `${namespace}/${name}`;
  return readable(`${resource.kind} ${where}`, () => resource.parse(answer));
}

/** What the answer to a list at `path` holds. Throws where it is none: taken for an empty one it would have everything forgotten. */
export function readList(path: string, answer: unknown) {
  const { kind, items, resourceVersion, continueToken } = readable(`the list ${path}`, () => {
    const body = raw(answer);
    const meta = raw(body.metadata ?? {});
    return {
      kind: body.kind,
      items: body.items,
      resourceVersion: optionalString(meta, 'resourceVersion') ?? '',
      continueToken: optionalString(meta, 'continue'),
    };
  });
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
  return { items: (items ?? []) as readonly unknown[], resourceVersion, continueToken };
}

/** The lines that `chunk` of a watch completes. */
export function readLines(lines: LineSplitter, chunk: Uint8Array): readonly string[] {
  return readable('a watch event', () => lines.push(chunk));
}

/** One line of a watch; `undefined` for an event of a type this release does not know. Throws on ERROR. */
export function readEvent(line: string): WatchEvent<unknown> | undefined {
  const event = readable('a watch event', () => eventOf(raw(JSON.parse(line))));
  if (event?.type !== 'ERROR') return event;
  throw refused('the watch ended', statusErrorOf(event.object, 500));
}

function eventOf(
  event: Raw,
): WatchEvent<unknown> | { readonly type: 'ERROR'; readonly object: unknown } | undefined {
  const type = string(event, 'type');
  if (type === 'BOOKMARK') {
    const meta = raw(raw(event.object).metadata);
    const resourceVersion = required(optionalString(meta, 'resourceVersion'), 'resourceVersion');
    return { type, resourceVersion };
  }
  if (type !== 'ERROR' && type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED') {
    return undefined;
  }
  return { type, object: event.object };
}

/** What `value`, an object that cannot be read, calls itself: `namespace/name`. */
export function nameOf(value: unknown): string {
  const object: Raw = typeof value === 'object' && value !== null ? (value as Raw) : {};
  const meta = object.metadata;
  const fields: Raw = typeof meta === 'object' && meta !== null ? (meta as Raw) : {};
  return `${String(fields.namespace ?? '')}/${String(fields.name ?? '')}`;
}

/** What `read` makes of `what`; where it is not what it has to be, the error says so and names the field. */
function readable<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const field = error instanceof FieldError && error.path !== '' ? error.path : undefined;
    const message = `${what} cannot be read: ${describeError(error)}`;
    throw new IsthmusError('ANSWER_UNREADABLE', message, { field, cause: error });
  }
}
