/**
 * Request targets and authorities (RFC 9112 section 3.2, RFC 9110 section 4.2, RFC 3986 section 3.2). pure
 */
import { isIPv6 } from 'node:net';
import type { RuleCode } from './rules.ts';

/** Methods served, each as one shared string: those node:http knows, so that what passed before passes now. */
const METHODS: ReadonlyMap<string, string> = new Map(
  (
    'GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH COPY LOCK MKCOL MOVE PROPFIND PROPPATCH ' +
    'SEARCH UNLOCK BIND REBIND UNBIND ACL REPORT MKACTIVITY CHECKOUT MERGE M-SEARCH NOTIFY SUBSCRIBE ' +
    'UNSUBSCRIBE PURGE MKCALENDAR LINK UNLINK SOURCE QUERY'
  )
    .split(' ')
    .map((each) => [each, each]),
);

/** The methods that are answered by a pod or by us, as `Allow` lists them (RFC 9110 section 10.2.1): all but CONNECT. */
export const ALLOWED = [...METHODS.keys()].filter((each) => each !== 'CONNECT').join(', ');

const SLASH = 0x2f;
const PORT_MAX = 65_535;
/** An authority that is kept as good is no longer than this. */
const KEPT_MAX = 256;
/** The authority that was good last: clients ask for the same one again and again. */
let lastGood = 'localhost';

const NAME_MARKS = "-._~%!$&'()*+,;=";

/** What a target names. */
export interface Target {
  readonly path: string;
  /** Empty in origin-form and asterisk-form: Host says it. */
  readonly authority: string;
}

/** Whether the gateway serves `method`. */
export function isMethod(method: string): boolean {
  return method === 'GET' || METHODS.has(method);
}

/** The method in `text[from, to)`, if the gateway serves it. */
export function methodIn(text: string, from: number, to: number): string | undefined {
  const isGet =
    to - from === 3 &&
    text.charCodeAt(from) === 0x47 &&
    text.charCodeAt(from + 1) === 0x45 &&
    text.charCodeAt(from + 2) === 0x54;
  return isGet ? 'GET' : METHODS.get(text.substring(from, to));
}

/** Whether `target` is a path and nothing else, as most are: {@link readTarget} has nothing to take apart. */
export function isPath(method: string, target: string): boolean {
  return target.charCodeAt(0) === SLASH && method !== 'CONNECT';
}

/** The parts of `target`, or the rule it breaks. Its characters were checked before. */
export function readTarget(method: string, target: string): Target | RuleCode {
  if (method === 'CONNECT') {
    const good =
      isAuthority(target) &&
      target.lastIndexOf(':') > target.lastIndexOf(']') &&
      !target.endsWith(':');
    return good ? { path: '', authority: target } : 'TARGET_AUTHORITY';
  }
  if (target.startsWith('/')) return { path: target, authority: '' };
  if (target === '*')
    return method === 'OPTIONS' ? { path: '*', authority: '' } : 'TARGET_ASTERISK';
  const scheme = target.slice(0, 8).toLowerCase();
  const from = scheme.startsWith('http://') ? 7 : scheme === 'https://' ? 8 : 0;
  if (from === 0) return 'TARGET_FORM';
  const slash = target.indexOf('/', from);
  const query = target.indexOf('?', from);
  const end = Math.min(slash < 0 ? target.length : slash, query < 0 ? target.length : query);
  const authority = target.slice(from, end);
  if (!isAuthority(authority)) return 'TARGET_FORM';
  // RFC 9110 section 7.1: OPTIONS on an empty path means the server as a whole.
  if (end === target.length) return { path: method === 'OPTIONS' ? '*' : '/', authority };
  return { path: end === slash ? target.slice(end) : `/${target.slice(end)}`, authority };
}

/** Whether both name the same host and port, 80 being the one left out. */
export function sameAuthority(one: string, other: string): boolean {
  return one === other || plain(one) === plain(other);
}

/** Whether `text` is a host that is not empty, with an optional port (RFC 9110 section 7.2). */
export function isAuthority(text: string): boolean {
  if (text === lastGood) return true;
  if (!judgeAuthority(text)) return false;
  if (text.length <= KEPT_MAX) lastGood = text;
  return true;
}

function judgeAuthority(text: string): boolean {
  let at = 0;
  if (text.startsWith('[')) {
    at = text.indexOf(']') + 1;
    if (at === 0 || text.includes('%') || !isIPv6(text.slice(1, at - 1))) return false;
  } else {
    while (at < text.length && isNameCharacter(text.charCodeAt(at))) at += 1;
    if (at === 0) return false;
  }
  if (at === text.length) return true;
  if (text.charCodeAt(at) !== 0x3a || text.length - at > 6) return false;
  let port = 0;
  for (at += 1; at < text.length; at += 1) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port <= PORT_MAX;
}

function isNameCharacter(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    NAME_MARKS.includes(String.fromCharCode(code))
  );
}

function plain(authority: string): string {
  const lower = authority.toLowerCase();
  if (lower.endsWith(':80')) return lower.slice(0, -3);
  return lower.endsWith(':') ? lower.slice(0, -1) : lower;
}
