/**
 * Everything this gateway keeps open to one linked cluster: a control tunnel, data tunnels and opaque
 * tunnels to every gateway address of the peer, and those the peer dialled for our requests.
 *
 * Promises: a tunnel is dead after {@link SILENCE_MS} without a single byte, and not before; requests go to the
 * least loaded live tunnel, those of one turn together; a peer that cannot dial us gets tunnels dialled in its stead.
 */
import type { Clock, Timer } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import type { Hello, TunnelPurpose } from '#core/hello.ts';
import type { Network } from '#core/network.ts';
import type { Random } from '#core/random.ts';
import { type Credentials, renewalMs } from '#identity/workload.ts';
import type { Peer } from '../snapshot/types.ts';
import type { Http2Limits } from '../wire/http2/limits.ts';
import { dialPeer, type HttpRole } from './dial.ts';
import { DialledTunnels } from './dialled.ts';
import { type Introduced, ownHello, refusalOf } from './hello.ts';
import { KnownTunnels } from './known.ts';
import { keepsRoots } from './roots.ts';
import { StandingTunnels } from './standing.ts';
import { Succession } from './succession.ts';
import { type DialRefusal, TakenTunnels } from './taken.ts';
import { type StreamHandler, Tunnel } from './tunnel.ts';
import { type WantedTunnel, wantedTunnels } from './wanted.ts';

export const SILENCE_MS = 3_000;
const PING_MS = 1_000;
/** A tunnel opened with an old certificate is still worth this long. */
const RENEW_MS_MIN = 1_000;

export interface PeerContext extends Introduced {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly limits: Http2Limits;
  credentials(): Credentials;
  /** Serves a stream that `peer` opened in a tunnel of `purpose`. */
  serve(peer: string, purpose: TunnelPurpose): StreamHandler;
  /** A peer broke `rule` of HTTP/2. */
  broken(rule: string): void;
  /** Health, round trip or the set of tunnels of a peer changed. */
  changed(): void;
}

export class PeerTunnels {
  readonly #context: PeerContext;
  readonly #dialled: DialledTunnels;
  readonly #taken = new TakenTunnels();
  readonly #standing = new StandingTunnels();
  /** How often all tunnels were cut. */
  #cuts = 0;
  #leaving = false;
  readonly #succession: Succession;
  readonly #ticker: Timer;
  #peer: Peer;
  readonly #known = new KnownTunnels((purpose) => this.#ours(purpose));
  #sinceMs: number;
  #trustedSinceMs: number;
  #wasConnected = false;
  /** Whether the peer was made to greet us again since requests could last be sent. */
  #askedAgain = false;

