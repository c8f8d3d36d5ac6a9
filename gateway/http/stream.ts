/**
 * Requests that arrive in a tunnel: HTTP/2 streams become exchanges.
 */
import http2 from 'node:http2';
import type { Writable } from 'node:stream';
import { HEADER_ATTEMPTS, HEADER_CALLER, HEADER_SOURCE, HEADER_TARGET } from '#core/names.ts';
import { parseTarget, type Target } from '../snapshot/types.ts';
import { ReplayableBody } from './body.ts';
import { type Exchange, headerValue, type RequestHead, type ResponseHead } from './message.ts';

/** What the near gateway said beside the request. */
export interface Arrival {
  readonly target: Target;
  readonly sourceCluster: string | undefined;
  readonly caller: string | undefined;
  readonly attempts: number;
}

/** What the tunnel's headers ask for, or `undefined` when they name no target. */
export function arrivalOf(headers: readonly string[]): Arrival | undefined {
  const target = parseTarget(headerValue(headers, HEADER_TARGET) ?? '');
  if (target === undefined) return undefined;
  const attempts = Number(headerValue(headers, HEADER_ATTEMPTS) ?? 0);
  return {
    target,
    sourceCluster: headerValue(headers, HEADER_SOURCE),
    caller: headerValue(headers, HEADER_CALLER),
    attempts: Number.isInteger(attempts) && attempts >= 0 ? attempts : 0,
  };
}

/** The pod's own Date passes; node would add one of ours. Missing from the types. */
const RESPOND = { endStream: false, sendDate: false };

export class StreamExchange implements Exchange {
  readonly head: RequestHead;
  readonly body: ReplayableBody;
  readonly gone: AbortSignal;
  readonly #stream: http2.ServerHttp2Stream;

  constructor(stream: http2.ServerHttp2Stream, headers: readonly string[]) {
    this.#stream = stream;
    this.head = {
      method: headerValue(headers, ':method') ?? 'GET',
      path: headerValue(headers, ':path') ?? '/',
      authority: headerValue(headers, ':authority') ?? '',
      headers,
    };
    this.body = new ReplayableBody(stream.endAfterHeaders ? undefined : stream);
    const gone = new AbortController();
    this.gone = gone.signal;
    stream.once('close', () => {
      if (!stream.writableFinished) gone.abort();
    });
  }

  respond(head: ResponseHead): Writable {
    if (this.#stream.destroyed || this.#stream.closed) return this.#stream;
    this.#stream.respond([':status', String(head.status), ...head.headers], RESPOND);
    return this.#stream;
  }

  abort(): void {
    this.#stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
  }
}
