/**
 * A gateway of a simulation: the production balancer, budgets and relay; only pods, tunnels and the CPU are played.
 */
import { silentLogger } from '#core/log.ts';
import type { Random } from '#core/random.ts';
import { Balancer, balanceKey } from '#gateway/balance/balancer.ts';
import type { Endpoint } from '#gateway/balance/endpoint.ts';
import type { ServiceBalancer } from '#gateway/balance/service.ts';
import type { Attempt, UpstreamRequest } from '#gateway/http/exchange.ts';
import { HeldContent } from '#gateway/http/held.ts';
import { relay } from '#gateway/http/relay.ts';
import type { RelayContext, RelayRoute, RequestReport } from '#gateway/http/route.ts';
import { Guards } from '#gateway/resilience/guard.ts';
import type { TrafficSettings } from '#gateway/snapshot/traffic.ts';
import { PodAttempt, TunnelAttempt } from './attempts.ts';
import type { SimCluster } from './cluster.ts';
import type { SimExchange } from './exchange.ts';

export const TARGET = { namespace: 'shop', name: 'backend', port: 80 };
export const MIRROR = 'shop/backend-global';
export const SERVICE = 'shop/backend';

const ATTEMPTS_MAX = 3;
/** Peers are told of as often as tunnels are pinged. */
const REFRESH_MS = 1_000;

/** Hears of every attempt, for the checks. */
export interface Observer {
  /** `endpoint` was chosen by the last pick of `service`. */
  chosen(service: ServiceBalancer, endpoint: Endpoint, attemptsLeft: number): void;
  /** An attempt at `endpoint` took `tookMs` until it ended. */
  ended(service: ServiceBalancer, endpoint: Endpoint, tookMs: number): void;
}

export class SimGateway {
  readonly cluster: SimCluster;
  readonly balancer: Balancer;
  /** Attempts under way, by service and endpoint. */
  readonly open = new Map<ServiceBalancer, Map<string, number>>();
  attempts = 0;
  readonly #context: Omit<RelayContext, 'report'>;
  readonly #guards: Guards;
  readonly #random: Random;
  readonly #observer: Observer;

  constructor(cluster: SimCluster, random: Random, observer: Observer) {
    const { clock } = cluster.world;
    this.cluster = cluster;
    this.#random = random;
    this.#observer = observer;
    this.balancer = new Balancer({
      clock,
      random,
      probe: ({ address }) => this.#probe(address),
      remote: (name) => cluster.candidate(name),
    });
    this.#guards = new Guards(this.balancer, clock);
    this.#context = {
      clock,
      log: silentLogger,
      held: new HeldContent(() => undefined),
    };
    clock.every(REFRESH_MS, () => this.balancer.refresh());
  }

  /** Who chooses for clients of this cluster; `undefined` before the first {@link update}. */
  get service(): ServiceBalancer | undefined {
    return this.balancer.service(balanceKey(TARGET, MIRROR));
  }

  /** Serves a client of this cluster; `report` is told right after the end of `exchange`. */
  outward(exchange: SimExchange, report: (report: RequestReport) => void): void {
    const route = this.#route(balanceKey(TARGET, MIRROR), false);
    relay(exchange, exchange.head, route, { ...this.#context, report });
  }

  /** Serves a request of another cluster's gateway. */
  inward(exchange: SimExchange): void {
    const report = () => undefined;
    const route = this.#route(balanceKey(TARGET), true);
    relay(exchange, exchange.head, route, { ...this.#context, report });
  }

  /** Takes over who is ready in this cluster. */
  update(traffic: TrafficSettings): void {
    const { world, ready, name } = this.cluster;
    const endpoints = ready().map((host) => ({ host, port: TARGET.port, podName: host }));
    const clusters = world.clusters.map((each) => each.name).filter((each) => each !== name);
    const port = { hint: 'http', protocol: undefined, endpoints } as const;
    this.balancer.update({
      exports: new Map(),
      advertised: [],
      listeners: new Map([
        [
          10_000,
          {
            listenerPort: 10_000,
            mirror: MIRROR,
            target: TARGET,
            hint: 'http',
            local: true,
            clusters,
          },
        ],
      ]),
      services: new Map([
        [
          SERVICE,
          {
            namespace: 'shop',
            name: 'backend',
            exported: true,
            ports: new Map([[80, port]]),
            traffic,
          },
        ],
      ]),
      peers: new Map(),
      replicas: [],
      replicaAddresses: new Set(),
      readyAddresses: new Set(),
      callers: new Map(),
    });
  }

  #route(key: string, inward: boolean): RelayRoute {
    const guard = this.#guards.of(key);
    return {
      service: SERVICE,
      guard,
      attemptsMax: ATTEMPTS_MAX,
      unsentOnly: inward,
      timeoutMs: undefined,
      start: (endpoint, request, _exchange, attemptsLeft) =>
        this.#start(guard?.balancer as ServiceBalancer, endpoint, request, attemptsLeft),
    };
  }

  #start(
    service: ServiceBalancer,
    endpoint: Endpoint,
    { head, listener }: UpstreamRequest,
    attemptsLeft: number,
  ): Attempt {
    const { cluster } = this;
    const { world } = cluster;
    const { clock } = world;
    const { key, kind } = endpoint;
    this.#observer.chosen(service, endpoint, attemptsLeft);
    const startMs = clock.monotonicMs();
    this.attempts += 1;
    this.#count(service, key, 1);
    const closed = () => {
      this.#count(service, key, -1);
      this.#observer.ended(service, endpoint, clock.monotonicMs() - startMs);
    };
    if (kind === 'local') {
      const server = cluster.server(key);
      const { wireMs, contentMs } = cluster.options;
      const way = () => wireMs(this.#random);
      return new PodAttempt({ clock, server, listener, wireMs: way, contentMs, closed });
    }
    const link = world.link(cluster.name, key);
    return new TunnelAttempt({
      clock,
      head,
      listener,
      wireMs: link.roundTripMs / 2,
      passes: () => link.up,
      arrive: (exchange) => world.cluster(key).anyGateway().inward(exchange),
      tunnel: link,
      closed,
    });
  }

  #count(service: ServiceBalancer, key: string, by: number): void {
    let counts = this.open.get(service);
    if (counts === undefined) {
      counts = new Map();
      this.open.set(service, counts);
    }
    counts.set(key, (counts.get(key) ?? 0) + by);
  }

  /** What a TCP connection of the production probe would find. */
  #probe(address: string): Promise<boolean> {
    const { clock } = this.cluster.world;
    const server = this.cluster.server(address);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const alive = server !== undefined && server.health !== 'refusing';
    clock.after(1, () => resolve(alive));
    return promise;
  }
}
