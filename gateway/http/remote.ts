/**
 * Attempts at another cluster: one stream in a tunnel.
 */
import { ERRORS, type ErrorCode } from '#core/errors.ts';
import {
  HEADER_ATTEMPTS,
  HEADER_CALLER,
  HEADER_ERROR,
  HEADER_HOPS,
  HEADER_METHOD,
  HEADER_PREFIX,
  HEADER_SOURCE,
  HEADER_TARGET,
  HEADER_TIMEOUT,
  HEADER_UPGRADE,
  HEADER_VERSION,
} from '#core/names.ts';
import { sameProtocol } from '../http1/upgrade.ts';
import { type AttemptKind, responseHeadOf, startStream } from '../http2/attempt.ts';
import { ATTEMPTS_MAX } from '../resilience/repeat.ts';
import { parseTarget, type Target } from '../snapshot/types.ts';
import type { Tunnel } from '../tunnel/tunnel.ts';
import { SEEN } from '../wire/seen.ts';
import { AttemptError } from './attempt-error.ts';
import type { Attempt, UpstreamRequest } from './exchange.ts';
import { addHop, endToEnd } from './headers.ts';
import { headerValue, type RawHeaders, type RequestHead } from './message.ts';

/** What the far gateway is told beside the request. */
export interface Passage {
  /** `namespace/name:port`, the form of `formatTarget`. */
  readonly target: string;
  readonly sourceCluster: string;
  readonly caller: string | undefined;
  /** Attempts the far side may make after its first. */
  readonly attempts: number;
  /** How long an answer is waited for; `undefined`: as long as it takes. */
  readonly timeoutMs: number | undefined;
}

/** What the near gateway said beside the request. */
export interface Arrival {
  readonly target: Target;
  /** As it came. */
  readonly targetText: string;
  /** `namespace/name` of the target. */
  readonly service: string;
  readonly sourceCluster: string | undefined;
  readonly caller: string | undefined;
  readonly attempts: number;
  readonly timeoutMs: number | undefined;
  /** The clusters passed, as a list with commas; empty: none. */
  readonly hops: string;
  /** The request as the client made it, without what belongs to the hop or to us. */
  readonly head: RequestHead;
}

/** Codes of a far gateway that say the request reached no application. */
const NEVER_SENT: ReadonlySet<string> = new Set<ErrorCode>([
  'NO_ENDPOINT',
  'UPSTREAM_CONNECT',
  'UNKNOWN_TARGET',
  'OVERLOADED',
  'RATE_LIMITED',
  'SHUTTING_DOWN',
]);

/** The token by which streams say that they switch to what {@link HEADER_UPGRADE} names. */
const ANY_UPGRADE = 'isthmus';

const TUNNEL: AttemptKind = {
  lostError: (why) =>
    new AttemptError('TUNNEL_LOST', `the tunnel broke off: ${why}`, { neverSent: false }),
  answerOf(block, head, end) {
    // The far gateway's own refusal: no server behind it can set this field.
    const code =
      (block.seen & SEEN.OURS) === 0 ? undefined : headerValue(block.headers, HEADER_ERROR);
    if (code !== undefined) {
      const known = isAnswered(code) ? code : 'UPSTREAM_PROTOCOL';
      const neverSent = NEVER_SENT.has(known);
      const attempts = attemptsIn(block.headers);
      return new AttemptError(known, `the peer answered ${code}`, { neverSent, attempts });
    }
    const upgrade = head.upgrade === '' ? undefined : headerValue(block.headers, HEADER_UPGRADE);
    if (upgrade !== undefined && !sameProtocol(upgrade, head.upgrade)) {
      const message = `the peer switched to ${upgrade} where ${head.upgrade} was asked for`;
      return new AttemptError('UPSTREAM_PROTOCOL', message, { neverSent: false });
    }
    return responseHeadOf(block, head, end, upgrade);
  },
};

/** Whether a gateway can have answered with `code`: one that cannot has not failed here, but there. */
function isAnswered(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code) && ERRORS[code as ErrorCode].http > 0;
}

/** How many attempts a far gateway says it made. */
function attemptsIn(headers: RawHeaders): number {
  const attempts = Number(headerValue(headers, HEADER_ATTEMPTS) ?? 1);
  return attempts >= 1 && attempts <= ATTEMPTS_MAX ? attempts : 1;
}

/** Starts an attempt in `tunnel`. */
export function startRemote(tunnel: Tunnel, request: UpstreamRequest, passage: Passage): Attempt {
  const headers = passageHeaders(request.head, passage);
  return startStream(tunnel.endpoint, headers, request, TUNNEL);
}

