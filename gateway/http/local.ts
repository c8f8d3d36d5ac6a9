/**
 * Attempts at local pods: HTTP/1.1 over kept-alive connections.
 *
 * Promises: a connection that is not accepted within {@link CONNECT_TIMEOUT_MS} counts as refused; an
 * idle connection is given up before common servers close theirs (Node closes after 5 s).
 */
import http from 'node:http';
import type { Clock } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import { formatAddress, type Network, parseAddress } from '#core/network.ts';
import { type Attempt, AttemptError, type UpstreamRequest } from './attempt.ts';
import { endToEnd } from './headers.ts';
import { type Answer, headerValue } from './message.ts';

export const CONNECT_TIMEOUT_MS = 1_000;
const IDLE_MS = 4_000;
const ANSWER_HEAD_BYTES_MAX = 64 * 1024;

export class LocalUpstream {
  readonly #clock: Clock;
  readonly #network: Network;
  readonly #agent = new http.Agent({ keepAlive: true, scheduling: 'lifo', timeout: IDLE_MS });

  constructor(clock: Clock, network: Network) {
    this.#clock = clock;
    this.#network = network;
  }

  /** Starts an attempt at `endpoint` (`host:port`). */
  start(endpoint: string, request: UpstreamRequest): Attempt {
    const address = parseAddress(endpoint);
    if (address === undefined) throw new Error(`not an address: ${endpoint}`);
    return new LocalAttempt(this.#open(this.#network.locate(address), request), request, {
      clock: this.#clock,
      endpoint: formatAddress(address),
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #open(address: { host: string; port: number }, request: UpstreamRequest): http.ClientRequest {
    const { head, body } = request;
    const headers = ['host', head.authority, ...head.headers.filter(notHost)];
    const framed = headerValue(head.headers, 'content-length') !== undefined;
    if (!body.empty && !framed) headers.push('transfer-encoding', 'chunked');
    return http.request({
      agent: this.#agent,
      host: address.host,
      port: address.port,
      method: head.method,
      path: head.path,
      headers,
      maxHeaderSize: ANSWER_HEAD_BYTES_MAX,
      setDefaultHeaders: false,
    });
  }
}

class LocalAttempt implements Attempt {
  readonly body;
  readonly answer: Promise<Answer>;
  readonly completion: Promise<boolean>;
  firstByteMs: number | undefined;
  readonly #request: http.ClientRequest;
  #cancelled: AttemptError | undefined;

  constructor(
    request: http.ClientRequest,
    sent: UpstreamRequest,
    context: { clock: Clock; endpoint: string },
  ) {
    this.body = sent.body;
    this.#request = request;
    let connected = false;
    const { clock, endpoint } = context;
    const timer = clock.after(CONNECT_TIMEOUT_MS, () => {
      if (!connected) request.destroy(new Error(`not connected within ${CONNECT_TIMEOUT_MS} ms`));
    });
    const onConnect = () => {
      connected = true;
      timer.cancel();
    };
    request.once('socket', (socket) => {
      if (socket.connecting) socket.once('connect', onConnect);
      else onConnect();
    });
    let complete: (whole: boolean) => void = () => undefined;
    this.completion = new Promise((resolve) => {
      complete = resolve;
    });
    this.answer = new Promise((resolve, reject) => {
      request.once('response', (response) => {
        this.firstByteMs = clock.monotonicMs();
        response.once('close', () => complete(response.complete));
        const status = response.statusCode ?? 502;
        resolve({ head: { status, headers: endToEnd(response.rawHeaders) }, body: response });
      });
      request.once('upgrade', (_response, socket) => {
        socket.destroy();
        reject(protocolError(endpoint, 'answered 101 to a request without Upgrade'));
      });
      request.on('error', (error) => {
        timer.cancel();
        reject(this.#cancelled ?? failure(error, endpoint, connected));
      });
      request.once('close', () => {
        timer.cancel();
        this.body.detach();
        if (this.firstByteMs === undefined) complete(false);
      });
    });
    this.answer.catch(() => undefined);
    sent.body.attach(request);
  }

  cancel(reason: AttemptError): void {
    this.#cancelled = reason;
    this.#request.destroy(reason);
  }
}

function failure(error: Error, endpoint: string, connected: boolean): AttemptError {
  if (!connected) {
    return new AttemptError(
      'UPSTREAM_CONNECT',
      `cannot connect to ${endpoint}: ${describeError(error)}`,
      {
        neverSent: true,
        cause: error,
      },
    );
  }
  if ((error as NodeJS.ErrnoException).code?.startsWith('HPE_'))
    return protocolError(endpoint, error.message);
  return new AttemptError('UPSTREAM_RESET', `${endpoint} broke off: ${describeError(error)}`, {
    neverSent: false,
    cause: error,
  });
}

function protocolError(endpoint: string, message: string): AttemptError {
  return new AttemptError('UPSTREAM_PROTOCOL', `${endpoint}: ${message}`, { neverSent: false });
}

function notHost(_: string, at: number, all: readonly string[]): boolean {
  return all[at - (at % 2)] !== 'host';
}
