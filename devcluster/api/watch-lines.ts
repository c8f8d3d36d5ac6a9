/**
 * Lines of watches: what a watcher is told of a change, in the form it asked for, made once for all.
 */
import type { ServerResponse } from 'node:http';
import type { Clock } from '#core/clock.ts';
import { groupVersion, type ResourceDef } from '../kinds/resources.ts';
import type { Predicate } from '../kinds/selectors.ts';
import type { Change } from '../storage/store.ts';
import type { JsonObject, KubeObject } from '../values/json.ts';
import type { Form } from './negotiate.ts';
import { shown } from './objects.ts';
import { textOf } from './serialise.ts';
import { partial, tableOf } from './table.ts';

/** One event as it goes over the wire, made once for all watchers. */
export interface Line {
  readonly text: Buffer;
  /** `text` as a chunk of a chunked body. */
  chunk: Buffer | undefined;
}

const lines = new WeakMap<Change, Map<string, Line>>();

function lineOf(text: string): Line {
  return { text: Buffer.from(text), chunk: undefined };
}

/**
 * Writes `line` whole. Straight to the socket where the body is chunked, for `response.write()` would frame and encode the same
 * bytes again for every watcher, in four writes.
 */
export function send(response: ServerResponse, line: Line): void {
  const { socket } = response;
  if (!socket || !response.chunkedEncoding || !response.headersSent) {
    response.write(line.text);
    return;
  }
  line.chunk ??= Buffer.concat([
    Buffer.from(`${line.text.length.toString(16)}\r\n`),
    line.text,
    Buffer.from('\r\n'),
  ]);
  if (!socket.destroyed) socket.write(line.chunk);
}

/** The line a watcher is sent for `change`; `undefined` when it is none of its business. */
export function eventLine(
  def: ResourceDef,
  change: Change,
  predicate: Predicate | undefined,
  form: Form,
  include: string,
  clock: Clock,
): Line | undefined {
  const type = typeFor(change, predicate);
  if (type === undefined) return undefined;
  if (type === 'DELETED' && change.type !== 'DELETED' && change.previous) {
    // It left the selection: told as it was when it matched, at the version of the change.
    const { resourceVersion } = change.object.metadata;
    const { previous } = change;
    const left = { ...previous, metadata: { ...previous.metadata, resourceVersion } };
    return eventLine(def, { ...change, type, object: left }, undefined, form, include, clock);
  }
  if (form.as !== '') {
    const body = inForm(def, shown(def, change.object), form, include, clock);
    return lineOf(`${JSON.stringify({ type, object: body })}\n`);
  }
  let cached = lines.get(change);
  if (!cached) {
    cached = new Map();
    lines.set(change, cached);
  }
  const key = `${type} ${groupVersion(def)}`;
  let line = cached.get(key);
  if (line === undefined) {
    line = lineOf(`{"type":"${type}","object":${textOf(def, change.object)}}\n`);
    cached.set(key, line);
  }
  return line;
}

/** `object` as it is, as the row of a table, or its metadata. */
export function inForm(
  def: ResourceDef,
  object: KubeObject,
  form: Form,
  include: string,
  clock: Clock,
): JsonObject {
  if (form.as === '') return object;
  if (form.as !== 'Table') return partial(object);
  const { resourceVersion } = object.metadata;
  return tableOf(def, [object], { resourceVersion }, include, clock.wallMs());
}

function typeFor(change: Change, predicate: Predicate | undefined): Change['type'] | undefined {
  if (!predicate) return change.type;
  const matched = change.previous !== undefined && predicate(change.previous);
  if (change.type === 'DELETED') return matched ? 'DELETED' : undefined;
  const matches = predicate(change.object);
  if (matches) return matched ? 'MODIFIED' : 'ADDED';
  return matched ? 'DELETED' : undefined;
}
