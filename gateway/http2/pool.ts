/**
 * Attempts at one local pod that speaks HTTP/2: as few connections as its stream bound allows.
 */
import type { Clock, Timer } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import { type Address, formatAddress, type Network } from '#core/network.ts';
import { AttemptError } from '../http/attempt-error.ts';
import { DeferredAttempt, type Starter } from '../http/deferred.ts';
import type { Attempt, UpstreamRequest } from '../http/exchange.ts';
import type { AnswerHead, RawHeaders, RequestHead } from '../http/message.ts';
import { CONNECT_TIMEOUT_MS } from '../opaque/attempt.ts';
import type { Connection } from '../transport/connections.ts';
import { Connections } from '../transport/connections.ts';
import { connectToPod } from '../transport/pod-socket.ts';
import { Transport } from '../transport/transport.ts';
import type { HeaderBlock } from '../wire/hpack/block.ts';
import { HTTP2_LIMITS } from '../wire/http2/limits.ts';
import type { Http2Settings } from '../wire/http2/settings.ts';
import { type AttemptKind, responseHeadOf, startStream } from './attempt.ts';
import { Http2Endpoint } from './endpoint.ts';
import type { EndpointHandler, StreamOwner } from './handler.ts';
import { Liveness } from './liveness.ts';
import { TUNNEL_PORTION } from './portions.ts';
import { CLIENT_WINDOWS } from './server.ts';

/**
 * Connections to one pod that take streams, and those an attempt waits for. Others may be there beside them: a server that ends
 * its connections by their age leaves them with whatever has no end.
 */
const CONNECTIONS_MAX = 16;
/** A connection without a stream is ended after so long. */
const IDLE_MS = 60_000;

export interface Http2PoolOptions {
  readonly clock: Clock;
  readonly network: Network;
  readonly address: Address;
  readonly renewAtStreamId: number;
}

/** Starts an attempt over HTTP/1; `instead`: the pod has said that it does not speak HTTP/2 at all. */
export type Fallback = (instead: boolean) => Attempt;

export class Http2Pool {
  readonly #options: Http2PoolOptions;
  readonly #connections: Connections<PodConnection>;
  /** Those that take streams, or will once they have room or the pod has spoken. */
  readonly #open: PodConnection[] = [];

  constructor(options: Http2PoolOptions) {
    this.#options = options;
    this.#connections = new Connections(options.clock);
  }

  /** Connections there are. */
  get size(): number {
    return this.#connections.size;
  }

  /**
   * Starts an attempt. On a connection that is new it waits until the pod has said how many streams it takes (RFC 9113
   * section 6.5.2), and whether it can switch (RFC 8441 section 3): what one pod takes at once, another refuses.
   *
   * With a `fallback` nobody has said that the pod speaks HTTP/2. Where it answers something else, which it did to our preface
   * alone, `fallback` starts the attempt in its stead; so it does where the pod says nothing, but that proves nothing.
   *
   * `waited`: for how many connections the attempt has waited in vain.
   */
  start(request: UpstreamRequest, fallback: Fallback | undefined, waited = 0): Attempt {
    if (waited === CONNECTIONS_MAX) throw this.#noRoom();
    const connection = this.#pick();
    const upgrades = request.head.upgrade !== '';
    if (connection.announced && !upgrades) return connection.start(request);
    const begin = connection.settings.then((announced): Starter => {
      if (announced !== undefined && (!upgrades || announced.connectProtocol)) {
        // Others may have waited for it, too, and it has no room for all.
        return () =>
          connection.usable ? connection.start(request) : this.start(request, fallback, waited + 1);
      }
      if (announced === undefined && !connection.connected) throw connection.lostError('closed');
      if (fallback !== undefined) return () => fallback(connection.speaksOther);
      if (announced === undefined) throw connection.lostError('closed');
      throw new AttemptError(
        'UPSTREAM_PROTOCOL',
        `${formatAddress(this.#options.address)} announces no extended CONNECT`,
        { neverSent: true },
      );
    });
    return new DeferredAttempt(request, begin);
  }

  close(): void {
    this.#connections.close();
  }

  #pick(): PodConnection {
    for (const each of this.#open) if (each.usable) return each;
    if (this.#open.length >= CONNECTIONS_MAX) throw this.#noRoom();
    const connection = new PodConnection(this.#options, this);
    this.#open.push(connection);
    this.#connections.add(connection);
    return connection;
  }

  /** For {@link PodConnection} alone: `connection` takes no more streams. */
  left(connection: PodConnection): void {
    const at = this.#open.indexOf(connection);
    if (at >= 0) this.#open.splice(at, 1);
  }

  /** For {@link PodConnection} alone: `connection` is no more. */
  gone(connection: PodConnection): void {
    this.left(connection);
    this.#connections.delete(connection);
  }

  #noRoom(): AttemptError {
    const message = `${formatAddress(this.#options.address)} takes no more streams`;
    return new AttemptError('OVERLOADED', message, { neverSent: true });
  }
}

class PodConnection implements EndpointHandler, Connection, AttemptKind {
  readonly endpoint: Http2Endpoint;
  /** What the pod announced first; `undefined` if it never did. */
  readonly settings: Promise<Readonly<Http2Settings> | undefined>;
  readonly #announced = Promise.withResolvers<Readonly<Http2Settings> | undefined>();
  readonly #name: string;
  readonly #pool: Http2Pool;
  readonly #timer: Timer;
  readonly #liveness = new Liveness();
  #error: Error | undefined;
  #connected = false;
  #spoke = false;
  #speaksOther = false;
  #leaving = false;

