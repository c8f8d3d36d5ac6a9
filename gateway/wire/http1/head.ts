/**
 * From the marks of a scanned head to a {@link Head}: strings, framing, connection. pure
 */
import { noteOrigin, ORIGIN_CHARS_MIN } from '../origin.ts';
import { seeing } from '../seen.ts';
import { CR, HTAB } from './bytes.ts';
import { FieldFacts } from './fields.ts';
import {
  FRAMING_CHUNKED,
  FRAMING_NONE,
  FRAMING_RAW,
  FRAMING_UNTIL_CLOSE,
  type Framing,
  framingOfLength,
  type Head,
} from './message.ts';
import {
  FIELD_CONTENT_LENGTH,
  FIELD_OTHER,
  FIELD_TRANSFER_ENCODING,
  type FieldName,
} from './names.ts';
import { Http1Refusal, type Role, type RuleCode } from './rules.ts';
import type { HeadScanner } from './scan.ts';
import { isAuthority, isPath, methodIn, readTarget, sameAuthority } from './target.ts';

/** What the request was that a response answers. Flags. */
export const ASKED_HEAD = 1;
export const ASKED_CONNECT = 2;
export const ASKED_UPGRADE = 4;

const facts = new FieldFacts();

/** The request whose bytes `text` are. Throws {@link Http1Refusal}. */
export function readRequest(scanner: HeadScanner, text: string): Head {
  const target = substring(text, scanner.targetFrom, scanner.targetTo);
  const headers = readHeaders(scanner, text, 'request');
  const method = methodIn(text, scanner.methodFrom, scanner.methodTo);
  if (method === undefined) refuse('METHOD_UNKNOWN', 'request');
  let path = target;
  let authority = '';
  if (!isPath(method, target)) {
    const parts = readTarget(method, target);
    if (typeof parts === 'string') refuse(parts, 'request');
    path = parts.path;
    authority = parts.authority;
  }
  const { minor } = scanner;
  if (facts.hasHost) {
    if (!isAuthority(facts.host)) refuse('HOST_INVALID', 'request');
    if (authority === '') authority = facts.host;
    else if (!sameAuthority(authority, facts.host)) refuse('TARGET_HOST_MISMATCH', 'request');
  } else if (minor === 1) refuse('HOST_MISSING', 'request');
  const framing = requestFraming(method);
  return {
    method,
    target,
    path,
    authority,
    status: 0,
    reason: '',
    minor,
    headers,
    seen: facts.seen,
    framing,
    keepAlive: keepsAlive(minor),
    expectContinue: facts.expectsContinue && minor === 1 && framing.kind !== 'none',
    upgrade: facts.namesUpgrade && minor === 1 ? facts.upgrade : '',
  };
}

/** The response whose bytes `text` are, to what was `asked`. Throws {@link Http1Refusal}. */
export function readResponse(scanner: HeadScanner, text: string, asked: number): Head {
  const headers = readHeaders(scanner, text, 'response');
  const { minor, status } = scanner;
  const framing = responseFraming(status, minor, asked);
  return {
    method: '',
    target: '',
    path: '',
    authority: '',
    status,
    reason: reasonIn(text, scanner.reasonFrom, scanner.reasonTo),
    minor,
    headers,
    seen: facts.seen,
    framing,
    keepAlive: framing.kind !== 'untilClose' && framing.kind !== 'raw' && keepsAlive(minor),
    expectContinue: false,
    upgrade: facts.namesUpgrade && minor === 1 ? facts.upgrade : '',
  };
}

/** The trailer section whose bytes `text` are. Throws {@link Http1Refusal}. */
export function readTrailers(scanner: HeadScanner, text: string, role: Role): string[] {
  const list: string[] = [];
  for (let at = 0; at < scanner.count; at += 1) {
    const name = scanner.names[at] as FieldName;
    if (name.kind !== FIELD_OTHER) refuse('TRAILER_FORBIDDEN', role);
    list.push(name.text, text.substring(scanner.ends[2 * at] ?? 0, scanner.ends[2 * at + 1] ?? 0));
  }
  return list;
}

