/**
 * What local clients send to a mirror: every request balanced alone, every other connection as a whole.
 */
import { describeError, IsthmusError } from '#core/errors.ts';
import type { TunnelPurpose } from '#core/hello.ts';
import { HEADER_HOPS } from '#core/names.ts';
import { balanceKey } from './balance/balancer.ts';
import type { Endpoint } from './balance/endpoint.ts';
import { AttemptError } from './http/attempt-error.ts';
import { DeferredAttempt, type Starter } from './http/deferred.ts';
import type { Attempt, Exchange, UpstreamRequest } from './http/exchange.ts';
import { countsForwards, forwarded } from './http/forwards.ts';
import { passed, requestHeaders } from './http/headers.ts';
import { headerValue } from './http/message.ts';
import { relay } from './http/relay.ts';
import { type Passage, startRemote } from './http/remote.ts';
import { respondError } from './http/respond.ts';
import type { RelayContext, RelayRoute } from './http/route.ts';
import type { LocalUpstream } from './local.ts';
import type { Peers } from './peers.ts';
import type { Guard, Guards } from './resilience/guard.ts';
import { ATTEMPTS_MAX } from './resilience/repeat.ts';
import { formatTarget, type ListenerRoute, type Snapshot } from './snapshot/types.ts';
import { SEEN } from './wire/seen.ts';

export interface OutwardOptions extends RelayContext {
  readonly cluster: string;
  readonly local: LocalUpstream;
  readonly peers: Peers;
  readonly guards: Guards;
  snapshot(): Snapshot;
}

/** Answers what came in by a listener. */
export class Outward {
  readonly #options: OutwardOptions;
  readonly #routes = new WeakMap<ListenerRoute, MirrorRoute>();

  constructor(options: OutwardOptions) {
    this.#options = options;
  }

  /** Answers one exchange that came in by `listener`. */
  serve(exchange: Exchange, listener: ListenerRoute): void {
    const { head, address } = exchange;
    const { cluster } = this.#options;
    let route = this.#routes.get(listener);
    if (route === undefined) {
      route = new MirrorRoute(listener, this.#options);
      this.#routes.set(listener, route);
    }
    if (head.method === 'CONNECT') {
      relay(exchange, head, route, this.#options);
      return;
    }
    const { method, path, authority, seen, upgrade, length, version, neverIndexed } = head;
    const hops = (seen & SEEN.HOPS) === 0 ? undefined : headerValue(head.headers, HEADER_HOPS);
    if (hops !== undefined && passed(hops, cluster)) {
      respondError(exchange, 'LOOP_DETECTED', `the request already passed ${cluster}`);
      return;
    }
    let fields = head.headers;
    if ((seen & SEEN.FORWARDS) !== 0 && countsForwards(method)) {
      const counted = forwarded(exchange, fields);
      if (counted === undefined) return;
      fields = counted;
    }
    const headers = requestHeaders(fields, seen, { address, authority });
    const sent = { method, path, authority, headers, seen, upgrade, length, version, neverIndexed };
    relay(exchange, sent, route, this.#options);
  }
}

/** Where the requests of one listener go. */
class MirrorRoute implements RelayRoute {
  readonly service: string;
  readonly attemptsMax = ATTEMPTS_MAX;
  readonly unsentOnly = false;
  readonly timeoutMs = undefined;
  readonly #key: string;
  readonly #port: number;
  readonly #target: string;
  readonly #options: OutwardOptions;
  #guard: Guard | undefined;

  constructor(listener: ListenerRoute, options: OutwardOptions) {
    const { target, mirror } = listener;
    this.service = `${target.namespace}/${target.name}`;
    this.#key = balanceKey(target, mirror);
    this.#port = target.port;
    this.#target = formatTarget(target);
    this.#options = options;
  }

  get guard(): Guard | undefined {
    // Kept, for to look a service up by its name costs more than all else here.
    if (this.#guard === undefined || this.#guard.balancer.closed)
      this.#guard = this.#options.guards.of(this.#key);
    return this.#guard;
  }

  start(
    { key, kind }: Endpoint,
    request: UpstreamRequest,
    exchange: Exchange,
    left: number,
    leftMs: number | undefined,
  ): Attempt {
    const { local, cluster, snapshot } = this.#options;
    if (kind === 'local') {
      const port = snapshot().services.get(this.service)?.ports.get(this.#port);
      return local.start(key, request, port?.protocol);
    }
    const opaque = request.head.method === 'CONNECT';
    const { address } = exchange;
    const passage: Passage = {
      target: this.#target,
      sourceCluster: cluster,
      caller: address === undefined ? undefined : snapshot().callers.get(address),
      attempts: opaque ? 1 : left,
      timeoutMs: leftMs,
    };
    return this.#startIn(key, opaque ? 'opaque' : 'data', request, passage);
  }

  #startIn(
    cluster: string,
    purpose: TunnelPurpose,
    request: UpstreamRequest,
    passage: Passage,
  ): Attempt {
    const tunnels = this.#options.peers.tunnels(cluster);
    const tunnel = tunnels?.pick(purpose);
    if (tunnel) return startRemote(tunnel, request, passage);
    const successor = tunnels?.successor(purpose);
    if (successor === undefined) throw unreachable(cluster, tunnels?.error);
    const ready = successor.then(
      (found): Starter =>
        () =>
          startRemote(found, request, passage),
      (error: unknown) => {
        throw unreachable(cluster, error);
      },
    );
    return new DeferredAttempt(request, ready);
  }
}

function unreachable(cluster: string, cause: unknown): AttemptError {
  const why = cause ?? new IsthmusError('NOT_LINKED', cluster);
  const message = `no tunnel to ${cluster}: ${describeError(why)}`;
  return new AttemptError('PEER_UNREACHABLE', message, { neverSent: true, cause: why });
}
