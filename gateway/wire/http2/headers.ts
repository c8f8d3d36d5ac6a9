/**
 * Which header lists are messages (RFC 9113, section 8.2 and 8.3; RFC 8441).
 *
 * A list is judged once: the verdict stays with its block, so a block out of the memo costs one
 * comparison. Stricter than the minimum of section 8.2.1: names are tokens and values hold no control
 * characters but HTAB (RFC 9110, sections 5.1 and 5.5).
 */
import type { HeaderBlock } from '../hpack/block.ts';
import { NAME } from '../hpack/names.ts';
import { seeing, seenBits } from '../seen.ts';
import type { H2Rule } from './error.ts';

/** What a list may be, and what it was found to be: bits of {@link HeaderBlock.verdict}. */
export const MESSAGE = {
  REQUEST: 1,
  RESPONSE: 2,
  TRAILERS: 4,
  /** CONNECT, extended or not. */
  CONNECT: 8,
  /** Extended CONNECT (RFC 8441). */
  EXTENDED: 16,
  HEAD: 32,
} as const;

/** Pseudo-headers seen, as bits. */
const { METHOD, SCHEME, PATH, AUTHORITY, PROTOCOL, STATUS } = NAME;
/** What nearly every request has. */
const REQUEST_NAMES = METHOD | SCHEME | PATH | AUTHORITY;
const PSEUDO: ReadonlyMap<string, number> = new Map([
  [':method', METHOD],
  [':scheme', SCHEME],
  [':path', PATH],
  [':authority', AUTHORITY],
  [':protocol', PROTOCOL],
  [':status', STATUS],
]);

/** Fields that speak of one connection, not of the message (section 8.2.2). */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

