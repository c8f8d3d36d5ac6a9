/**
 * Clusters of a simulation and the links between them.
 */
import { below, type Random, seededRandom } from '#core/random.ts';
import { VirtualClock } from '#core/virtual-clock.ts';
import type { RemoteCandidate } from '#gateway/balance/candidates.ts';
import { TRAFFIC_DEFAULTS, type TrafficSettings } from '#gateway/snapshot/traffic.ts';
import { type Observer, SimGateway, TARGET } from './gateway.ts';
import { type ServerOptions, SimServer } from './server.ts';

/** Silence after which a tunnel is taken to be dead. */
const TUNNEL_DEAD_MS = 3_000;

/** The way between two clusters, both directions. */
export class SimLink {
  readonly roundTripMs: number;
  up = true;
  /** Whether the gateways take it to work. */
  known = true;
  #waiting = new Set<() => void>();
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock, roundTripMs: number) {
    this.#clock = clock;
    this.roundTripMs = roundTripMs;
  }

  /** Calls `tell` when the tunnel is found dead, unless {@link forget} is called before. */
  watch(tell: () => void): void {
    this.#waiting.add(tell);
  }

  forget(tell: () => void): void {
    this.#waiting.delete(tell);
  }

  cut(): void {
    this.up = false;
    this.#clock.after(TUNNEL_DEAD_MS, () => {
      if (this.up) return;
      this.known = false;
      const waiting = this.#waiting;
      this.#waiting = new Set();
      for (const tell of waiting) tell();
    });
  }

  mend(): void {
    this.up = true;
    this.#clock.after(1_000, () => {
      this.known = this.up;
    });
  }
}

export interface ClusterOptions {
  readonly gateways: number;
  readonly wireMs: (random: Random) => number;
  readonly contentMs: number;
  readonly traffic: TrafficSettings;
}

export class SimCluster {
  readonly name: string;
  readonly world: World;
  readonly options: ClusterOptions;
  readonly servers = new Map<string, SimServer>();
  readonly gateways: SimGateway[] = [];
  readonly #ready = new Set<string>();
  #next = 0;

  constructor(name: string, world: World, options: ClusterOptions) {
    this.name = name;
    this.world = world;
    this.options = options;
  }

  /** A new pod, ready once {@link announce} is called; returns its host. */
  add(server: Omit<ServerOptions, 'clock' | 'random'>): string {
    this.#next += 1;
    const host = `10.0.${this.#next >> 8}.${this.#next & 255}`;
    const { clock } = this.world;
    const own = new SimServer({ clock, random: this.world.stream(), ...server });
    this.servers.set(`${host}:${TARGET.port}`, own);
    this.#ready.add(host);
    return host;
  }

  /** The pod is ready no more; it goes on serving. */
  unready(host: string): void {
    this.#ready.delete(host);
  }

  /** The process is gone: nothing listens there any more. */
  kill(host: string): void {
    const server = this.serverOf(host);
    server.health = 'refusing';
  }

  /** Tells every gateway who is ready. */
  announce(): void {
    for (const each of this.gateways) each.update(this.options.traffic);
  }

  readonly ready = (): string[] => [...this.#ready];

  server(key: string): SimServer | undefined {
    return this.servers.get(key);
  }

  serverOf(host: string): SimServer {
    return this.servers.get(`${host}:${TARGET.port}`) as SimServer;
  }

  anyGateway(): SimGateway {
    return this.gateways[below(this.world.random, this.gateways.length)] as SimGateway;
  }

  /** What this cluster's gateways know of `name`. */
  candidate(name: string): Omit<RemoteCandidate, 'cluster'> {
    const link = this.world.link(this.name, name);
    if (!link.known) return { weight: 0, roundTripMs: Number.NaN };
    const there = this.world.cluster(name);
    const spilling = there.gateways.some((each) => each.service?.spilling === true);
    return { weight: there.ready().length, roundTripMs: link.roundTripMs, spilling };
  }
}

export class World {
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly clusters: SimCluster[] = [];
  readonly #observer: Observer;
  readonly #links = new Map<string, SimLink>();
  readonly #seed: number;
  #streams = 0;

  constructor(seed: number, observer: Observer) {
    this.#seed = seed;
    this.#observer = observer;
    this.random = this.stream();
  }

  /** Chance of its own for one part of the world. */
  stream(): Random {
    this.#streams += 1;
    return seededRandom(Math.imul(this.#seed, 0x9e3779b1) + Math.imul(this.#streams, 0x85ebca6b));
  }

  /** A new cluster, linked with all others `roundTripMs` away. */
  add(name: string, options: Partial<ClusterOptions> = {}, roundTripMs = 20): SimCluster {
    const all = {
      gateways: 1,
      wireMs: () => 0.2,
      contentMs: 0,
      traffic: TRAFFIC_DEFAULTS,
      ...options,
    };
    const cluster = new SimCluster(name, this, all);
    for (const other of this.clusters)
      this.#links.set([name, other.name].sort().join(), new SimLink(this.clock, roundTripMs));
    this.clusters.push(cluster);
    return cluster;
  }

  /** Starts the gateways, once all clusters and their first pods are there. */
  start(): void {
    for (const cluster of this.clusters)
      for (let at = 0; at < cluster.options.gateways; at += 1)
        cluster.gateways.push(new SimGateway(cluster, this.stream(), this.#observer));
    // Twice, for what the first is told of others that have not started.
    for (const cluster of this.clusters) cluster.announce();
  }

  cluster(name: string): SimCluster {
    return this.clusters.find((each) => each.name === name) as SimCluster;
  }

  link(a: string, b: string): SimLink {
    return this.#links.get([a, b].sort().join()) as SimLink;
  }
}
