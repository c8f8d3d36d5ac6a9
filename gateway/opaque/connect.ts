/**
 * Connections whose bytes mean nothing to us: balanced once, when they open.
 *
 * Until an endpoint has accepted, no byte of the client has been read, so a refused connection is
 * tried elsewhere whatever it carries.
 */
import http2 from 'node:http2';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '#core/clock.ts';
import { describeError, IsthmusError } from '#core/errors.ts';
import { HEADER_HOPS } from '#core/names.ts';
import { type Network, parseAddress } from '#core/network.ts';
import type { Balancer } from '../balance/balancer.ts';
import type { Choice } from '../balance/service.ts';
import { CONNECT_TIMEOUT_MS } from '../http/local.ts';
import { type Passage, passageHeaders } from '../http/remote.ts';
import { ATTEMPTS_MAX } from '../http/retry.ts';
import { formatTarget, type Target } from '../snapshot/types.ts';
import type { Tunnel } from '../tunnel/tunnel.ts';
import { splice } from './splice.ts';

/** How long a far gateway may take to reach its endpoint. */
const REMOTE_CONNECT_MS = 5_000;

/** Opens a connection to what the balancer chose. */
export type Connector = (choice: Choice) => Promise<Duplex>;

/** What {@link carry} needs to know. */
export interface OpaqueOptions {
  readonly clock: Clock;
  readonly balancer: Balancer;
  readonly target: Target;
  readonly mirror: string | undefined;
  readonly connect: Connector;
  /** Called once an endpoint has accepted, before the first byte passes. */
  readonly onConnected?: () => void;
}

/** Carries `client` to an endpoint and back until both ends are done. Rejects when none accepts. */
export async function carry(client: Duplex, options: OpaqueOptions): Promise<void> {
  const { clock, balancer, target, mirror, connect } = options;
  const tried = new Set<string>();
  let failure: unknown;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const choice = balancer.choose(target, mirror, tried);
    if (choice === undefined) break;
    const { endpoint } = choice;
    tried.add(endpoint.key);
    const startMs = clock.monotonicMs();
    endpoint.begin(startMs);
    let upstream: Duplex;
    try {
      upstream = await connect(choice);
    } catch (error) {
      failure = error;
      balancer.finish(endpoint, startMs, 'refused', Number.NaN);
      continue;
    }
    const latencyMs = clock.monotonicMs() - startMs;
    options.onConnected?.();
    await splice(client, upstream);
    // How a finished connection went says nothing about the next: only the connect time counts.
    balancer.finish(endpoint, startMs, 'success', latencyMs);
    return;
  }
  throw failure ?? new IsthmusError('NO_ENDPOINT', `no endpoint for ${formatTarget(target)}`);
}

/** A TCP connection to a local pod, or `UPSTREAM_CONNECT`. */
export function connectLocal(endpoint: string, network: Network, clock: Clock): Promise<Duplex> {
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
  const address = parseAddress(endpoint);
  if (address === undefined) throw new IsthmusError('INTERNAL', `not an address: ${endpoint}`);
  const socket = net.connect({ ...network.locate(address), allowHalfOpen: true, noDelay: true });
  const fail = (error: Error) => {
    timer.cancel();
    socket.destroy();
    reject(
      new IsthmusError(
        'UPSTREAM_CONNECT',
        `cannot connect to ${endpoint}: ${describeError(error)}`,
        {
          cause: error,
        },
      ),
    );
  };
  const timer = clock.after(CONNECT_TIMEOUT_MS, () => fail(new Error('timed out')));
  socket.once('error', fail);
  socket.once('connect', () => {
    timer.cancel();
    socket.off('error', fail);
    resolve(socket);
  });
  return promise;
}

/** A CONNECT stream through `tunnel` (RFC 9113 section 8.5). */
export function connectRemote(tunnel: Tunnel, passage: Passage, clock: Clock): Promise<Duplex> {
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
  const stream = tunnel.open(
    [
      ':method',
      'CONNECT',
      ':authority',
      formatTarget(passage.target).replace('/', '.'),
      HEADER_HOPS,
      passage.sourceCluster,
      ...passageHeaders(passage),
    ],
    false,
  );
  const fail = (message: string, cause?: Error) => {
    timer.cancel();
    stream.close(http2.constants.NGHTTP2_CONNECT_ERROR);
    reject(new IsthmusError('UPSTREAM_CONNECT', message, { cause }));
  };
  const timer = clock.after(REMOTE_CONNECT_MS, () => fail('the peer took too long to connect'));
  stream.on('error', (error) => fail(`the tunnel broke off: ${describeError(error)}`, error));
  stream.once('close', () => fail('the tunnel closed the stream'));
  stream.once('response', (headers) => {
    if (headers[':status'] !== 200) {
      fail(`the peer answered ${headers[':status']}`);
      return;
    }
    timer.cancel();
    resolve(stream);
  });
  return promise;
}