/** The request's own fields come first, ours last: the far gateway can cut them off. */
function passageHeaders(head: RequestHead, passage: Passage): string[] {
  const { method, path, authority, upgrade, headers, seen } = head;
  const { target, sourceCluster, attempts, caller, timeoutMs } = passage;
  const opaque = method === 'CONNECT';
  const passed = (seen & SEEN.HOPS) !== 0;
  const many =
    (opaque ? 4 : 8) +
    (upgrade === '' ? 0 : 6) +
    headers.length +
    (passed ? 4 : 6) +
    (attempts > 0 ? 2 : 0) +
    (timeoutMs === undefined ? 0 : 2) +
    (caller === undefined ? 0 : 2) +
    (head.version === 'http2' ? 2 : 0);
  // As long as it gets at once: a list that grows is copied again and again.
  const list = new Array<string>(many);
  list[0] = ':method';
  list[1] = upgrade === '' ? method : 'CONNECT';
  let at = 2;
  if (upgrade !== '') at = put(list, at, ':protocol', ANY_UPGRADE);
  // A plain CONNECT has neither (RFC 9113 section 8.5).
  if (!opaque) at = put(list, put(list, at, ':scheme', 'http'), ':path', path);
  at = put(list, at, ':authority', authority);
  for (let from = 0; from < headers.length; from += 1) list[at + from] = headers[from] as string;
  at += headers.length;
  if (!passed) at = put(list, at, HEADER_HOPS, sourceCluster);
  at = put(list, at, HEADER_TARGET, target);
  at = put(list, at, HEADER_SOURCE, sourceCluster);
  if (attempts > 0) at = put(list, at, HEADER_ATTEMPTS, DIGITS[attempts] ?? String(attempts));
  if (timeoutMs !== undefined) at = put(list, at, HEADER_TIMEOUT, String(Math.ceil(timeoutMs)));
  if (caller !== undefined) at = put(list, at, HEADER_CALLER, caller);
  if (head.version === 'http2') at = put(list, at, HEADER_VERSION, '2');
  if (upgrade !== '') put(list, put(list, at, HEADER_UPGRADE, upgrade), HEADER_METHOD, method);
  if (passed) addHop(list, sourceCluster);
  return list;
}

const DIGITS = ['0', '1', '2', '3', '4', '5'];

function put(list: string[], at: number, name: string, value: string): number {
  list[at] = name;
  list[at + 1] = value;
  return at + 2;
}

/** What a stream of a tunnel asks for, or `undefined` when it names no target. */
export function arrivalOf(head: RequestHead): Arrival | undefined {
  const own = new OwnFields();
  const fields = own.takeFrom(head.headers);
  const known = targetOf(own.target);
  if (known === undefined) return undefined;
  return {
    target: known.target,
    targetText: own.target,
    service: known.service,
    sourceCluster: own.source,
    caller: own.caller,
    hops: own.hops,
    attempts: own.attempts,
    timeoutMs: own.timeoutMs,
    head: headOf(head, fields, own),
  };
}

const PREFIX_START = HEADER_PREFIX.charCodeAt(0);

/** What the near gateway says in fields of its own; a field that comes twice counts once. */
class OwnFields {
  target = '';
  source: string | undefined;
  caller: string | undefined;
  hops = '';
  attempts = 0;
  timeoutMs: number | undefined;
  version = '';
  upgrade = '';
  method = '';

  /** Notes the fields of the gateways' in `headers`, and returns the others. */
  takeFrom(headers: RawHeaders): RawHeaders {
    let last = headers.length;
    // Our gateways say what they say behind all other fields.
    while (last > 0 && this.#take(headers[last - 2] as string, headers[last - 1] as string))
      last -= 2;
    const fields = headers.slice(0, last);
    for (let at = 0; at < last; at += 2) {
      // Whoever says it elsewhere is heard, and it passes no further.
      if (this.#take(fields[at] as string, fields[at + 1] as string)) return this.#sift(fields);
    }
    return fields;
  }

  #sift(fields: RawHeaders): RawHeaders {
    const kept: string[] = [];
    for (let at = 0; at < fields.length; at += 2) {
      const name = fields[at] as string;
      const value = fields[at + 1] as string;
      if (!this.#take(name, value)) kept.push(name, value);
    }
    return kept;
  }

  /** Notes a field of the gateways'; false: it is none, or travels on. */
  #take(name: string, value: string): boolean {
    if (name.charCodeAt(0) !== PREFIX_START) return false;
    switch (name) {
      case HEADER_TARGET:
        this.target ||= value;
        return true;
      case HEADER_SOURCE:
        this.source ??= value;
        return true;
      case HEADER_CALLER:
        this.caller ??= value;
        return true;
      case HEADER_HOPS:
        this.hops ||= value;
        return false;
      case HEADER_ATTEMPTS: {
        const attempts = Number(value);
        if (Number.isInteger(attempts) && attempts >= 0) this.attempts = attempts;
        return true;
      }
      case HEADER_TIMEOUT: {
        const timeoutMs = Number(value);
        if (timeoutMs >= 0 && Number.isFinite(timeoutMs)) this.timeoutMs ??= timeoutMs;
        return true;
      }
      case HEADER_VERSION:
        this.version ||= value;
        return true;
      case HEADER_UPGRADE:
        this.upgrade ||= value;
        return true;
      case HEADER_METHOD:
        this.method ||= value;
        return true;
      default:
        return name.startsWith(HEADER_PREFIX);
    }
  }
}

/** A target that was asked for, with the name of its Service. */
interface KnownTarget {
  readonly target: Target;
  readonly service: string;
}

/** Targets asked for lately: a peer asks for few, again and again. */
const targets = new Map<string, KnownTarget>();
const TARGETS_MAX = 4_096;

function targetOf(text: string): KnownTarget | undefined {
  const known = targets.get(text);
  if (known !== undefined) return known;
  const target = parseTarget(text);
  if (target === undefined) return undefined;
  const made = { target, service: `${target.namespace}/${target.name}` };
  if (targets.size >= TARGETS_MAX) targets.clear();
  targets.set(text, made);
  return made;
}

function headOf(head: RequestHead, fields: RawHeaders, own: OwnFields): RequestHead {
  const { path, authority, length, neverIndexed } = head;
  // Nothing of the hop can come here but crumbs of cookies and codings.
  const seen = head.seen & ~SEEN.OURS;
  const headers = endToEnd(fields, seen);
  const version = own.version === '2' ? 'http2' : 'http1';
  const upgrade = head.upgrade === '' ? '' : own.upgrade || head.upgrade;
  const method = head.upgrade === '' ? head.method : own.method || 'GET';
  return { method, path, authority, headers, seen, upgrade, length, version, neverIndexed };
}
