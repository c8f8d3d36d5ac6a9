/**
 * Watches: one change is serialised once, however many clients watch.
 *
 * "Kubernetes API Concepts: Efficient detection of changes". Promises: a watch from a resource version
 * misses nothing after it, or is refused with 410; a reader too slow to keep up is cut off.
 */
import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '#core/clock.ts';
import { below, type Random } from '#core/random.ts';
import type { FaultSubject } from '../faults/api-fault.ts';
import { groupVersion, type ResourceDef } from '../kinds/resources.ts';
import type { Predicate } from '../kinds/selectors.ts';
import type { Change, Store } from '../storage/store.ts';
import type { JsonObject, KubeObject } from '../values/json.ts';
import { namespaceOf } from '../values/json.ts';
import {
  ApiError,
  badRequest,
  type Cause,
  expired,
  fieldError,
  invalid,
} from '../values/status.ts';
import type { Form } from './negotiate.ts';
import { selection, tooLarge } from './read.ts';
import { isTrue, wholeNumber } from './request.ts';
import { eventLine, inForm, send } from './watch-lines.ts';

/** Bytes a watcher may leave unread. */
const PENDING_BYTES_MAX = 64 * 1_024 * 1_024;
/** How often idle watchers hear a bookmark. */
const BOOKMARK_MS = 30_000;
/** A watch without `timeoutSeconds` lasts this long, and up to twice as long. */
const DEFAULT_TIMEOUT_S = 1_800;

interface Watcher {
  readonly subject: FaultSubject;
  readonly def: ResourceDef;
  readonly response: ServerResponse;
  readonly bookmarks: boolean;
  /** An object in the form that the client asked for, which bookmarks have as well. */
  inForm(object: KubeObject): JsonObject;
  end(): void;
}

/** See the file header. */
export class Watches {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #open = new Set<Watcher>();
  readonly #ticker: Timer;
  /** Whether a watcher is kept in silence, as a fault. */
  isSilent: (subject: FaultSubject) => boolean = () => false;

