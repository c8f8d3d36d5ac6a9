/**
 * The API server as the components use it: a handful of verbs over typed resources.
 *
 * Promises: every object handed out has passed the resource's `parse`; every failure is an
 * {@link IsthmusError}: `CLUSTER_UNREACHABLE`, `API_REFUSED` and `API_CONFLICT`, whose `cause` is a {@link StatusError} when
 * the server answered, or `ANSWER_UNREADABLE` (of a write: it was made all the same). Only who ends a call by its signal is
 * told the reason of that signal.
 */
import type { KubeObject } from './types.ts';

/** Where a kind lives in the API, and how unknown JSON becomes one. */
export interface Resource<T extends KubeObject> {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Trims and checks; throws an Error that names the field. */
  parse(value: unknown): T;
}

/** What a list or a watch is narrowed to. */
export interface Selection {
  /** Absent: every namespace. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** One page of a list; `resourceVersion` is that of the whole list. */
export interface ListPage<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  /** Where the next page begins; absent on the last. */
  readonly continueToken?: string;
}

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

/** One field that a refusal is about (metav1.StatusCause). */
export interface StatusCause {
  /** Such as `FieldManagerConflict`. */
  readonly reason: string;
  /** Such as `.spec.ports`; empty where the cause names none. */
  readonly field: string;
  readonly message: string;
}

/** What a refusal says beyond its status and words. */
export interface StatusDetails {
  readonly causes?: readonly StatusCause[];
  /** How long the server wants to be left alone. */
  readonly retryAfterMs?: number | undefined;
}

/** The answer of an API server that refused (metav1.Status). */
export class StatusError extends Error {
  readonly status: number;
  readonly reason: string;
  readonly causes: readonly StatusCause[];
  readonly retryAfterMs: number | undefined;
  constructor(status: number, reason: string, message: string, details: StatusDetails = {}) {
    super(message);
    this.name = 'StatusError';
    this.status = status;
    this.reason = reason;
    this.causes = details.causes ?? [];
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** What holds for any call. */
export interface CallOptions {
  /** Ends the call; whether a write still got through is not known then. */
  readonly signal?: AbortSignal;
}

/** How an object is applied. */
export interface ApplyOptions extends CallOptions {
  /** Only makes what is not there: an object of that name, whoever made it, is an `API_CONFLICT`. */
  readonly ifAbsent?: boolean;
}

/** How an object is deleted. */
export interface DeleteOptions extends CallOptions {
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly gracePeriodSeconds?: number;
}

export interface KubeClient {
  get<T extends KubeObject>(
    resource: Resource<T>,
    name: string,
    namespace?: string,
    options?: CallOptions,
  ): Promise<T | undefined>;
  /** Every page; for small collections and one-off reads. */
  list<T extends KubeObject>(resource: Resource<T>, selection?: Selection): Promise<readonly T[]>;
  /** One page of at most `limit` objects; 0: all there are. */
  listPage<T extends KubeObject>(
    resource: Resource<T>,
    selection: Selection,
    page: { readonly limit: number; readonly continueToken?: string },
    signal?: AbortSignal,
  ): Promise<ListPage<T>>;
  /** Events from `resourceVersion` on, until the server closes; throws on ERROR events. */
  watch<T extends KubeObject>(
    resource: Resource<T>,
    selection: Selection,
    resourceVersion: string,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>>;
  create<T extends KubeObject>(resource: Resource<T>, object: KubeObject): Promise<T>;
  /** Server-side apply as field manager `isthmus`; fields that another manager owns are taken over. */
  apply<T extends KubeObject>(
    resource: Resource<T>,
    object: KubeObject,
    options?: ApplyOptions,
  ): Promise<T>;
  /** Server-side apply of the status subresource. */
  applyStatus<T extends KubeObject>(
    resource: Resource<T>,
    object: KubeObject,
    options?: CallOptions,
  ): Promise<T>;
  replace<T extends KubeObject>(resource: Resource<T>, object: KubeObject): Promise<T>;
  /**
   * False when it was gone already. `uid` and `resourceVersion` guard against deleting a successor;
   * `gracePeriodSeconds: 0` removes a Pod whose processes have ended.
   */
  delete<T extends KubeObject>(
    resource: Resource<T>,
    name: string,
    namespace?: string,
    options?: DeleteOptions,
  ): Promise<boolean>;
  /** A call no verb above covers, such as TokenReview; the answer is unknown JSON. */
  post(path: string, body: unknown): Promise<unknown>;
  /** Closes every connection. */
  close(): Promise<void>;
}
