/**
 * JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7386). pure
 */
import { clone, deepEqual, isObject, type Json, type JsonObject } from '../values/json.ts';
import { ApiError, badRequest } from '../values/status.ts';

/** Operations of one patch that are accepted, as in the real server. */
export const OPERATIONS_MAX = 10_000;

/** Applies the merge patch `patch` to `target`; the inputs are not changed. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const result: JsonObject = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else if (value !== undefined) result[key] = mergePatch(result[key], value);
  }
  return result;
}

/** Applies the operations of `patch` to a copy of `document`; 400 for a malformed one, 422 for one that does not fit. */
export function jsonPatch(document: Json, patch: Json): Json {
  if (!Array.isArray(patch)) throw badRequest('json patch must be an array of operations');
  if (patch.length > OPERATIONS_MAX) {
    throw new ApiError(
      413,
      'RequestEntityTooLarge',
      `The allowed maximum operations in a JSON patch is ${OPERATIONS_MAX}, got ${patch.length}`,
    );
  }
  const holder: JsonObject = { root: clone(document) };
  for (const item of patch) {
    if (!isObject(item)) throw badRequest('json patch operation must be an object');
    operate(holder, item);
  }
  return holder.root ?? null;
}

function operate(holder: JsonObject, operation: JsonObject): void {
  const path = segments(operation.path);
  const { op, value } = operation;
  switch (op) {
    case 'add':
      add(holder, path, required(value, op));
      return;
    case 'remove':
      remove(holder, path);
      return;
    case 'replace':
      read(holder, path);
      remove(holder, path);
      add(holder, path, required(value, op));
      return;
    case 'move': {
      const from = segments(operation.from);
      const moved = read(holder, from);
      remove(holder, from);
      add(holder, path, moved);
      return;
    }
    case 'copy':
      add(holder, path, clone(read(holder, segments(operation.from))));
      return;
    case 'test':
      if (!deepEqual(readOptional(holder, path) ?? null, value ?? null)) {
        throw unfit(`testing value ${pointer(path)} failed`);
      }
      return;
    default:
      throw badRequest(`Unexpected kind: ${String(op)}`);
  }
}

function required(value: Json | undefined, op: string): Json {
  if (value === undefined) throw badRequest(`${op} operation needs a value`);
  return clone(value);
}

function segments(path: Json | undefined): string[] {
  if (typeof path !== 'string' || (path !== '' && !path.startsWith('/'))) {
    throw badRequest('json patch operation needs a path');
  }
  const parts = path.split('/').slice(1);
  return ['root', ...parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))];
}

function parentOf(holder: JsonObject, path: string[]): Json {
  return read(holder, path.slice(0, -1), path);
}

function read(holder: JsonObject, path: string[], whole = path): Json {
  let current: Json = holder;
  for (const segment of path) {
    const next: Json | undefined = Array.isArray(current)
      ? current[index(segment, current.length - 1)]
      : isObject(current)
        ? current[segment]
        : undefined;
    if (next === undefined) throw unfit(`doc is missing path: ${pointer(whole)}`);
    current = next;
  }
  return current;
}

function readOptional(holder: JsonObject, path: string[]): Json | undefined {
  const parent = parentOf(holder, path);
  const last = path.at(-1) ?? '';
  if (Array.isArray(parent)) return parent[index(last, parent.length - 1)];
  return isObject(parent) ? parent[last] : undefined;
}

function add(holder: JsonObject, path: string[], value: Json): void {
  const parent = parentOf(holder, path);
  const last = path.at(-1) ?? '';
  if (Array.isArray(parent)) {
    parent.splice(last === '-' ? parent.length : index(last, parent.length), 0, value);
  } else if (isObject(parent)) parent[last] = value;
  else throw unfit(`doc is missing path: ${pointer(path)}`);
}

function remove(holder: JsonObject, path: string[]): void {
  read(holder, path);
  const parent = parentOf(holder, path);
  const last = path.at(-1) ?? '';
  if (Array.isArray(parent)) parent.splice(index(last, parent.length - 1), 1);
  else if (isObject(parent)) delete parent[last];
}

function index(segment: string, max: number): number {
  if (!/^(0|[1-9]\d*)$/.test(segment) || Number(segment) > max) {
    throw unfit(`invalid index referenced: ${segment}`);
  }
  return Number(segment);
}

function pointer(path: string[]): string {
  return `/${path.slice(1).join('/')}`;
}

function unfit(why: string): ApiError {
  return new ApiError(
    422,
    'Invalid',
    `the server rejected our request due to an error in our request: ${why}`,
    {},
  );
}