  constructor(options: Http2PoolOptions, pool: Http2Pool) {
    const { clock, network, address, renewAtStreamId } = options;
    this.#name = formatAddress(address);
    this.#pool = pool;
    this.settings = this.#announced.promise;
    const socket = connectToPod(network.locate(address));
    this.#timer = clock.after(CONNECT_TIMEOUT_MS, () => {
      socket.destroy(new Error(`not connected within ${CONNECT_TIMEOUT_MS} ms`));
    });
    socket.once('connect', () => {
      this.#connected = true;
      this.#timer.cancel();
    });
    socket.once('error', (error) => {
      this.#error = error;
    });
    this.endpoint = new Http2Endpoint(new Transport(socket), {
      role: 'client',
      clock,
      limits: { ...HTTP2_LIMITS, renewAtStreamId },
      windows: CLIENT_WINDOWS,
      portion: TUNNEL_PORTION,
      handler: this,
    });
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Whether the pod has said what it takes: no request is sent before. */
  get announced(): boolean {
    return this.#spoke;
  }

  /** Whether the pod has said something that is not HTTP/2; one that stands still or starts anew says nothing. */
  get speaksOther(): boolean {
    return this.#speaksOther;
  }

  get usable(): boolean {
    return !this.#leaving && this.endpoint.connection.canOpen;
  }

  start(request: UpstreamRequest): Attempt {
    return startStream(this.endpoint, podHeaders(request.head), request, this);
  }

  lostError(why: string): AttemptError {
    const cause = this.#error;
    if (cause instanceof AttemptError) return cause;
    const reason = cause === undefined ? why : describeError(cause);
    return this.#connected
      ? new AttemptError('UPSTREAM_RESET', `${this.#name} broke off: ${reason}`, {
          neverSent: !this.#spoke,
          cause,
        })
      : new AttemptError('UPSTREAM_CONNECT', `cannot connect to ${this.#name}: ${reason}`, {
          neverSent: true,
          cause,
        });
  }

  answerOf(block: HeaderBlock, head: RequestHead, end: boolean): AnswerHead {
    this.#liveness.answered();
    // A CONNECT that was accepted has switched (RFC 8441 section 5).
    const switched = head.upgrade !== '' && block.status >= 200 && block.status < 300;
    return responseHeadOf(block, head, end, switched ? head.upgrade : '');
  }

  sweep(nowMs: number): void {
    const { endpoint } = this;
    endpoint.sweep(nowMs);
    const { lastReceivedMs } = endpoint;
    if (endpoint.connection.streams === 0) {
      if (nowMs - lastReceivedMs > IDLE_MS) this.drain();
      return;
    }
    const what = this.#liveness.look(nowMs, lastReceivedMs);
    if (what === 'ask') endpoint.ping();
    else if (what === 'dead') {
      this.#error = new Error(`nothing was heard for ${Math.round(nowMs - lastReceivedMs)} ms`);
      this.destroy();
    }
  }

  drain(): void {
    this.#leaving = true;
    this.#pool.left(this);
    this.endpoint.drain();
  }

  endIdle(): void {
    this.endpoint.endIdle();
  }

  destroy(): void {
    this.endpoint.destroy();
  }

  onStream(): StreamOwner {
    // The codec refuses what a server would open.
    throw new AttemptError('UPSTREAM_PROTOCOL', `${this.#name} opened a stream`, {
      neverSent: false,
    });
  }

  onSettings(settings: Readonly<Http2Settings>): void {
    this.#spoke = true;
    this.#announced.resolve(settings);
  }

  onPong(): void {
    // That something came is all that counts.
  }

  onLeaving(): void {
    this.drain();
  }

  onWorn(): void {
    this.drain();
  }

  onBroken(rule: string): void {
    if (rule !== 'SETTLE_TIMEOUT') this.#speaksOther = true;
    this.#error = new AttemptError('UPSTREAM_PROTOCOL', `not HTTP/2 as it should be: ${rule}`, {
      neverSent: !this.#spoke,
    });
    // Whoever waits need not wait until the connection is gone, which takes as long as the pod does not read.
    this.#announced.resolve(undefined);
  }

  onEnded(): void {
    this.#timer.cancel();
    this.#announced.resolve(undefined);
    this.#pool.gone(this);
  }
}

function podHeaders(head: RequestHead): RawHeaders {
  const { method, path, authority, headers, upgrade } = head;
  if (upgrade !== '') {
    // The key of HTTP/1's handshake has no meaning here (RFC 8441 section 5).
    const kept = headers.filter((_, at) => headers[at - (at % 2)] !== 'sec-websocket-key');
    const target = [':scheme', 'http', ':path', path, ':authority', authority];
    return [':method', 'CONNECT', ':protocol', upgrade, ...target, ...kept];
  }
  const list = new Array<string>(headers.length + PSEUDO_STRINGS);
  list[0] = ':method';
  list[1] = method;
  list[2] = ':scheme';
  list[3] = 'http';
  list[4] = ':path';
  list[5] = path;
  list[6] = ':authority';
  list[7] = authority;
  for (let at = 0; at < headers.length; at += 1) list[at + PSEUDO_STRINGS] = headers[at] as string;
  return list;
}

/** Names and values of a request's pseudo-headers. */
const PSEUDO_STRINGS = 8;