function readHeaders(scanner: HeadScanner, text: string, role: Role): string[] {
  const { names, ends, count } = scanner;
  const list: string[] = new Array(2 * count);
  facts.reset();
  for (let at = 0; at < count; at += 1) {
    const name = names[at] as FieldName;
    const value = substring(text, ends[2 * at] as number, ends[2 * at + 1] as number);
    list[2 * at] = name.text;
    list[2 * at + 1] = value;
    if (name.seen !== 0) facts.seen = seeing(facts.seen, name.seen);
    if (name.kind === FIELD_OTHER) continue;
    const broken = facts.take(name.kind, value);
    if (broken !== undefined) refuse(broken, role);
    if (name.kind === FIELD_CONTENT_LENGTH || name.kind === FIELD_TRANSFER_ENCODING) {
      plainEnd(text, ends[2 * at + 1] as number, name.kind, role);
    }
  }
  if (facts.chunked && facts.length >= 0) refuse('LENGTH_AND_TRANSFER_ENCODING', role);
  if (facts.chunked && scanner.minor === 0) refuse('TRANSFER_ENCODING_VERSION', role);
  return list;
}

/** A part of a head, with a note of where it is. */
function substring(text: string, from: number, to: number): string {
  const part = text.substring(from, to);
  if (to - from >= ORIGIN_CHARS_MIN) noteOrigin(part, from);
  return part;
}

/** A tab after a length or coding is white space to the RFC and part of the value to some: refused. */
function plainEnd(text: string, from: number, kind: number, role: Role): void {
  for (let at = from; text.charCodeAt(at) !== CR; at += 1) {
    if (text.charCodeAt(at) !== HTAB) continue;
    refuse(
      kind === FIELD_CONTENT_LENGTH ? 'CONTENT_LENGTH_INVALID' : 'TRANSFER_ENCODING_UNKNOWN',
      role,
    );
  }
}

function requestFraming(method: string): Framing {
  if (method === 'CONNECT' && (facts.chunked || facts.length > 0)) {
    refuse('CONNECT_CONTENT', 'request');
  }
  if (facts.chunked) return FRAMING_CHUNKED;
  return facts.length >= 0 ? framingOfLength(facts.length) : FRAMING_NONE;
}

/** RFC 9112 section 6.3, in its order. */
function responseFraming(status: number, minor: number, asked: number): Framing {
  const tunnels = (asked & ASKED_CONNECT) !== 0 && status >= 200 && status < 300;
  if (status < 200 || status === 204 || tunnels) {
    if (facts.chunked) refuse('TRANSFER_ENCODING_FORBIDDEN', 'response');
    if (facts.length > 0) refuse('CONTENT_LENGTH_FORBIDDEN', 'response');
    if (status === 101 && ((asked & ASKED_UPGRADE) === 0 || minor === 0)) {
      refuse('SWITCH_UNASKED', 'response');
    }
    if (status === 101 && (!facts.namesUpgrade || facts.upgrade === '')) {
      refuse('SWITCH_UNNAMED', 'response');
    }
    return status === 101 || tunnels ? FRAMING_RAW : FRAMING_NONE;
  }
  if (status === 304 || (asked & ASKED_HEAD) !== 0) return FRAMING_NONE;
  if (facts.chunked) return FRAMING_CHUNKED;
  return facts.length >= 0 ? framingOfLength(facts.length) : FRAMING_UNTIL_CLOSE;
}

/** The phrase in `text[from, to)`: that of nearly all answers is shared. */
function reasonIn(text: string, from: number, to: number): string {
  const isOk =
    to - from === 2 && text.charCodeAt(from) === 0x4f && text.charCodeAt(from + 1) === 0x4b;
  return isOk ? 'OK' : text.substring(from, to);
}

/** RFC 9112 section 9.3. */
function keepsAlive(minor: number): boolean {
  return !facts.closes && (minor === 1 || facts.keepsAlive);
}

function refuse(rule: RuleCode, role: Role): never {
  throw new Http1Refusal(rule, role);
}