const TOKEN = characters("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz");
const METHOD_TOKEN = characters(
  "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
);
/** RFC 3986, section 3.2, without userinfo. */
const AUTHORITY_SYNTAX = /^[A-Za-z0-9._~%!$&'()*+,;=:[\]-]+$/;
const SCHEME_SYNTAX = /^[A-Za-z][A-Za-z0-9+.-]*$/;
const PATH_SYNTAX = /^[\x21-\x22\x24-\x7e\x80-\xff]+$/;
const LENGTH_SYNTAX = /^[0-9]{1,15}$/;
const STATUS_SYNTAX = /^[1-9][0-9][0-9]$/;

/** The rule that `block` breaks as a message of `kind` (a bit of {@link MESSAGE}), or `undefined`. */
export function judge(block: HeaderBlock, kind: number): H2Rule | undefined {
  if ((block.verdict & kind) !== 0) return undefined;
  const known = block.pseudo < 0 ? 0 : soundAs(block, kind);
  if (known !== 0) {
    block.verdict |= known;
    return undefined;
  }
  return judgeList(block, kind);
}

/**
 * The verdict on a block in which decoding found nothing wrong, for messages as they usually are; 0 where
 * the list has to be looked at. Refuses nothing.
 */
function soundAs(block: HeaderBlock, kind: number): number {
  if (kind === MESSAGE.TRAILERS) return block.pseudo === 0 ? kind : 0;
  if (kind === MESSAGE.RESPONSE) return block.pseudo === NAME.STATUS ? kind : 0;
  if (block.pseudo !== REQUEST_NAMES || (block.scheme !== 'http' && block.scheme !== 'https'))
    return 0;
  switch (block.method) {
    case 'GET':
    case 'POST':
    case 'PUT':
    case 'PATCH':
    case 'DELETE':
    case 'OPTIONS':
      return MESSAGE.REQUEST;
    case 'HEAD':
      return MESSAGE.REQUEST | MESSAGE.HEAD;
    default:
      return 0;
  }
}

function judgeList(block: HeaderBlock, kind: number): H2Rule | undefined {
  const { headers } = block;
  let seen = 0;
  let at = 0;
  for (; at < headers.length; at += 2) {
    const name = headers[at] as string;
    if (name.charCodeAt(0) !== 0x3a) break;
    const bit = PSEUDO.get(name);
    if (bit === undefined || !mayHold(kind, bit)) return 'PSEUDO_UNKNOWN';
    if ((seen & bit) !== 0) return 'PSEUDO_REPEATED';
    seen |= bit;
    if (!isFieldValue(headers[at + 1] as string)) return 'FIELD_VALUE';
  }
  block.fieldsAt = at;
  const broken = fields(block, at, seen);
  if (broken !== undefined) return broken;
  if (kind === MESSAGE.TRAILERS) block.verdict |= kind;
  else if (kind === MESSAGE.RESPONSE) return judgeResponse(block, seen);
  else return judgeRequest(block, seen);
  return undefined;
}

/** The value of pseudo-header or field `name`, first of its name, or `undefined`. */
export function fieldOf(headers: readonly string[], name: string): string | undefined {
  for (let at = 0; at < headers.length; at += 2) if (headers[at] === name) return headers[at + 1];
  return undefined;
}

function mayHold(kind: number, bit: number): boolean {
  if (kind === MESSAGE.TRAILERS) return false;
  return (bit === STATUS) === (kind === MESSAGE.RESPONSE);
}

/** The fields from `start` on, which come after the pseudo-headers. */
function fields(block: HeaderBlock, start: number, seen: number): H2Rule | undefined {
  const { headers } = block;
  let host: string | undefined;
  let contentLength = -1;
  let mask = 0;
  for (let at = start; at < headers.length; at += 2) {
    const name = headers[at] as string;
    const value = headers[at + 1] as string;
    if (!isToken(name, TOKEN)) return PSEUDO.has(name) ? 'PSEUDO_ORDER' : 'FIELD_NAME';
    if (!isFieldValue(value)) return 'FIELD_VALUE';
    if (CONNECTION_FIELDS.has(name)) return 'FIELD_CONNECTION';
    mask = seeing(mask, seenBits(name));
    if (name === 'te' && value.toLowerCase() !== 'trailers') return 'FIELD_TE';
    if (name === 'content-length') {
      if (contentLength >= 0 || !LENGTH_SYNTAX.test(value)) return 'FIELD_LENGTH';
      contentLength = Number(value);
    } else if (name === 'host' && (seen & METHOD) !== 0) {
      if (host !== undefined || !AUTHORITY_SYNTAX.test(value)) return 'FIELD_HOST';
      host = value;
    }
  }
  block.contentLength = contentLength;
  block.seen = mask;
  if ((seen & METHOD) === 0) return undefined;
  const authority = fieldOf(headers, ':authority');
  if (authority === undefined) {
    if (host === undefined) return 'PSEUDO_MISSING';
  } else if (!AUTHORITY_SYNTAX.test(authority)) return 'PSEUDO_VALUE';
  else if (host !== undefined && host.toLowerCase() !== authority.toLowerCase())
    return 'FIELD_HOST';
  return undefined;
}

function judgeResponse(block: HeaderBlock, seen: number): H2Rule | undefined {
  if (seen !== STATUS) return 'PSEUDO_MISSING';
  const status = block.headers[1] as string;
  // 101 does not exist in HTTP/2 (section 8.6).
  if (!STATUS_SYNTAX.test(status) || status === '101') return 'PSEUDO_VALUE';
  block.status = Number(status);
  block.verdict |= MESSAGE.RESPONSE;
  return undefined;
}

function judgeRequest(block: HeaderBlock, seen: number): H2Rule | undefined {
  const { headers } = block;
  if ((seen & METHOD) === 0) return 'PSEUDO_MISSING';
  const method = fieldOf(headers, ':method') as string;
  block.method = method;
  block.scheme = fieldOf(headers, ':scheme') ?? '';
  block.path = fieldOf(headers, ':path') ?? '';
  block.authority = fieldOf(headers, ':authority') ?? '';
  block.protocol = fieldOf(headers, ':protocol') ?? '';
  if (!isToken(method, METHOD_TOKEN)) return 'PSEUDO_VALUE';
  let verdict: number = MESSAGE.REQUEST;
  if (method === 'HEAD') verdict |= MESSAGE.HEAD;
  if (method === 'CONNECT') verdict |= MESSAGE.CONNECT;
  if ((seen & PROTOCOL) !== 0) {
    if (method !== 'CONNECT') return 'PSEUDO_PROTOCOL';
    if (!isToken(block.protocol, METHOD_TOKEN)) return 'PSEUDO_VALUE';
    if ((seen & AUTHORITY) === 0) return 'PSEUDO_MISSING';
    verdict |= MESSAGE.EXTENDED;
  } else if (method === 'CONNECT') {
    if ((seen & (SCHEME | PATH)) !== 0) return 'PSEUDO_CONNECT';
    if ((seen & AUTHORITY) === 0) return 'PSEUDO_MISSING';
    block.verdict |= verdict;
    return undefined;
  }
  if ((seen & SCHEME) === 0 || (seen & PATH) === 0) return 'PSEUDO_MISSING';
  const { path } = block;
  if (!SCHEME_SYNTAX.test(block.scheme)) return 'PSEUDO_VALUE';
  const wellFormed = path.charCodeAt(0) === 0x2f || (path === '*' && method === 'OPTIONS');
  if (!wellFormed || !PATH_SYNTAX.test(path)) return 'PSEUDO_VALUE';
  block.verdict |= verdict;
  return undefined;
}

function isToken(text: string, table: Uint8Array): boolean {
  for (let at = 0; at < text.length; at += 1) if (table[text.charCodeAt(at)] !== 1) return false;
  return text.length > 0;
}

/** No control characters, no blank at either end (section 8.2.1). */
function isFieldValue(text: string): boolean {
  const { length } = text;
  if (length === 0) return true;
  for (let at = 0; at < length; at += 1) {
    const code = text.charCodeAt(at);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f) return false;
  }
  return !isBlank(text.charCodeAt(0)) && !isBlank(text.charCodeAt(length - 1));
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function characters(text: string): Uint8Array {
  const table = new Uint8Array(256);
  for (let at = 0; at < text.length; at += 1) table[text.charCodeAt(at)] = 1;
  return table;
}
