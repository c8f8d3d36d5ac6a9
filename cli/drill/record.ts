/** What a load notes of each request. */
export interface RequestRecord {
  /** Monotonic milliseconds, as `endMs`. */
  readonly startMs: number;
  readonly endMs: number;
  /** The cluster named in the answer; `undefined` when the request failed. */
  readonly cluster: string | undefined;
  readonly failure: string | undefined;
}
