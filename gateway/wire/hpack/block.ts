/**
 * A decoded header block.
 *
 * Blocks may come out of a memo, the same object for the same bytes again and again: nobody changes
 * `headers`, and whoever derives something from a block may keep it in the block or in a WeakMap.
 */

export class HeaderBlock {
  /** Name, value, name, value …; every character is one byte of the wire. */
  readonly headers: readonly string[];
  /**
   * Names that came as "never indexed" and must be sent on so (RFC 7541, section 6.2.3), beside the credentials,
   * which always are.
   */
  readonly sensitive: ReadonlySet<string> | undefined;
  /** The list passed the bound; `headers` is then cut short, the dynamic table still in step. */
  readonly tooLarge: boolean;
  /** Room for the protocol's verdict, so that a memoised block is judged once; see `http2/headers.ts`. */
  verdict = 0;
  /** `content-length`, or -1; valid once judged. */
  contentLength = -1;
  /** What the fields hold: bits of `SEEN`; valid once judged. */
  seen = 0;
  /** `:status`, or 0; valid once judged. */
  status = 0;
  /** Where in `headers` the fields begin, behind the pseudo-headers; valid once judged. */
  fieldsAt = 0;
  /** Pseudo-headers of a request, empty where there is none; valid once judged as one. */
  method = '';
  scheme = '';
  path = '';
  authority = '';
  protocol = '';
  /**
   * Which pseudo-headers there are, bits of `NAME`, where nothing was found wrong while decoding: each
   * once and before all fields, names and values well formed. -1: unknown, the list has to be looked at.
   */
  pseudo = -1;

  constructor(
    headers: readonly string[],
    sensitive: ReadonlySet<string> | undefined,
    tooLarge: boolean,
  ) {
    this.headers = headers;
    this.sensitive = sensitive;
    this.tooLarge = tooLarge;
  }
}
