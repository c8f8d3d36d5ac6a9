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
import http2 from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '#core/clock.ts';
import { describeError, IsthmusError } from '#core/errors.ts';
import { type Hello, hello as helloSchema, negotiate } from '#core/hello.ts';

export const HELLO_TIMEOUT_MS = 5_000;
/** How long a refused peer may take to read why. */
const REFUSAL_MS = 1_000;
const HELLO_BYTES_MAX = 64 * 1024;
const HELLO_PATH = '/isthmus/hello';

/** Bounds and windows of the HTTP/2 connection (RFC 9113 section 6.5.2). */
const SESSION = {
  maxSessionMemory: 256,
  maxOutstandingPings: 16,
  maxHeaderListPairs: 256,
  settings: {
    enablePush: false,
    initialWindowSize: 1024 * 1024,
    maxConcurrentStreams: 4_096,
    maxHeaderListSize: 64 * 1024,
  },
} as const;
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;

/** What a served stream carries: the HTTP/2 header fields, flat, pseudo-headers included. */
export type StreamHandler = (stream: http2.ServerHttp2Stream, headers: readonly string[]) => void;

export interface TunnelOptions {
  readonly connection: Socket;
  /** `client`: we open streams. `server`: the peer does, and `serve` answers. */
  readonly httpRole: 'client' | 'server';
  readonly hello: Hello;
  readonly clock: Clock;
  readonly serve: StreamHandler;
  /** Decides whether the peer's hello may stand; an error refuses the tunnel. */
  readonly accept: (theirs: Hello) => IsthmusError | undefined;
}

export class Tunnel {
  readonly options: TunnelOptions;
  /** The peer's hello and the protocol version spoken. */
  readonly ready: Promise<{ hello: Hello; protocol: number }>;
  readonly #session: http2.Http2Session;
  readonly #closed = new AbortController();
  peer: Hello | undefined;
  lastReceivedMs: number;
  roundTripMs = Number.NaN;
  #inFlight = 0;
  #bytesRead = 0;

