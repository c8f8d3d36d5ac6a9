/**
 * A tunnel: HTTP/2 over one connection to a gateway of a peer.
 *
 * Symmetric: who dialled, the TLS role and the HTTP/2 role are three independent matters. Here only
 * the HTTP/2 role counts: the side that is the HTTP/2 client opens streams, the other serves them. The
 * first stream is a hello, and nothing else is opened or served before both know each other.
 *
 * Promises: `ready` settles within {@link HELLO_TIMEOUT_MS}; `closed` aborts exactly once, with the
 * reason, whatever ends the tunnel.
 */
import type { Socket } from 'node:net';
import type { Clock } from '#core/clock.ts';
import { describeError, IsthmusError } from '#core/errors.ts';
import { type Hello, negotiate } from '#core/hello.ts';
import { normalisePath } from '#core/path.ts';
import type { Exchange } from '../http/exchange.ts';
import { Http2Endpoint } from '../http2/endpoint.ts';
import { Http2Exchange, requestHeadOf } from '../http2/exchange.ts';
import type { EndpointHandler, StreamOwner } from '../http2/handler.ts';
import { PEER_PORTION, TUNNEL_PORTION } from '../http2/portions.ts';
import { Transport } from '../transport/transport.ts';
import type { HeaderBlock } from '../wire/hpack/block.ts';
import type { Http2Limits } from '../wire/http2/limits.ts';
import type { Http2Stream } from '../wire/http2/stream.ts';
import { answerHello, HELLO_PATH, sayHello } from './greeting.ts';
import { TUNNEL_LIMITS, TUNNEL_WINDOWS } from './limits.ts';

export const HELLO_TIMEOUT_MS = 5_000;
/** How long a refused peer may take to read why. */
const REFUSAL_MS = 1_000;
const SWEEP_MS = 1_000;

/** Serves a stream of a peer that has said hello. */
export type StreamHandler = (exchange: Exchange) => void;

export interface TunnelOptions {
  readonly connection: Socket;
  /** `client`: we open streams. `server`: the peer does, and `serve` answers. */
  readonly httpRole: 'client' | 'server';
  readonly hello: Hello;
  readonly clock: Clock;
  readonly serve: StreamHandler;
  /** Decides whether the peer's hello may stand; an error refuses the tunnel. */
  readonly accept: (theirs: Hello) => IsthmusError | undefined;
  /** The peer broke a rule of HTTP/2. */
  readonly broken?: (rule: string) => void;
  /** @default TUNNEL_LIMITS */
  readonly limits?: Http2Limits;
}

export class Tunnel implements EndpointHandler {
  readonly options: TunnelOptions;
  readonly endpoint: Http2Endpoint;
  /** The peer's hello and the protocol version spoken. */
  readonly ready: Promise<{ hello: Hello; protocol: number }>;
  readonly #closed = new AbortController();
  readonly #worn = new AbortController();
  readonly #heard = Promise.withResolvers<Hello>();
  peer: Hello | undefined;
  roundTripMs = Number.NaN;
  #open = true;
  #greeted = false;
  #peerLeft = false;
  #ended = false;
  #bytesRead = 0;

  constructor(options: TunnelOptions) {
    this.options = options;
    const { clock, httpRole, connection } = options;
    this.endpoint = new Http2Endpoint(new Transport(connection), {
      role: httpRole,
      clock,
      limits: options.limits ?? TUNNEL_LIMITS,
      windows: TUNNEL_WINDOWS,
      portion: httpRole === 'server' ? PEER_PORTION : TUNNEL_PORTION,
      countsFrames: true,
      handler: this,
    });
    const sweeper = clock.every(SWEEP_MS, () => this.endpoint.sweep(clock.monotonicMs()));
    connection.once('close', () => sweeper.cancel());
    this.ready = this.#greet();
    this.ready.catch(() => undefined);
  }

  /** Aborts when no further stream can be opened; its reason is an {@link IsthmusError}. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Whether streams can be opened: what {@link closed} says, at the price of a field. */
  get open(): boolean {
    return this.#open;
  }

  /** Aborts when our stream ids run out: streams can be opened until another tunnel is there. */
  get worn(): AbortSignal {
    return this.#worn.signal;
  }

  /** Whether the connection is gone. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether the peer ended it in peace, by saying that it leaves. */
  get peerLeft(): boolean {
    return this.#peerLeft;
  }

  get inFlight(): number {
    return this.endpoint.connection.streams;
  }

  /** Whether it has something to send at the end of this turn, and is not held up. */
  get sending(): boolean {
    const { connection, transport } = this.endpoint;
    return connection.hasOutput && !transport.full;
  }

  /** Whether what is sent in it waits behind much else. */
  get laden(): boolean {
    const { connection, transport } = this.endpoint;
    return connection.laden || transport.full;
  }

