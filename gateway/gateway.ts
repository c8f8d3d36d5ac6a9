/**
 * The data path of a gateway, put together: what comes in by a mirror's port goes out to pods and peers, what comes in
 * by 4143 goes to pods; the snapshot decides everything else.
 */

import type net from 'node:net';
import type { Registry } from 'prom-client';
import { type Clock, sleep } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import { GATEWAY_PORT } from '#core/names.ts';
import type { Network } from '#core/network.ts';
import type { Random } from '#core/random.ts';
import { sparing } from '#core/sparing.ts';
import type { Credentials } from '#identity/workload.ts';
import { Balancer, type Probe } from './balance/balancer.ts';
import { OwnCatalog } from './catalog/own.ts';
import { Spilling } from './catalog/spilling.ts';
import { Clients } from './clients.ts';
import { HeldContent } from './http/held.ts';
import type { RequestReport } from './http/route.ts';
import { serveStream } from './inward.ts';
import { Barred } from './listener/barred.ts';
import { Listeners } from './listener/listeners.ts';
import { LocalUpstream } from './local.ts';
import { type GatewayMetrics, gatewayMetrics } from './metrics/gateway.ts';
import { peerRows } from './metrics/peers.ts';
import type { Untold } from './metrics/telling.ts';
import { Outward } from './outward.ts';
import { Peers } from './peers.ts';
import { probeEndpoint } from './probe.ts';
import { Crowd } from './resilience/crowd.ts';
import { Guards } from './resilience/guard.ts';
import { emptySnapshot, type Snapshot } from './snapshot/types.ts';
import { TurnClock } from './transport/turn-clock.ts';
import { acceptPeers } from './tunnel/accept.ts';
import { TUNNEL_LIMITS } from './tunnel/limits.ts';
import type { PeerContext, PeerTunnels } from './tunnel/peer.ts';
import { Tunnel } from './tunnel/tunnel.ts';
import { HTTP2_LIMITS } from './wire/http2/limits.ts';

/** How long the first listeners wait for the tunnels they lead to. */
const PEERS_MS = 2_000;
const POLL_MS = 20;

export interface GatewayOptions {
  readonly cluster: string;
  readonly replica: string;
  /** Which of the gateway's workers this is, from 0. */
  readonly worker: number;
  /** The pod's address. */
  readonly host: string;
  readonly version: string;
  /** Names this life of the process. */
  readonly epoch: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly network: Network;
  readonly registry: Registry;
  /** Stream ids from this one on ask for another connection. @default as many as HTTP/2 has */
  readonly renewAtStreamId?: number;
  credentials(): Credentials;
  /** Whether an ejected endpoint is well again, where another process finds that out for this one. @default itself */
  probe?(probe: Probe): Promise<boolean>;
}

export class Gateway {
  readonly #options: GatewayOptions;
  readonly #balancer: Balancer;
  readonly #peers: Peers;
  readonly #listeners: Listeners;
  readonly #clients: Clients;
  readonly #metrics: GatewayMetrics;
  readonly #guards: Guards;
  readonly #ownCatalog: OwnCatalog;
  readonly #spilling: Spilling;
  readonly #local: LocalUpstream;
  /** For what peers do, who may do it again and again. */
  readonly #ofPeers: Logger;
  #server: net.Server | undefined;
  #snapshot: Snapshot = emptySnapshot;
  #missing: readonly string[] = ['snapshot'];
  #leaving = false;
  #stopping = false;
  #peersTried: Promise<void> | undefined;

