/**
 * Kept-alive HTTP/1 connections to one pod, the one used last first.
 */
import type { Clock } from '#core/clock.ts';
import { describeError, IsthmusError } from '#core/errors.ts';
import { type Address, type Network, parseAddress } from '#core/network.ts';
import { AttemptError } from '../http/attempt-error.ts';
import { DeferredAttempt } from '../http/deferred.ts';
import type { Attempt, UpstreamRequest } from '../http/exchange.ts';
import type { HeldContent } from '../http/held.ts';
import { Connections } from '../transport/connections.ts';
import { connects } from '../transport/connects.ts';
import { reachesPod } from '../transport/knock.ts';
import { connectToPod } from '../transport/pod-socket.ts';
import { type Flushable, flushAtTurnEnd } from '../transport/turn.ts';
import { readTcpTable } from '../transport/unanswered.ts';
import type { Http1Writer } from '../wire/http1/writer.ts';
import { Http1Attempt } from './attempt.ts';
import { CONNECT_MS, CONNECTING_MAX, POOL_IDLE_MAX, POOL_IDLE_MS } from './bounds.ts';
import { Http1ClientConnection } from './client.ts';
import type { ConnectionHome } from './home.ts';
import { type Sounding, Soundings } from './soundings.ts';

export interface Http1PoolOptions {
  readonly clock: Clock;
  readonly network: Network;
  /** `host:port` */
  readonly endpoint: string;
  /** What all requests hold, the answers of this pod among them. @default as if it were little */
  readonly held?: HeldContent;
  /** How a pod that has fallen silent is looked for. @default by the system */
  readonly sounding?: Sounding;
}

export class Http1Pool implements ConnectionHome, Flushable {
  readonly clock: Clock;
  readonly endpoint: string;
  readonly soundings: Soundings;
  readonly #held: HeldContent | undefined;
  readonly #network: Network;
  readonly #address: Address;
  readonly #connections: Connections<Http1ClientConnection>;
  readonly #idle: Http1ClientConnection[] = [];
  /** Not accepted yet. */
  readonly #connecting = new Set<Http1ClientConnection>();
  readonly #waiting: { attempt: DeferredAttempt; request: UpstreamRequest }[] = [];
  #draining = false;
  /** Whether {@link flush} will be called. */
  #flushing = false;
  /** Connections made since {@link flush} was called last. */
  #connectsNow = 0;

