/**
 * Requests to one API server, with authentication, deadlines and bounds.
 *
 * Promises that no answer is awaited for ever, no body grows without end, a token refused with 401 is
 * read again once, and every failure is an {@link IsthmusError}. HTTP/1.1 on purpose: over HTTP/2 all
 * watches would share one connection, and one stall would be everybody's.
 */
import { type Dispatcher, request } from 'undici';
import type { Clock } from '#core/clock.ts';
import { describeError, IsthmusError } from '#core/errors.ts';
import { StatusError } from './client.ts';
import { type ConnectionPoolOptions, connectionPool } from './connection-pool.ts';
import type { ConnectionMaterial, HeaderSource } from './credentials.ts';
import { Deadline } from './deadline.ts';
import { parseStatus, refused } from './status.ts';

/** An answer, a list page included, may not be larger than this. */
export const BODY_BYTES_MAX = 128 * 1024 * 1024;
/** An answer that takes longer than this is a failure. */
export const REQUEST_DEADLINE_MS = 30_000;
const ERROR_BODY_BYTES_MAX = 64 * 1024;

/** One server, and how to be known to it. */
export interface TransportOptions extends ConnectionPoolOptions {
  /** `https://host:port`, with a path prefix where a proxy asks for one. */
  readonly server: URL;
  readonly headers: HeaderSource;
  readonly clock: Clock;
  readonly requestDeadlineMs?: number | undefined;
  /** Carries the requests in place of a pool of connections; for simulations. */
  readonly dispatcher?: Dispatcher | undefined;
}

/** One request. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query below the server's prefix. */
  readonly path: string;
  readonly contentType?: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

export class HttpTransport {
  readonly #options: TransportOptions;
  #pool: Dispatcher;
  #certificate: ConnectionMaterial | undefined;
  /** Pools that were given up, until their last request has ended. */
  readonly #retired = new Set<Dispatcher>();
  readonly #deadlineMs: number;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#deadlineMs = options.requestDeadlineMs ?? REQUEST_DEADLINE_MS;
    this.#pool = options.dispatcher ?? connectionPool(options);
  }

  /** The answer's JSON. Throws with a {@link StatusError} as cause when the server refused. */
  async json(call: Call): Promise<unknown> {
    const pool = this.#pool;
    const deadline = this.#deadline(call.signal);
    try {
      const answer = await this.#authenticated(call, deadline.signal);
      const text = await readBody(answer, BODY_BYTES_MAX);
      return JSON.parse(text);
    } catch (error) {
      if (deadline.isExpired) this.#retire(pool);
      throw this.#failure(call, error, call.signal);
    } finally {
      deadline.done();
    }
  }

  /**
   * The answer's bytes as they come. Only the headers have a deadline; between chunks at most
   * `idleMs` may pass, after which the connection counts as half-open.
   */
  async *stream(call: Call, idleMs: number): AsyncGenerator<Uint8Array> {
    const pool = this.#pool;
    const idle = this.#deadline(call.signal, idleMs);
    const headers = this.#deadline(idle.signal);
    try {
      const answer = await this.#authenticated(call, headers.signal, idle.signal);
      headers.done();
      for await (const chunk of answer.body) {
        idle.pause();
        yield chunk as Uint8Array;
        idle.restart();
      }
    } catch (error) {
      if (idle.isExpired || headers.isExpired) this.#retire(pool);
      throw this.#failure(call, error, call.signal);
    } finally {
      headers.done();
      // Also ends the connection when the consumer stopped reading.
      idle.abort();
    }
  }

  /** Closes every connection at once. */
  async close(): Promise<void> {
    await Promise.all([this.#pool, ...this.#retired].map((each) => each.destroy()));
  }

  /**
   * Where one connection fell silent the others may be dead as well, and a request sent over one of them would wait for
   * its own deadline: later requests dial afresh, and what is under way on other connections may end.
   */
  #retire(pool: Dispatcher): void {
    if (pool !== this.#pool || this.#options.dispatcher !== undefined) return;
    const tls = { ...this.#options.tls, ...this.#certificate };
    this.#pool = connectionPool({ ...this.#options, tls });
    this.#retired.add(pool);
    const gone = () => void this.#retired.delete(pool);
    pool.close().then(gone, gone);
  }

  async #authenticated(
    call: Call,
    untilHeaders: AbortSignal,
    untilEnd: AbortSignal = untilHeaders,
  ): Promise<Dispatcher.ResponseData> {
    let answer = await this.#send(call, untilHeaders, untilEnd, false);
    if (answer.statusCode === 401) {
      await answer.body.dump({ limit: ERROR_BODY_BYTES_MAX });
      answer = await this.#send(call, untilHeaders, untilEnd, true);
    }
    if (answer.statusCode >= 200 && answer.statusCode < 300) return answer;
    throw await statusError(answer);
  }

  async #send(
    call: Call,
    untilHeaders: AbortSignal,
    untilEnd: AbortSignal,
    fresh: boolean,
  ): Promise<Dispatcher.ResponseData> {
    const { server } = this.#options;
    const authentication = await this.#options.headers.headers(fresh);
    untilHeaders.throwIfAborted();
    const certificate = this.#options.headers.certificate?.();
    if (certificate !== this.#certificate) {
      this.#certificate = certificate;
      this.#retire(this.#pool);
    }
    const controller = new AbortController();
    const abort = (signal: AbortSignal) => () => controller.abort(signal.reason);
    const onHeaders = abort(untilHeaders);
    untilHeaders.addEventListener('abort', onHeaders, { once: true });
    if (untilEnd !== untilHeaders) {
      untilEnd.addEventListener('abort', abort(untilEnd), { once: true });
    }
    const prefix = server.pathname === '/' ? '' : server.pathname.replace(/\/$/, '');
    const answer = await request(`${server.origin}${prefix}${call.path}`, {
      method: call.method,
      dispatcher: this.#pool,
      signal: controller.signal,
      headers: {
        accept: 'application/json',
        'user-agent': 'isthmus',
        ...authentication,
        ...(call.contentType === undefined ? {} : { 'content-type': call.contentType }),
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    });
    // For a stream the headers' deadline must not cut the body that follows.
    if (untilEnd !== untilHeaders) untilHeaders.removeEventListener('abort', onHeaders);
    return answer;
  }

  #deadline(outer: AbortSignal | undefined, afterMs = this.#deadlineMs): Deadline {
    return new Deadline(this.#options.clock, afterMs, outer);
  }

  #failure(call: Call, error: unknown, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted || error instanceof IsthmusError) return error;
    if (error instanceof StatusError) {
      return refused(`${call.method} ${call.path.split('?')[0]}`, error);
    }
    return new IsthmusError(
      'CLUSTER_UNREACHABLE',
      `${call.method} ${call.path.split('?')[0]} at ${this.#options.server.host} failed: ${describeError(error)}`,
      { cause: error },
    );
  }
}

async function readBody(answer: Dispatcher.ResponseData, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > bytesMax) {
      throw new IsthmusError('ANSWER_UNREADABLE', `the answer passes ${bytesMax} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes).toString('utf8');
}

async function statusError(answer: Dispatcher.ResponseData): Promise<StatusError> {
  const text = await readBody(answer, ERROR_BODY_BYTES_MAX);
  return parseStatus(answer.statusCode, text, answer.headers['retry-after']);
}