  constructor(options: GatewayOptions) {
    this.#options = options;
    const { clock, random, log, network, registry, cluster, host } = options;
    this.#ofPeers = sparing(log, clock);
    const metrics = gatewayMetrics(registry);
    this.#metrics = metrics;
    const snapshot = () => this.#snapshot;
    const { renewAtStreamId = HTTP2_LIMITS.renewAtStreamId } = options;
    const held = new HeldContent(() => metrics.refused('requests', 'HELD_BYTES'));
    // Of the whole process, for it has one event loop; the time of a turn is asked once.
    const turns = new TurnClock(clock);
    this.#local = new LocalUpstream({ clock: turns, network, random, renewAtStreamId, held });
    this.#ownCatalog = new OwnCatalog(options.epoch, (service) => this.#spilling.has(service), log);
    this.#balancer = new Balancer({
      clock,
      random,
      probe: (probe) =>
        options.probe?.(probe) ?? probeEndpoint(probe, { network, clock, local: this.#local }),
      remote: (name, key) => this.#peers.candidate(name, key),
    });
    this.#spilling = new Spilling({
      clock,
      balancer: this.#balancer,
      onChange: () => this.#tellCatalog(),
    });
    const report = (of: RequestReport) => metrics.request(of);
    const local = this.#local;
    const guards = new Guards(this.#balancer, clock);
    this.#guards = guards;
    const barred = new Barred();
    const shared = { cluster, clock: turns, turns, log, guards, local, report, snapshot, held };
    const inward = { ...shared, ownCatalog: this.#ownCatalog };
    const tunnelContext: PeerContext = {
      clock,
      random,
      network,
      ownCluster: cluster,
      version: options.version,
      replica: options.replica,
      worker: options.worker,
      credentials: () => options.credentials(),
      replicas: () => this.#snapshot.replicas,
      limits: { ...TUNNEL_LIMITS, renewAtStreamId },
      serve: (peer, purpose) => (exchange) => serveStream(peer, purpose, exchange, inward),
      broken: (rule) => metrics.refused('tunnel', rule),
      changed: () => this.#balancer.refresh(),
    };
    this.#tunnelContext = tunnelContext;
    this.#peers = new Peers({
      clock,
      random,
      log,
      tunnelContext,
      onCatalog: () => this.#balancer.refresh(),
    });
    const crowd = new Crowd(clock);
    const outward = new Outward({ ...shared, crowd, peers: this.#peers });
    this.#clients = new Clients({
      clock: turns,
      metrics,
      renewAtStreamId,
      barred,
      crowd,
      serve: (exchange, route) => outward.serve(exchange, route),
    });
    this.#listeners = new Listeners({
      clock,
      network,
      log,
      host,
      barred,
      onConnection: (connection, route) => this.#clients.accept(connection, route),
      onTooMany: (rule) => metrics.refused('listener', rule),
    });
  }

  readonly #tunnelContext: PeerContext;

  /** Opens 4143. Rejects when it is taken. */
  async start(): Promise<void> {
    const { host, network, clock, log } = this.#options;
    this.#server = await acceptPeers({
      address: { host, port: GATEWAY_PORT },
      network,
      clock,
      log,
      credentials: () => this.#options.credentials(),
      refused: (rule) => this.#metrics.refused('handshake', rule),
      peer: (name) => this.#peers.tunnels(name),
      admitted: (socket, peer, httpRole) => this.#admit(socket, peer, httpRole),
    });
  }

  /** What keeps this gateway from being ready; empty when it is. */
  notReady(): readonly string[] {
    if (this.#leaving) return ['leaving'];
    const failed = [...this.#listeners.failed].map(([port, why]) => `listener ${port}: ${why}`);
    return [...this.#missing, ...failed];
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  get peers(): Peers {
    return this.#peers;
  }

  get balancer(): Balancer {
    return this.#balancer;
  }

  /** What was counted since this was last asked, and how things stand with the peers. */
  get untold(): Untold {
    const nowMs = this.#options.clock.monotonicMs();
    const requests = this.#metrics.takeRequests(nowMs);
    return { requests, budgets: this.#guards.take(nowMs), peers: peerRows(this.#peers.all()) };
  }

  /**
   * Takes over a snapshot; resolves when every listener it names is open. The first ones open when the
   * peers can be reached or have been tried, for a client must not find a gateway that knows no way yet.
   */
  async update(snapshot: Snapshot): Promise<void> {
    this.#snapshot = snapshot;
    this.#peers.update(snapshot.peers);
    this.#balancer.update(snapshot);
    this.#tellCatalog();
    this.#peersTried ??= this.#within(PEERS_MS, () => this.#peers.tried);
    await this.#peersTried;
    if (this.#snapshot !== snapshot || this.#stopping) return;
    await this.#listeners.update(snapshot.listeners);
    this.#missing = [];
  }

  /** Unready from now on, but still serving, until {@link stop}. */
  leave(): void {
    this.#leaving = true;
  }

  /**
   * Accepts nothing more, lets what is under way finish for at most `graceMs`, then ends. Clients that
   * are still here keep the way to the peers until they are gone.
   */
  async stop(graceMs: number): Promise<void> {
    this.#leaving = true;
    this.#stopping = true;
    this.#listeners.close();
    this.#server?.close();
    this.#clients.drain();
    this.#peers.leave();
    const gone = () => this.#listeners.clients === 0 && this.#peers.serving === 0;
    // Half of the time for the requests of connections that are idle now, half for the last answers.
    await this.#within(graceMs / 2, gone);
    this.#clients.endIdle();
    await this.#within(graceMs / 2, gone);
    this.#peers.drain();
    this.#clients.close();
    this.#local.close();
    this.#balancer.close();
    this.#spilling.close();
  }

  /** Peers hear of what has changed in what we offer. */
  #tellCatalog(): void {
    const { cluster, version } = this.#options;
    const snapshot = this.#snapshot;
    this.#ownCatalog.update(snapshot, {
      name: cluster,
      version,
      trustBundle: this.#options.credentials().trustBundle,
      gateways: [...snapshot.advertised],
    });
  }

  /** Waits until `done`, at most for `limitMs`. */
  async #within(limitMs: number, done: () => boolean): Promise<void> {
    const { clock } = this.#options;
    const deadlineMs = clock.monotonicMs() + limitMs;
    while (clock.monotonicMs() < deadlineMs && !done()) await sleep(clock, POLL_MS);
  }

  #admit(
    socket: import('node:tls').TLSSocket,
    peer: PeerTunnels,
    httpRole: 'client' | 'server',
  ): void {
    const { clock } = this.#options;
    const refusal = peer.mayDial();
    if (refusal !== undefined) {
      this.#metrics.refused('handshake', refusal);
      socket.destroy();
      return;
    }
    const tunnel = new Tunnel({
      connection: socket,
      httpRole,
      hello: peer.helloFor('data'),
      clock,
      serve: (exchange) => {
        const purpose = tunnel.peer?.purpose ?? 'data';
        this.#tunnelContext.serve(peer.peer.clusterName, purpose)(exchange);
      },
      accept: (theirs) => peer.acceptHello(theirs),
      broken: (rule) => {
        this.#tunnelContext.broken(rule);
        peer.broke(rule);
      },
      limits: this.#tunnelContext.limits,
    });
    peer.adopt(tunnel);
    tunnel.ready.catch((error: unknown) =>
      this.#ofPeers.warn('hello refused', {
        peer: peer.peer.clusterName,
        error: describeError(error),
      }),
    );
  }
}