  constructor(store: Store, clock: Clock, random: Random) {
    this.#store = store;
    this.#clock = clock;
    this.#random = random;
    this.#ticker = clock.every(BOOKMARK_MS, () => {
      for (const watcher of this.#open) if (watcher.bookmarks) this.#bookmark(watcher);
    });
  }

  /** Watches open now. */
  get count(): number {
    return this.#open.size;
  }

  /** Answers with a stream of events; throws an ApiError before anything is written. */
  serve(
    def: ResourceDef,
    namespace: string,
    query: URLSearchParams,
    form: Form,
    response: ServerResponse,
    user: string,
  ): void {
    const subject = { user, verb: 'watch', resource: def.plural };
    const predicate = narrowed(namespace, selection(def, query));
    const asked = query.get('resourceVersion') ?? '';
    const match = query.get('resourceVersionMatch') ?? '';
    const sent = query.get('sendInitialEvents');
    const initial = sent === null ? undefined : isTrue(sent);
    const bookmarks = isTrue(query.get('allowWatchBookmarks'));
    checkOptions(match, initial);
    const timeoutSeconds = wholeNumber(query, 'timeoutSeconds') ?? 0;
    const include = query.get('includeObject') ?? 'Metadata';
    const start = this.#start(def, asked, initial);
    if (start instanceof ApiError) {
      refuse(response, start);
      return;
    }
    const write = (change: Change) => {
      const line = eventLine(def, change, predicate, form, include, this.#clock);
      if (line !== undefined && !this.isSilent(subject)) send(response, line);
    };
    response.writeHead(200, {
      'content-type': form.as === '' ? 'application/json' : tableType(form),
      'cache-control': 'no-cache, private',
    });
    response.flushHeaders();
    for (const change of start) write(change);
    const from = Number(asked);
    const unlisten = this.#store.listen(def.storage, (change) => {
      if (change.revision > from) write(change);
      if (unread(response) > PENDING_BYTES_MAX) response.destroy();
    });
    const seconds = timeoutSeconds || DEFAULT_TIMEOUT_S + below(this.#random, DEFAULT_TIMEOUT_S);
    const timer = this.#clock.after(seconds * 1_000, () => watcher.end());
    const leave = () => {
      timer.cancel();
      unlisten();
      this.#open.delete(watcher);
    };
    const watcher: Watcher = {
      subject,
      def,
      response,
      bookmarks,
      inForm: (object) => inForm(def, object, form, include, this.#clock),
      end: () => {
        if (this.isSilent(subject)) return;
        if (bookmarks && !response.destroyed) this.#bookmark(watcher);
        response.end();
        // It closes only when its reader has taken all there is, and nothing may follow the end.
        leave();
      },
    };
    this.#open.add(watcher);
    response.on('close', leave);
    if (initial && bookmarks) this.#bookmark(watcher, true);
  }

  /** Cuts open watches, as a fault: all, or those that `match`; clients must resume from their last version. */
  cut(match: (subject: FaultSubject) => boolean = () => true): void {
    for (const watcher of this.#open) if (match(watcher.subject)) watcher.response.destroy();
  }

  /** Ends the watches of a resource that is served no longer. */
  endOf(storage: string): void {
    for (const watcher of this.#open) if (watcher.def.storage === storage) watcher.end();
  }

  close(): void {
    this.#ticker.cancel();
    for (const watcher of this.#open) {
      watcher.end();
      if (this.isSilent(watcher.subject)) watcher.response.destroy();
    }
  }

  /** What is told first. A version of the future is waited for only by who wants what there is at it. */
  #start(
    def: ResourceDef,
    asked: string,
    initial: boolean | undefined,
  ): readonly Change[] | ApiError {
    const revision = this.#store.revision;
    if (asked !== '' && !/^\d{1,15}$/.test(asked)) {
      throw badRequest(`resourceVersion: Invalid value: ${JSON.stringify(asked)}`);
    }
    if (Number(asked) > revision) return initial ? tooLarge(Number(asked), revision) : [];
    const isOpen = asked === '' || asked === '0';
    if (isOpen && initial === false) return [];
    if (isOpen || initial) {
      return this.#store
        .list(def.storage)
        .map((object) => ({ type: 'ADDED' as const, object, previous: undefined, revision }));
    }
    const changes = this.#store.since(def.storage, Number(asked));
    return changes ?? expired(`too old resource version: ${asked} (${revision})`);
  }

  #bookmark(watcher: Watcher, endsInitial = false): void {
    if (this.isSilent(watcher.subject)) return;
    const metadata: JsonObject = {
      resourceVersion: String(this.#store.revision),
      creationTimestamp: null,
      ...(endsInitial ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
    };
    const { kind } = watcher.def;
    const whole = { kind, apiVersion: groupVersion(watcher.def), metadata };
    const object = watcher.inForm(whole as KubeObject);
    watcher.response.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
  }
}

/** Past authorization every refusal is an event, as the watch cache of the real server does it. */
function refuse(response: ServerResponse, error: ApiError): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify({ type: 'ERROR', object: error.status() })}\n`);
}

/** k8s.io/apimachinery/pkg/apis/meta/internalversion/validation. */
function checkOptions(match: string, initial: boolean | undefined): void {
  const field = 'resourceVersionMatch';
  const causes: Cause[] = [];
  if (initial !== undefined && match !== 'NotOlderThan') {
    const why = 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan';
    causes.push(fieldError.forbidden(field, why));
  }
  if (match !== '' && initial === undefined) {
    const why = 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided';
    causes.push(fieldError.forbidden(field, why));
  }
  if (match !== '' && match !== 'NotOlderThan') {
    causes.push(fieldError.unsupported(field, match, ['NotOlderThan']));
  }
  if (causes.length > 0) throw invalid('meta.k8s.io', 'ListOptions', '', causes);
}

function narrowed(namespace: string, predicate: Predicate | undefined): Predicate | undefined {
  if (namespace === '') return predicate;
  return (object) =>
    namespaceOf(object as KubeObject) === namespace && (!predicate || predicate(object));
}

function unread(response: ServerResponse): number {
  return response.writableLength + (response.socket?.writableLength ?? 0);
}

function tableType(form: Form): string {
  return `application/json;as=${form.as};v=${form.version};g=meta.k8s.io`;
}
