/**
 * Lists, with paging from a frozen snapshot.
 *
 * "Kubernetes API Concepts: Retrieving large results sets in chunks". Promises: all pages of a list show
 * one resource version; a continue token that is too old gets 410 and never a mixture.
 */
import type { Clock } from '#core/clock.ts';
import type { Frozen, Store } from '../storage/store.ts';
import { isObject, type Json, type JsonObject, type KubeObject, namespaceOf } from './json.ts';
import { wholeNumber } from './request.ts';
import type { ResourceDef } from './resources.ts';
import { fieldPredicate, labelPredicate, type Predicate } from './selectors.ts';
import { ApiError, badRequest, expired, invalid } from './status.ts';

/** Snapshots kept for paging, and how long. */
const SNAPSHOTS_MAX = 64;
const SNAPSHOT_MS = 300_000;

/** One page. */
export interface Page {
  readonly items: readonly KubeObject[];
  readonly metadata: JsonObject;
}

interface Snapshot {
  readonly items: readonly KubeObject[];
  readonly expiresMs: number;
}

/** Both selectors of a query as one predicate over stored objects. */
export function selection(def: ResourceDef, query: URLSearchParams): Predicate | undefined {
  const labels = labelPredicate(query.get('labelSelector') ?? '');
  const fields = fieldPredicate(query.get('fieldSelector') ?? '', def.fields);
  if (!labels || !fields) return labels ?? fields;
  return (object) => labels(object) && fields(object);
}

/** See the file header. */
export class Lists {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #snapshots = new Map<string, Snapshot>();

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** One page, of `view` where that is not the present state. */
  list(
    def: ResourceDef,
    namespace: string,
    query: URLSearchParams,
    view: Frozen = this.#store,
  ): Page {
    const limit = wholeNumber(query, 'limit') ?? 0;
    const token = query.get('continue') ?? '';
    const asked = query.get('resourceVersion') ?? '';
    const match = query.get('resourceVersionMatch') ?? '';
    if (query.get('sendInitialEvents') !== null) {
      throw invalid('meta.k8s.io', 'ListOptions', '', [
        {
          reason: 'FieldValueForbidden',
          field: 'sendInitialEvents',
          message: 'Forbidden: sendInitialEvents is forbidden for list',
        },
      ]);
    }
    checkMatch(match, asked, token);
    if (token === '') this.#checkVersion(def, asked, match);
    const predicate = selection(def, query);
    const from = token === '' ? undefined : parseToken(token);
    const revision = from?.revision ?? view.revision;
    const all = from ? this.#snapshot(def, from.revision) : view.list(def.storage, namespace);
    const items: KubeObject[] = [];
    let next: string | undefined;
    let remaining = 0;
    for (const object of all) {
      if (from && namespace !== '' && namespaceOf(object) !== namespace) continue;
      const key = keyOf(object);
      if (from && key <= from.start) continue;
      if (predicate && !predicate(object)) continue;
      if (limit === 0 || items.length < limit) {
        items.push(object);
        continue;
      }
      next ??= keyOf(items.at(-1) ?? object);
      remaining += 1;
      if (predicate) break;
    }
    const metadata: JsonObject = { resourceVersion: String(revision) };
    if (next !== undefined) {
      if (!from) this.#keep(def, view);
      const body = { v: 'meta.k8s.io/v1', rv: revision, start: next };
      metadata.continue = Buffer.from(JSON.stringify(body)).toString('base64url');
      if (!predicate) metadata.remainingItemCount = remaining;
    }
    return { items, metadata };
  }

  /** Forgets every snapshot: tokens of earlier lists get 410. */
  expire(): void {
    this.#snapshots.clear();
  }

  #checkVersion(def: ResourceDef, asked: string, match: string): void {
    if (asked === '' || asked === '0') return;
    if (!/^\d{1,15}$/.test(asked)) {
      throw badRequest(`resourceVersion: Invalid value: ${JSON.stringify(asked)}`);
    }
    const version = Number(asked);
    if (version > this.#store.revision) throw tooLarge(version, this.#store.revision);
    if (match !== 'Exact') return;
    const changes = this.#store.since(def.storage, version);
    if (!changes || changes.length > 0) {
      throw expired('The resourceVersion for the provided list is too old.');
    }
  }

  #keep(def: ResourceDef, view: Frozen): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [key, snapshot] of this.#snapshots) {
      if (snapshot.expiresMs < nowMs || this.#snapshots.size >= SNAPSHOTS_MAX) {
        this.#snapshots.delete(key);
      }
    }
    const items = view.list(def.storage);
    this.#snapshots.set(`${def.storage}@${view.revision}`, {
      items,
      expiresMs: nowMs + SNAPSHOT_MS,
    });
  }

  #snapshot(def: ResourceDef, revision: number): readonly KubeObject[] {
    const found = this.#snapshots.get(`${def.storage}@${revision}`);
    if (!found || found.expiresMs < this.#clock.monotonicMs()) {
      throw expired(
        'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
      );
    }
    return found.items;
  }
}

/** 504 for a version this server has not reached. */
export function tooLarge(asked: number, current: number): ApiError {
  return new ApiError(
    504,
    'Timeout',
    `Timeout: Too large resource version: ${asked}, current: ${current}`,
    {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    },
  );
}

function checkMatch(match: string, asked: string, token: string): void {
  if (match !== '' && match !== 'Exact' && match !== 'NotOlderThan') {
    throw badRequest(`resourceVersionMatch: Unsupported value: ${JSON.stringify(match)}`);
  }
  if (match !== '' && asked === '') {
    throw badRequest(
      'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
    );
  }
  if (match === 'Exact' && asked === '0') {
    throw badRequest(
      'resourceVersionMatch: Forbidden: resourceVersionMatch "Exact" is forbidden for resourceVersion "0"',
    );
  }
  if (token !== '' && asked !== '' && asked !== '0') {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
}

function parseToken(token: string): { revision: number; start: string } {
  try {
    const body = JSON.parse(Buffer.from(token, 'base64url').toString()) as Json;
    if (isObject(body) && typeof body.rv === 'number' && typeof body.start === 'string') {
      return { revision: body.rv, start: body.start };
    }
  } catch (error) {
    throw badRequest(`continue key is not valid: ${String(error)}`);
  }
  throw badRequest('continue key is not valid');
}

function keyOf(object: KubeObject): string {
  const namespace = namespaceOf(object);
  return namespace === '' ? object.metadata.name : `${namespace}/${object.metadata.name}`;
}
