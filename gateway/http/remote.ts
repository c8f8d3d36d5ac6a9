/**
 * Attempts at another cluster: one stream in a tunnel.
 */
import { ERRORS, type ErrorCode } from '#core/errors.ts';
import {
  HEADER_ATTEMPTS,
  HEADER_CALLER,
  HEADER_ERROR,
  HEADER_METHOD,
  HEADER_SOURCE,
  HEADER_TARGET,
  HEADER_UPGRADE,
  HEADER_VERSION,
} from '#core/names.ts';
import { sameProtocol } from '../http1/upgrade.ts';
import { type AttemptKind, responseHeadOf, startStream } from '../http2/attempt.ts';
import { parseTarget, type Target } from '../snapshot/types.ts';
import type { Tunnel } from '../tunnel/tunnel.ts';
import { AttemptError } from './attempt-error.ts';
import type { Attempt, UpstreamRequest } from './exchange.ts';
import { addHop } from './headers.ts';
import { headerValue, type RawHeaders, type RequestHead } from './message.ts';

/** What the far gateway is told beside the request. */
export interface Passage {
  /** `namespace/name:port`, the form of `formatTarget`. */
  readonly target: string;
  readonly sourceCluster: string;
  readonly caller: string | undefined;
  /** Attempts the far side may make after its first. */
  readonly attempts: number;
}

/** What the near gateway said beside the request. */
export interface Arrival {
  readonly target: Target;
  /** As it came. */
  readonly targetText: string;
  readonly sourceCluster: string | undefined;
  readonly caller: string | undefined;
  readonly attempts: number;
  /** The request as the client made it. */
  readonly head: RequestHead;
}

/** Codes of a far gateway that say the request reached no application. */
const NEVER_SENT: ReadonlySet<string> = new Set<ErrorCode>([
  'NO_ENDPOINT',
  'UPSTREAM_CONNECT',
  'UNKNOWN_TARGET',
  'OVERLOADED',
  'SHUTTING_DOWN',
]);

/** The token by which streams say that they switch to what {@link HEADER_UPGRADE} names. */
const ANY_UPGRADE = 'isthmus';

const TUNNEL: AttemptKind = {
  lostError: (why) =>
    new AttemptError('TUNNEL_LOST', `the tunnel broke off: ${why}`, { neverSent: false }),
  answerOf(block, head, end) {
    // The far gateway's own refusal: no server behind it can set this field.
    const code = headerValue(block.headers, HEADER_ERROR);
    if (code !== undefined) {
      const known = Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'INTERNAL';
      const neverSent = NEVER_SENT.has(known);
      return new AttemptError(known, `the peer answered ${code}`, { neverSent });
    }
    const upgrade = head.upgrade === '' ? undefined : headerValue(block.headers, HEADER_UPGRADE);
    if (upgrade !== undefined && !sameProtocol(upgrade, head.upgrade)) {
      const message = `the peer switched to ${upgrade} where ${head.upgrade} was asked for`;
      return new AttemptError('UPSTREAM_PROTOCOL', message, { neverSent: false });
    }
    return responseHeadOf(block, head, end, upgrade);
  },
};

/** Starts an attempt in `tunnel`. */
export function startRemote(tunnel: Tunnel, request: UpstreamRequest, passage: Passage): Attempt {
  const headers = passageHeaders(request.head, passage);
  return startStream(tunnel.endpoint, headers, request, TUNNEL);
}

function passageHeaders(head: RequestHead, passage: Passage): string[] {
  const { method, path, authority, upgrade } = head;
  const headers = upgrade === '' ? [':method', method] : [':method', 'CONNECT'];
  if (upgrade !== '') headers.push(':protocol', ANY_UPGRADE);
  // A plain CONNECT has neither (RFC 9113 section 8.5).
  if (method !== 'CONNECT') headers.push(':scheme', 'http', ':path', path);
  headers.push(':authority', authority, ...head.headers);
  headers.push(HEADER_TARGET, passage.target, HEADER_SOURCE, passage.sourceCluster);
  if (passage.attempts > 0) headers.push(HEADER_ATTEMPTS, String(passage.attempts));
  if (passage.caller !== undefined) headers.push(HEADER_CALLER, passage.caller);
  if (head.version === 'http2') headers.push(HEADER_VERSION, '2');
  if (upgrade !== '') headers.push(HEADER_UPGRADE, upgrade, HEADER_METHOD, method);
  addHop(headers, passage.sourceCluster);
  return headers;
}

/** What a stream of a tunnel asks for, or `undefined` when it names no target. */
export function arrivalOf(head: RequestHead): Arrival | undefined {
  const { headers } = head;
  const text = headerValue(headers, HEADER_TARGET) ?? '';
  const target = targetOf(text);
  if (target === undefined) return undefined;
  const attempts = Number(headerValue(headers, HEADER_ATTEMPTS) ?? 0);
  return {
    target,
    targetText: text,
    sourceCluster: headerValue(headers, HEADER_SOURCE),
    caller: headerValue(headers, HEADER_CALLER),
    attempts: Number.isInteger(attempts) && attempts >= 0 ? attempts : 0,
    head: headOf(head, headers),
  };
}

/** Targets asked for lately: a peer asks for few, again and again. */
const targets = new Map<string, Target>();
const TARGETS_MAX = 4_096;

function targetOf(text: string): Target | undefined {
  const known = targets.get(text);
  if (known !== undefined) return known;
  const target = parseTarget(text);
  if (target === undefined) return undefined;
  if (targets.size >= TARGETS_MAX) targets.clear();
  targets.set(text, target);
  return target;
}

function headOf(head: RequestHead, headers: RawHeaders): RequestHead {
  const version = headerValue(headers, HEADER_VERSION) === '2' ? 'http2' : 'http1';
  if (head.upgrade === '') return { ...head, version };
  const upgrade = headerValue(headers, HEADER_UPGRADE) ?? head.upgrade;
  return { ...head, version, upgrade, method: headerValue(headers, HEADER_METHOD) ?? 'GET' };
}