  constructor(options: TunnelOptions) {
    this.options = options;
    this.lastReceivedMs = options.clock.monotonicMs();
    this.#session =
      options.httpRole === 'client'
        ? http2.connect('https://peer.isthmus', {
            ...SESSION,
            createConnection: () => options.connection,
          })
        : http2.performServerHandshake(options.connection, SESSION);
    this.#session.on('error', (error) => this.close(lost(error)));
    this.#session.on('close', () => this.close(lost(undefined)));
    // Our own shutdown of streams must not depend on the peer's reading its GOAWAY.
    this.#session.on('goaway', () => this.#closed.abort(lost('the peer is leaving')));
    this.#session.once(options.httpRole === 'client' ? 'connect' : 'localSettings', () => {
      if (!this.#session.destroyed) this.#session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    });
    this.ready = this.#greet();
    this.ready.catch(() => undefined);
  }

  /** Aborts when no further stream can be opened; its reason is an {@link IsthmusError}. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Opens a stream; only where we are the HTTP/2 client and `ready` has settled. */
  open(headers: readonly string[], endStream: boolean): http2.ClientHttp2Stream {
    const session = this.#session as http2.ClientHttp2Session;
    const stream = session.request(headers, { endStream });
    this.#inFlight += 1;
    stream.once('close', () => {
      this.#inFlight -= 1;
    });
    return stream;
  }

  /** Milliseconds since the peer was last heard: any byte counts, whatever it carries. */
  silentMs(): number {
    const nowMs = this.options.clock.monotonicMs();
    const { bytesRead } = this.options.connection;
    if (bytesRead !== this.#bytesRead) this.lastReceivedMs = nowMs;
    this.#bytesRead = bytesRead;
    return nowMs - this.lastReceivedMs;
  }

  /** Sends a PING and notes the round trip; a lost tunnel is noticed by its owner's deadline. */
  ping(): void {
    if (this.#session.destroyed || this.#session.closed) return;
    const { clock } = this.options;
    this.#session.ping((error, durationMs) => {
      if (error) return;
      this.lastReceivedMs = clock.monotonicMs();
      this.roundTripMs = Number.isNaN(this.roundTripMs)
        ? durationMs
        : this.roundTripMs + 0.3 * (durationMs - this.roundTripMs);
    });
  }

  /** No new streams; those open may end in peace (RFC 9113 section 6.8). */
  drain(): void {
    this.#closed.abort(lost('leaving'));
    this.#session.close();
  }

  /** Ends the tunnel and every stream in it, now. */
  close(reason: IsthmusError): void {
    if (!this.#closed.signal.aborted) this.#closed.abort(reason);
    if (!this.#session.destroyed) this.#session.destroy();
    this.options.connection.destroy();
  }

  async #greet(): Promise<{ hello: Hello; protocol: number }> {
    const { clock } = this.options;
    const timer = clock.after(HELLO_TIMEOUT_MS, () =>
      this.close(new IsthmusError('TUNNEL_LOST', `no hello within ${HELLO_TIMEOUT_MS} ms`)),
    );
    try {
      const theirs = await (this.options.httpRole === 'client'
        ? this.#sayHello()
        : this.#hearHello());
      const protocol = negotiate(this.options.hello.protocols, theirs.protocols);
      if (protocol === undefined) throw mismatch(this.options.hello, theirs);
      const refusal = this.options.accept(theirs);
      if (refusal) throw refusal;
      this.peer = theirs;
      this.lastReceivedMs = clock.monotonicMs();
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
    if (!this.#closed.signal.aborted) this.#closed.abort(reason);
    if (!this.#session.destroyed) this.#session.close();
    this.options.clock.after(REFUSAL_MS, () => this.close(reason));
  }

  async #sayHello(): Promise<Hello> {
    const session = this.#session as http2.ClientHttp2Session;
    const stream = session.request({ ':method': 'POST', ':path': HELLO_PATH });
    stream.end(JSON.stringify(this.options.hello));
    return helloSchema.parse(JSON.parse(await readText(stream)));
  }

  #hearHello(): Promise<Hello> {
    return new Promise((resolve, reject) => {
      this.closed.addEventListener('abort', () => reject(this.closed.reason), { once: true });
      let first = true;
      this.#session.on('stream', (stream, headers, _flags, raw) => {
        stream.on('error', () => undefined);
        if (!first) {
          this.#serve(stream as http2.ServerHttp2Stream, raw as unknown as readonly string[]);
          return;
        }
        first = false;
        if (headers[':path'] !== HELLO_PATH) {
          reject(new IsthmusError('TUNNEL_LOST', 'the first stream was no hello'));
          return;
        }
        this.#answerHello(stream as http2.ServerHttp2Stream).then(resolve, reject);
      });
    });
  }

  async #answerHello(stream: http2.ServerHttp2Stream): Promise<Hello> {
    const theirs = helloSchema.parse(JSON.parse(await readText(stream)));
    stream.respond({ ':status': 200 });
    stream.end(JSON.stringify(this.options.hello));
    return theirs;
  }

  #serve(stream: http2.ServerHttp2Stream, headers: readonly string[]): void {
    this.lastReceivedMs = this.options.clock.monotonicMs();
    if (this.peer === undefined) stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
    else this.options.serve(stream, headers);
  }
}

async function readText(stream: Duplex): Promise<string> {
  let text = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) {
    text += chunk;
    if (text.length > HELLO_BYTES_MAX)
      throw new IsthmusError('TUNNEL_LOST', 'the hello is too long');
  }
  return text;
}

function lost(cause: unknown): IsthmusError {
  const why = cause === undefined ? 'the connection ended' : describeError(cause);
  return new IsthmusError('TUNNEL_LOST', `tunnel lost: ${why}`, { cause });
}

function mismatch(ours: Hello, theirs: Hello): IsthmusError {
  const range = (of: Hello) => `${of.protocols.min}–${of.protocols.max}`;
  return new IsthmusError(
    'PROTOCOL_MISMATCH',
    `we speak protocol ${range(ours)}, ${theirs.cluster} speaks ${range(theirs)}`,
  );
}
