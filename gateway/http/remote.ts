/**
 * Attempts at another cluster: one HTTP/2 stream in a tunnel.
 */
import http2 from 'node:http2';
import type { Clock } from '#core/clock.ts';
import { ERRORS, type ErrorCode } from '#core/errors.ts';
import {
  HEADER_ATTEMPTS,
  HEADER_CALLER,
  HEADER_ERROR,
  HEADER_SOURCE,
  HEADER_TARGET,
} from '#core/names.ts';
import { formatTarget, type Target } from '../snapshot/types.ts';
import type { Tunnel } from '../tunnel/tunnel.ts';
import { type Attempt, AttemptError, type UpstreamRequest } from './attempt.ts';
import { addHop, endToEnd } from './headers.ts';
import { type Answer, headerValue } from './message.ts';

/** What the far gateway is told beside the request. */
export interface Passage {
  readonly target: Target;
  readonly sourceCluster: string;
  readonly caller: string | undefined;
  /** Attempts the far side may make. */
  readonly attempts: number;
}

/** Codes of a far gateway that say the request reached no application. */
const NEVER_SENT: ReadonlySet<string> = new Set<ErrorCode>([
  'NO_ENDPOINT',
  'UPSTREAM_CONNECT',
  'UNKNOWN_TARGET',
  'OVERLOADED',
  'SHUTTING_DOWN',
]);

/** Starts an attempt in `tunnel`. */
export function startRemote(
  tunnel: Tunnel,
  request: UpstreamRequest,
  passage: Passage,
  clock: Clock,
): Attempt {
  const { head, body } = request;
  const headers = [
    ':method',
    head.method,
    ':path',
    head.path,
    ':scheme',
    'http',
    ':authority',
    head.authority,
    ...head.headers,
    ...passageHeaders(passage),
  ];
  const at = headers.indexOf('host');
  if (at > 0 && at % 2 === 0) headers.splice(at, 2);
  addHop(headers, passage.sourceCluster);
  return new RemoteAttempt(openStream(tunnel, headers, body.empty), request, clock);
}

/** A stream in `tunnel`; a tunnel that ended in this very moment has sent nothing. */
function openStream(tunnel: Tunnel, headers: readonly string[], endStream: boolean) {
  try {
    return tunnel.open(headers, endStream);
  } catch (cause) {
    throw new AttemptError('TUNNEL_LOST', 'the tunnel has just ended', { neverSent: true, cause });
  }
}

/** The header fields of `passage`; see `core/names.ts`. */
export function passageHeaders(passage: Passage): string[] {
  const headers = [
    HEADER_TARGET,
    formatTarget(passage.target),
    HEADER_SOURCE,
    passage.sourceCluster,
    HEADER_ATTEMPTS,
    String(passage.attempts),
  ];
  if (passage.caller !== undefined) headers.push(HEADER_CALLER, passage.caller);
  return headers;
}

class RemoteAttempt implements Attempt {
  readonly body;
  readonly answer: Promise<Answer>;
  readonly completion: Promise<boolean>;
  firstByteMs: number | undefined;
  readonly #stream: http2.ClientHttp2Stream;
  #cancelled: AttemptError | undefined;

  constructor(stream: http2.ClientHttp2Stream, request: UpstreamRequest, clock: Clock) {
    this.#stream = stream;
    this.body = request.body;
    this.completion = new Promise((resolve) => {
      stream.once('close', () => resolve(this.firstByteMs !== undefined && stream.readableEnded));
    });
    this.answer = new Promise((resolve, reject) => {
      stream.once('response', (fields, _flags, raw) => {
        this.firstByteMs = clock.monotonicMs();
        const headers = raw as unknown as readonly string[];
        const refused = refusal(headers);
        if (refused) {
          stream.close(http2.constants.NGHTTP2_CANCEL);
          reject(refused);
          return;
        }
        resolve({
          head: { status: Number(fields[':status']), headers: endToEnd(headers) },
          body: stream,
        });
      });
      stream.on('error', (error) => reject(this.#cancelled ?? this.#lost(error)));
      stream.once('close', () => {
        this.body.detach();
        reject(this.#cancelled ?? this.#lost(undefined));
      });
    });
    this.answer.catch(() => undefined);
    if (!request.body.empty) request.body.attach(stream);
  }

  cancel(reason: AttemptError): void {
    this.#cancelled = reason;
    this.#stream.close(http2.constants.NGHTTP2_CANCEL);
  }

  #lost(error: Error | undefined): AttemptError {
    const refused = this.#stream.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM;
    return new AttemptError(
      'TUNNEL_LOST',
      `the tunnel broke off: ${error?.message ?? 'no answer'}`,
      {
        neverSent: refused,
        cause: error,
      },
    );
  }
}

/** The far gateway's own refusal, told by a header no server behind it can set. */
function refusal(headers: readonly string[]): AttemptError | undefined {
  const code = headerValue(headers, HEADER_ERROR);
  if (code === undefined) return undefined;
  const known = code in ERRORS ? (code as ErrorCode) : 'INTERNAL';
  return new AttemptError(known, `the peer answered ${code}`, {
    neverSent: NEVER_SENT.has(known),
  });
}