  constructor(options: Http1PoolOptions) {
    const address = parseAddress(options.endpoint);
    if (address === undefined) {
      throw new IsthmusError('INTERNAL', `not an address: ${options.endpoint}`);
    }
    this.clock = options.clock;
    this.endpoint = options.endpoint;
    this.#held = options.held;
    this.#network = options.network;
    this.#address = address;
    this.#connections = new Connections(options.clock);
    this.soundings = new Soundings(options.sounding ?? this.#sounding(), options.clock);
  }

  get pressed(): boolean {
    return this.#held?.pressed === true;
  }

  /** Connections nobody uses now. */
  get idle(): number {
    return this.#idle.length;
  }

  /** Connections a request is under way on. */
  get busy(): number {
    return this.#connections.size - this.#idle.length;
  }

  /**
   * Begins an attempt; what becomes of it is told after this has returned. While {@link CONNECTING_MAX}
   * connections are being made it waits for one of them, or for one that others have done with: a burst
   * costs no more sockets than it needs, and one that is given up meanwhile costs none. So it does where
   * `CONNECTS_PER_TURN` were begun in this turn: the next ones are in the next.
   */
  start(request: UpstreamRequest): Attempt {
    const idle = this.#take();
    if (idle === undefined && (this.#waiting.length > 0 || !this.#mayConnect())) {
      const waiting = new DeferredAttempt(request);
      this.#waiting.push({ attempt: waiting, request });
      return waiting;
    }
    return this.#startOn(idle ?? this.#connect(), request);
  }

  #startOn(connection: Http1ClientConnection, request: UpstreamRequest): Attempt {
    const attempt = new Http1Attempt(request, connection);
    try {
      connection.begin(attempt);
    } catch (error) {
      connection.destroy();
      this.#failLater(attempt, error);
    }
    return attempt;
  }

  /** Ends what is idle now and what is busy when its answer is complete: the pod is leaving. */
  drain(): void {
    this.#draining = true;
    this.#connections.drain();
    if (this.#connections.size === 0) this.close();
  }

  /** Ends all connections now. */
  close(): void {
    this.#draining = true;
    const error = new AttemptError('SHUTTING_DOWN', `${this.endpoint} is left`, {
      neverSent: true,
    });
    for (const { attempt } of this.#waiting.splice(0)) attempt.fail(error);
    this.#connections.close();
  }

  onIdle(connection: Http1ClientConnection): void {
    if (this.#draining || this.#idle.length >= POOL_IDLE_MAX) {
      connection.destroy();
      return;
    }
    connection.idleSinceMs = this.clock.monotonicMs();
    this.#idle.push(connection);
    // The end of its answer is still to be told: nobody else begins on it before.
    if (this.#waiting.length > 0) this.#wantNext();
  }

  flush(): void {
    this.#flushing = false;
    this.#connectsNow = 0;
    this.#next();
  }

  onConnected(connection: Http1ClientConnection): void {
    this.#connecting.delete(connection);
    this.#next();
  }

  onRefused(error: AttemptError): void {
    // Those who wait would hear the same, each a connection later.
    const waiting = this.#waiting.splice(0);
    for (const { attempt } of waiting) attempt.fail(error);
  }

  onGone(connection: Http1ClientConnection): void {
    this.#connections.delete(connection);
    if (this.#connecting.delete(connection)) this.#next();
    const at = this.#idle.lastIndexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    if (this.#draining && this.#connections.size === 0) this.#connections.close();
  }

  onUnsent(attempt: Http1Attempt, writer: Http1Writer): void {
    this.#connect().begin(attempt, writer);
  }

  #sounding(): Sounding {
    return {
      reaches: () => reachesPod(this.#network.locate(this.#address), CONNECT_MS, this.clock),
      readTable: readTcpTable,
    };
  }

  #take(): Http1ClientConnection | undefined {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined || connection.destroyed) {
        if (connection === undefined) return undefined;
        continue;
      }
      const idleMs = this.clock.monotonicMs() - connection.idleSinceMs;
      // The pod may be closing it this very moment, and a request that crosses that is lost.
      if (idleMs < POOL_IDLE_MS && idleMs < connection.keepsMs) return connection;
      connection.destroy();
    }
  }

  /** Whether a connection may be made now; if it may in the next turn, there is one. */
  #mayConnect(): boolean {
    if (this.#connecting.size >= CONNECTING_MAX) return false;
    if (!connects.used || this.#connectsNow === 0) return true;
    this.#wantNext();
    return false;
  }

  #wantNext(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    flushAtTurnEnd(this);
  }

  #connect(): Http1ClientConnection {
    connects.spent += 1;
    this.#connectsNow += 1;
    const socket = connectToPod(this.#network.locate(this.#address));
    const connection = new Http1ClientConnection(this, socket);
    this.#connections.add(connection);
    this.#connecting.add(connection);
    return connection;
  }

  /** Lets those begin who waited longest, as far as there are connections for them. */
  #next(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const { attempt, request } = first;
      if (!attempt.over) {
        const idle = this.#take();
        if (idle === undefined && !this.#mayConnect()) return;
        this.#waiting.shift();
        attempt.begin(() => this.#startOn(idle ?? this.#connect(), request));
      } else this.#waiting.shift();
    }
  }

  #failLater(attempt: Http1Attempt, error: unknown): void {
    const failure = new AttemptError('BAD_REQUEST', describeError(error), {
      neverSent: true,
      cause: error,
    });
    flushAtTurnEnd({
      flush: () => {
        if (attempt.over) return;
        attempt.over = true;
        attempt.listener.onFailed(failure);
      },
    });
  }
}
