/**
 * The static table (RFC 7541, appendix A) and how the encoder finds its way in it.
 */

/** One line for each entry from index 1 on: the name, then after a space the value if there is one. */
const ENTRIES = `:authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate`.split('\n');

/** Names by index; index 0 does not exist in HPACK and is empty here. */
export const STATIC_NAMES: readonly string[] = ['', ...ENTRIES.map((line) => split(line)[0])];
/** Values by index. */
export const STATIC_VALUES: readonly string[] = ['', ...ENTRIES.map((line) => split(line)[1])];
/** Entries of the static table; the dynamic one begins after them. */
export const STATIC_COUNT = ENTRIES.length;

/** Where a name stands in the static table. */
export interface StaticName {
  /** The lowest index with this name. */
  readonly index: number;
  /** The values the table holds for it, few if any. */
  readonly values: readonly string[];
  /** Their indices. */
  readonly indices: readonly number[];
}

/** Every name of the static table. */
export const STATIC_BY_NAME: ReadonlyMap<string, StaticName> = indexByName();

function split(line: string): [string, string] {
  const at = line.indexOf(' ');
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
}

function indexByName(): Map<string, StaticName> {
  const names = new Map<string, { index: number; values: string[]; indices: number[] }>();
  for (let index = 1; index <= STATIC_COUNT; index += 1) {
    const name = STATIC_NAMES[index] ?? '';
    const value = STATIC_VALUES[index] ?? '';
    let entry = names.get(name);
    if (entry === undefined) {
      entry = { index, values: [], indices: [] };
      names.set(name, entry);
    }
    if (value === '') continue;
    entry.values.push(value);
    entry.indices.push(index);
  }
  return names;
}
