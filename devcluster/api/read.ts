/**
 * Lists, with paging from a frozen snapshot.
 *
 * "Kubernetes API Concepts: Retrieving large results sets in chunks". Promises: all pages of a list show
 * one resource version; a continue token that is too old gets 410 and never a mixture.
 */
import type { Clock } from '#core/clock.ts';
import type { ResourceDef } from '../kinds/resources.ts';
import { fieldPredicate, labelPredicate, type Predicate } from '../kinds/selectors.ts';
import type { Frozen, Store } from '../storage/store.ts';
import {
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
  namespaceOf,
} from '../values/json.ts';
import {
  ApiError,
  badRequest,
  type Cause,
  expired,
  fieldError,
  invalid,
} from '../values/status.ts';
import { wholeNumber } from './request.ts';

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
    if (token === '') this.checkVersion(asked);
    const predicate = selection(def, query);
    const from = token === '' ? undefined : parseToken(token);
    const exact = match === 'Exact' ? Number(asked) : undefined;
    const paged = from && from.revision >= 0 ? from : undefined;
    const revision = paged?.revision ?? exact ?? view.revision;
    const all = paged
      ? this.#snapshot(def, paged.revision, paged.start)
      : exact === undefined
        ? view.list(def.storage)
        : this.#at(def, exact);
    const items: KubeObject[] = [];
    let next: string | undefined;
    let remaining = 0;
    const [first, end] = rangeOf(all, namespace, from?.start);
    for (let index = first; index < end; index += 1) {
      const object = all[index];
      if (object === undefined || (predicate && !predicate(object))) continue;
      if (limit === 0 || items.length < limit) {
        items.push(object);
        continue;
      }
      next = keyOf(items.at(-1) ?? object);
      remaining = end - index;
      break;
    }
    const metadata: JsonObject = { resourceVersion: String(revision) };
    if (next !== undefined) {
      if (!paged) this.#keep(def, revision, all);
      metadata.continue = tokenOf(revision, next);
      if (!predicate) metadata.remainingItemCount = remaining;
    }
    return { items, metadata };
  }

  /** Forgets every snapshot: tokens of earlier lists get 410. */
  expire(): void {
    this.#snapshots.clear();
  }

  /** Refuses a version that is none, and one that this server has not reached. */
  checkVersion(asked: string): void {
    if (asked === '' || asked === '0') return;
    if (!/^\d{1,15}$/.test(asked)) {
      throw badRequest(`resourceVersion: Invalid value: ${JSON.stringify(asked)}`);
    }
    const version = Number(asked);
    if (version > this.#store.revision) throw tooLarge(version, this.#store.revision);
  }

  /** What there was at `version`: later changes are taken back, the newest first. */
  #at(def: ResourceDef, version: number): readonly KubeObject[] {
    const changes = this.#store.since(def.storage, version);
    if (!changes) throw expired('The resourceVersion for the provided list is too old.');
    const now = this.#store.list(def.storage);
    if (changes.length === 0) return now;
    const then = new Map(now.map((object) => [keyOf(object), object]));
    for (const { object, previous } of changes.toReversed()) {
      if (previous) then.set(keyOf(object), previous);
      else then.delete(keyOf(object));
    }
    return [...then].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  }

  #keep(def: ResourceDef, revision: number, items: readonly KubeObject[]): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [key, snapshot] of this.#snapshots) {
      if (snapshot.expiresMs < nowMs || this.#snapshots.size >= SNAPSHOTS_MAX) {
        this.#snapshots.delete(key);
      }
    }
    this.#snapshots.set(`${def.storage}@${revision}`, { items, expiresMs: nowMs + SNAPSHOT_MS });
  }

  #snapshot(def: ResourceDef, revision: number, start: string): readonly KubeObject[] {
    const found = this.#snapshots.get(`${def.storage}@${revision}`);
    if (!found || found.expiresMs < this.#clock.monotonicMs()) {
      throw expired(
        'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
        // Whoever does not mind a mixture goes on with this one.
        tokenOf(-1, start),
      );
    }
    return found.items;
  }
}

/**
 * Where in `all`, which is in order of keys, the objects of `namespace` (empty: of all) after the key `start` are. Found by halving,
 * for a list of 50,000 objects has hundreds of pages.
 */
function rangeOf(
  all: readonly KubeObject[],
  namespace: string,
  start: string | undefined,
): [first: number, end: number] {
  const firstFrom = (isBefore: (key: string) => boolean) => {
    let [low, high] = [0, all.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const object = all[middle];
      if (object !== undefined && isBefore(keyOf(object))) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const after = start === undefined ? 0 : firstFrom((key) => key <= start);
  if (namespace === '') return [after, all.length];
  // `0` comes right after `/`: no key of the namespace is beyond it.
  const [prefix, beyond] = [`${namespace}/`, `${namespace}0`];
  return [
    Math.max(
      after,
      firstFrom((key) => key < prefix),
    ),
    firstFrom((key) => key < beyond),
  ];
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

/** k8s.io/apimachinery/pkg/apis/meta/internalversion/validation. */
function checkMatch(match: string, asked: string, token: string): void {
  const field = 'resourceVersionMatch';
  const causes: Cause[] = [];
  if (match !== '') {
    if (asked === '') {
      const why = 'resourceVersionMatch is forbidden unless resourceVersion is provided';
      causes.push(fieldError.forbidden(field, why));
    }
    if (token !== '') {
      const why = 'resourceVersionMatch is forbidden when continue is provided';
      causes.push(fieldError.forbidden(field, why));
    }
    if (match !== 'Exact' && match !== 'NotOlderThan') {
      causes.push(fieldError.unsupported(field, match, ['Exact', 'NotOlderThan', '']));
    }
    if (match === 'Exact' && asked === '0') {
      const why = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"';
      causes.push(fieldError.forbidden(field, why));
    }
  }
  if (causes.length > 0) throw invalid('meta.k8s.io', 'ListOptions', '', causes);
  if (token !== '' && asked !== '' && asked !== '0') {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
}

/** Revision -1 stands for whatever there is when the token is used. */
function tokenOf(revision: number, start: string): string {
  const body = { v: 'meta.k8s.io/v1', rv: revision, start };
  return Buffer.from(JSON.stringify(body)).toString('base64url');
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