  constructor(peer: Peer, context: PeerContext) {
    this.#peer = peer;
    this.#context = context;
    this.#sinceMs = context.clock.wallMs();
    this.#trustedSinceMs = context.clock.monotonicMs();
    this.#dialled = new DialledTunnels({
      clock: context.clock,
      random: context.random,
      open: (wanted) => this.#open(wanted),
      onChange: () => this.#notice(),
    });
    this.#succession = new Succession({
      clock: context.clock,
      silenceMs: SILENCE_MS,
      pick: (purpose) => this.pick(purpose),
      dialling: (purpose) => this.#dialled.isDialling(purpose),
    });
    this.#ticker = context.clock.every(PING_MS, () => this.#tick());
    this.#dialAll();
  }

  get peer(): Peer {
    return this.#peer;
  }

  /** Since when, in monotonic ms, the roots in use are those they are: no handshake begun before counts. */
  get trustedSinceMs(): number {
    return this.#trustedSinceMs;
  }

  /** Takes over a changed Link: other addresses are dialled, a bundle without all its roots of before cuts every tunnel. */
  update(peer: Peer): void {
    const before = this.#peer;
    if (
      !keepsRoots(before.trustBundle, peer.trustBundle) ||
      before.trustDomain !== peer.trustDomain ||
      peer.suspended
    ) {
      this.#trustedSinceMs = this.#context.clock.monotonicMs();
      this.#end(new IsthmusError('NOT_AUTHORIZED', 'the Link changed'), false);
    }
    this.#peer = peer;
    this.#dialAll();
  }

  /** Why the peer may dial no further tunnel now, if so. */
  mayDial(): DialRefusal | undefined {
    return this.#taken.refusal(this.#peer.linkName, this.#context.clock.monotonicMs());
  }

  /** A tunnel the peer dialled was ended for `rule`. */
  broke(rule: string): void {
    this.#taken.broke(this.#peer.linkName, rule, this.#context.clock.monotonicMs());
  }

  /** Takes a tunnel the peer dialled. */
  adopt(tunnel: Tunnel): void {
    this.#standing.add(tunnel);
    this.#taken.add(tunnel, (wasOurs) => {
      // Only tunnels of our own requests have a successor we wait for.
      if (wasOurs) this.#succession.ended(tunnel);
      this.#notice();
    });
    tunnel.worn.addEventListener('abort', () => this.#giveBack(tunnel), { once: true });
    void tunnel.ready.then(
      () => {
        // Its handshake was under way when we began to leave.
        if (this.#leaving) this.#drainServed();
        if (tunnel.peer?.wantsReverse) this.#dialAll();
        this.#dialled.hurry();
        this.#notice();
      },
      () => undefined,
    );
  }

  /** A live tunnel for `purpose` in which we may open streams. */
  pick(purpose: TunnelPurpose): Tunnel | undefined {
    return this.#known.pick(purpose);
  }

  /** Whether requests can be sent to this peer now, or as soon as a gateway that left is succeeded. */
  get connected(): boolean {
    return this.pick('data') !== undefined || this.#succession.hopeful;
  }

  /** A tunnel for `purpose`, as soon as there is one; `undefined` where none is to be expected. */
  successor(purpose: TunnelPurpose): Promise<Tunnel> | undefined {
    return this.#succession.wait(purpose);
  }

  /** Since when, as wall time, {@link connected} has its value. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** The shortest round trip among the tunnels; NaN while none was measured. */
  get roundTripMs(): number {
    let best = Number.NaN;
    for (const tunnel of this.#live()) {
      if (!(tunnel.roundTripMs >= best)) best = tunnel.roundTripMs;
    }
    return best;
  }

  get tunnelCount(): number {
    return [...this.#live()].length;
  }

  get hello(): Hello | undefined {
    for (const tunnel of this.#live()) if (tunnel.peer) return tunnel.peer;
    return undefined;
  }

  /** Why requests cannot be sent, when they cannot. */
  get error(): IsthmusError | undefined {
    if (this.connected) return undefined;
    if (this.#peer.suspended) return new IsthmusError('PEER_UNREACHABLE', 'the Link is suspended');
    const { error } = this.#dialled;
    if (error !== undefined) return error;
    return this.#peer.gateways.length === 0
      ? new IsthmusError(
          'PEER_UNREACHABLE',
          'waiting for the peer to dial: the Link has no gateway address',
        )
      : undefined;
  }

  /** Whether everything was tried that can let requests be sent, however it ended. */
  get tried(): boolean {
    return this.#dialled.tried;
  }

  /** Tunnels that may carry requests of the peer to us; after {@link leave} they have been asked to carry no more. */
  get serving(): number {
    return this.#standing.serving;
  }

  /** Serves no new requests of the peer; ours still go out, until {@link close}. */
  leave(): void {
    this.#leaving = true;
    this.#drainServed();
  }

  /** Ends everything: gracefully with `drain`. */
  close(reason: IsthmusError, drain: boolean): void {
    this.#ticker.cancel();
    this.#succession.close();
    this.#end(reason, drain);
  }

  /** What a hello of ours says in a tunnel for `purpose`. */
  helloFor(purpose: TunnelPurpose): Hello {
    // Every address we know may be stale: then the peer, who can reach us, is asked to dial for us. That it does is no reason
    // to take it back.
    const isOutOfReach = this.#dialled.unreachedMs() > SILENCE_MS;
    const wantsReverse = this.#peer.gateways.length === 0 || isOutOfReach;
    return ownHello(this.#context, purpose, wantsReverse);
  }

  /** Whether a hello may come from this peer. */
  acceptHello(theirs: Hello): IsthmusError | undefined {
    return refusalOf(theirs, this.#peer);
  }

  /** Whether it is time to do something about a peer that requests cannot be sent to. */
  #lostForLong(): boolean {
    return !this.connected && this.#context.clock.wallMs() - this.#sinceMs > SILENCE_MS;
  }

  /** Tunnels the peer opened before we knew that we cannot reach it: a new hello asks for reverse ones. */
  #askAgain(): void {
    if (this.#taken.drainServed()) this.#askedAgain = true;
  }

  #dialAll(): void {
    const reverse = this.hello?.wantsReverse && !this.#leaving;
    const roles: HttpRole[] = reverse ? ['client', 'server'] : ['client'];
    this.#dialled.update(wantedTunnels(this.#peer, roles));
  }

  async #open({ address, purpose, role: httpRole }: WantedTunnel) {
    const { clock, network, ownCluster, serve, broken, limits } = this.#context;
    const credentials = this.#context.credentials();
    const cuts = this.#cuts;
    const connection = await dialPeer(this.#peer, address, httpRole, {
      clock,
      network,
      ownCluster,
      credentials,
    });
    if (cuts !== this.#cuts) {
      // Whoever vouched when it was dialled may not any more.
      connection.destroy();
      throw new IsthmusError('NOT_AUTHORIZED', 'the Link changed during the handshake');
    }
    const tunnel = new Tunnel({
      connection,
      httpRole,
      hello: this.helloFor(purpose),
      clock,
      serve: serve(this.#peer.clusterName, purpose),
      accept: (theirs) => this.acceptHello(theirs),
      broken,
      limits,
    });
    this.#standing.add(tunnel, purpose);
    if (httpRole === 'client') {
      tunnel.closed.addEventListener('abort', () => this.#succession.ended(tunnel), { once: true });
    }
    await tunnel.ready;
    tunnel.ping();
    this.#dialled.hurry();
    if (tunnel.peer?.wantsReverse && httpRole === 'client') queueMicrotask(() => this.#dialAll());
    const renewAfterMs = renewalMs(credentials, clock.wallMs(), this.#context.random);
    return { tunnel, renewAfterMs: Math.max(RENEW_MS_MIN, renewAfterMs) };
  }

  *#ours(purpose: TunnelPurpose): Generator<Tunnel> {
    yield* this.#dialled.ours(purpose);
    yield* this.#taken.ours(purpose);
  }

  *#live(): Generator<Tunnel> {
    yield* this.#dialled.live();
    yield* this.#taken.live();
  }

  #drainServed(): void {
    this.#dialled.dropServed();
    this.#standing.drainServed();
  }

  /** The peer that dialled `tunnel` is to dial another one. */
  #giveBack(tunnel: Tunnel): void {
    this.#succession.left();
    tunnel.drain();
  }

  #tick(): void {
    this.#standing.watch(SILENCE_MS);
    this.#dialled.unreachedMs();
    if (this.connected) this.#askedAgain = false;
    else if (this.#lostForLong() && !this.#askedAgain) this.#askAgain();
    this.#context.changed();
  }

  #notice(): void {
    this.#known.forget();
    this.#succession.notice();
    if (this.connected !== this.#wasConnected) {
      this.#wasConnected = this.connected;
      this.#sinceMs = this.#context.clock.wallMs();
    }
    this.#context.changed();
  }

  #end(reason: IsthmusError, drain: boolean): void {
    this.#dialled.stop(reason, drain);
    this.#taken.stop(reason, drain);
    if (drain) return;
    this.#cuts += 1;
    this.#standing.cut(reason);
  }
}