  /** Milliseconds since the peer was last heard: any byte counts, whatever it carries. */
  silentMs(): number {
    const { clock, connection } = this.options;
    const nowMs = clock.monotonicMs();
    // On a slow link a record can be under way for long: its bytes count before it is whole.
    if (connection.bytesRead !== this.#bytesRead) this.endpoint.lastReceivedMs = nowMs;
    this.#bytesRead = connection.bytesRead;
    return nowMs - this.endpoint.lastReceivedMs;
  }

  /** Sends a PING and notes the round trip; a lost tunnel is noticed by its owner's deadline. */
  ping(): void {
    this.endpoint.ping();
  }

  /** No new streams; those open may end in peace (RFC 9113 section 6.8). */
  drain(): void {
    this.#shut(lost('leaving'));
    this.endpoint.drain();
  }

  /** Ends the tunnel and every stream in it, now. */
  close(reason: IsthmusError): void {
    this.#shut(reason);
    this.endpoint.destroy();
  }

  onStream(stream: Http2Stream<StreamOwner>, block: HeaderBlock, end: boolean): StreamOwner {
    const head = requestHeadOf(block, end);
    const exchange = new Http2Exchange(this.endpoint, stream, head, undefined);
    if (this.peer !== undefined) this.options.serve(exchange);
    else if (this.#greeted || normalisePath(head.path) !== HELLO_PATH) {
      this.#heard.reject(new IsthmusError('TUNNEL_LOST', 'the first stream was no hello'));
      exchange.abort('OVERLOADED');
    } else {
      this.#greeted = true;
      answerHello(exchange, this.options.hello).then(this.#heard.resolve, this.#heard.reject);
    }
    return exchange;
  }

  onSettings(): void {
    // What a peer announces is the codec's matter.
  }

  onPong(roundTripMs: number): void {
    this.roundTripMs = Number.isNaN(this.roundTripMs)
      ? roundTripMs
      : this.roundTripMs + 0.3 * (roundTripMs - this.roundTripMs);
  }

  onLeaving(): void {
    this.#peerLeft = this.#open;
    this.#shut(lost('the peer is leaving'));
  }

  onWorn(): void {
    this.#worn.abort();
  }

  onBroken(rule: string): void {
    this.options.broken?.(rule);
  }

  onFailed(error: Error): void {
    this.#shut(lost(error));
  }

  onEnded(error: Error | undefined): void {
    this.#ended = true;
    this.#shut(lost(error));
    this.#heard.reject(this.closed.reason);
  }

  /** No further stream can be opened, for `reason`. */
  #shut(reason: IsthmusError): void {
    this.#open = false;
    this.#closed.abort(reason);
  }

  async #greet(): Promise<{ hello: Hello; protocol: number }> {
    const { clock, httpRole, hello } = this.options;
    const timer = clock.after(HELLO_TIMEOUT_MS, () =>
      this.close(new IsthmusError('TUNNEL_LOST', `no hello within ${HELLO_TIMEOUT_MS} ms`)),
    );
    this.#heard.promise.catch(() => undefined);
    try {
      if (httpRole === 'client') {
        sayHello(this.endpoint, hello).then(this.#heard.resolve, this.#heard.reject);
      }
      const theirs = await this.#heard.promise;
      const protocol = negotiate(hello.protocols, theirs.protocols);
      if (protocol === undefined) throw mismatch(hello, theirs);
      const refusal = this.options.accept(theirs);
      if (refusal) throw refusal;
      this.peer = theirs;
      return { hello: theirs, protocol };
    } catch (error) {
      const reason = error instanceof IsthmusError ? error : lost(error);
      this.#refuse(reason);
      throw error instanceof IsthmusError ? error : this.closed.reason;
    } finally {
      timer.cancel();
    }
  }

  /** Ends a tunnel that was refused, but lets our hello reach the peer, which can then tell why. */
  #refuse(reason: IsthmusError): void {
    this.#shut(reason);
    this.endpoint.drain();
    this.options.clock.after(REFUSAL_MS, () => this.close(reason));
  }
}

function lost(cause: unknown): IsthmusError {
  const why =
    cause === undefined
      ? 'the connection ended'
      : typeof cause === 'string'
        ? cause
        : describeError(cause);
  return new IsthmusError('TUNNEL_LOST', `tunnel lost: ${why}`, { cause });
}

function mismatch(ours: Hello, theirs: Hello): IsthmusError {
  const range = (of: Hello) => `${of.protocols.min}–${of.protocols.max}`;
  return new IsthmusError(
    'PROTOCOL_MISMATCH',
    `we speak protocol ${range(ours)}, ${theirs.cluster} speaks ${range(theirs)}`,
  );
}
