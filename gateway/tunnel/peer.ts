/**
 * Everything this gateway keeps open to one linked cluster: a control tunnel, data tunnels and opaque
 * tunnels to every gateway address of the peer, and those the peer dialled for our requests.
 *
 * Promises: a tunnel is dead only after {@link SILENCE_MS} without a single byte; requests go to the
 * least loaded live tunnel, those of one turn together; a peer that cannot dial us gets tunnels dialled in its stead.
 */
import type { Clock, Timer } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import type { Hello, TunnelPurpose } from '#core/hello.ts';
import type { Network } from '#core/network.ts';
import type { Random } from '#core/random.ts';
import { type Credentials, renewalMs } from '#identity/workload.ts';
import { Barred, isFlood } from '../listener/barred.ts';
import type { Peer, PeerAddress } from '../snapshot/types.ts';
import type { Http2Limits } from '../wire/http2/limits.ts';
import { dialPeer, type HttpRole } from './dial.ts';
import { type Introduced, ownHello, refusalOf } from './hello.ts';
import { KnownTunnels } from './known.ts';
import { TunnelSlot } from './slot.ts';
import { Succession } from './succession.ts';
import { type StreamHandler, Tunnel } from './tunnel.ts';
import { wantedTunnels } from './wanted.ts';

export const SILENCE_MS = 3_000;
const PING_MS = 1_000;
/** Tunnels one peer may have dialled: more than all its gateways and their workers have use for. */
export const DIALLED_MAX = 1_024;
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
  readonly #slots = new Map<string, { purpose: TunnelPurpose; role: HttpRole; slot: TunnelSlot }>();
  /** Tunnels the peer dialled in which we are the HTTP/2 client. */
  readonly #adopted = new Set<Tunnel>();
  /** Tunnels the peer dialled in which it is the HTTP/2 client. */
  readonly #accepted = new Set<Tunnel>();
  /** Tunnels in which it was the HTTP/2 client and that may still have streams of its requests. */
  readonly #draining = new Set<Tunnel>();
  #leaving = false;
  readonly #succession: Succession;
  readonly #ticker: Timer;
  #peer: Peer;
  readonly #known = new KnownTunnels((purpose) => this.#ours(purpose));
  #sinceMs: number;
  #trustedSinceMs: number;
  #wasConnected = false;
  readonly #barred = new Barred();
  /** Whether the peer was made to greet us again since requests could last be sent. */
  #askedAgain = false;

  constructor(peer: Peer, context: PeerContext) {
    this.#peer = peer;
    this.#context = context;
    this.#sinceMs = context.clock.wallMs();
    this.#trustedSinceMs = context.clock.monotonicMs();
    this.#succession = new Succession({
      clock: context.clock,
      silenceMs: SILENCE_MS,
      pick: (purpose) => this.pick(purpose),
      dialling: (wanted) =>
        [...this.#slots.values()].some(
          ({ purpose, role, slot }) => purpose === wanted && role === 'client' && slot.dialling,
        ),
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

  /** Takes over a changed Link: other addresses are dialled, another bundle cuts every tunnel. */
  update(peer: Peer): void {
    const before = this.#peer;
    if (
      before.trustBundle !== peer.trustBundle ||
      before.trustDomain !== peer.trustDomain ||
      peer.suspended
    ) {
      this.#trustedSinceMs = this.#context.clock.monotonicMs();
      this.#cut(new IsthmusError('NOT_AUTHORIZED', 'the Link changed'));
    }
    this.#peer = peer;
    this.#dialAll();
  }

  /** Why the peer may dial no further tunnel now, if so. */
  mayDial(): 'PEER_BARRED' | 'TUNNELS_OF_PEER' | undefined {
    const { linkName } = this.#peer;
    if (this.#barred.has(linkName, this.#context.clock.monotonicMs())) return 'PEER_BARRED';
    const dialled = this.#adopted.size + this.#accepted.size;
    return dialled >= DIALLED_MAX ? 'TUNNELS_OF_PEER' : undefined;
  }

  /** A tunnel the peer dialled was ended for `rule`. */
  broke(rule: string): void {
    // Its clients may make a gateway send what we refuse, but not flood us.
    if (!isFlood(rule)) return;
    this.#barred.offend(this.#peer.linkName, rule, this.#context.clock.monotonicMs());
  }

  /** Takes a tunnel the peer dialled. */
  adopt(tunnel: Tunnel): void {
    const set = tunnel.options.httpRole === 'client' ? this.#adopted : this.#accepted;
    set.add(tunnel);
    tunnel.worn.addEventListener('abort', () => this.#giveBack(tunnel), { once: true });
    tunnel.closed.addEventListener(
      'abort',
      () => {
        set.delete(tunnel);
        // Only tunnels of our own requests have a successor we wait for.
        if (set === this.#adopted) this.#succession.ended(tunnel);
        this.#notice();
      },
      { once: true },
    );
    void tunnel.ready.then(
      () => {
        // Its handshake was under way when we began to leave.
        if (this.#leaving) this.#drainServed();
        if (tunnel.peer?.wantsReverse) this.#dialAll();
        this.#hurry();
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
    for (const { slot } of this.#slots.values()) if (slot.error) return slot.error;
    return this.#peer.gateways.length === 0
      ? new IsthmusError(
          'PEER_UNREACHABLE',
          'waiting for the peer to dial: the Link has no gateway address',
        )
      : undefined;
  }

  /** Whether everything was tried that can let requests be sent, however it ended. */
  get tried(): boolean {
    return [...this.#slots.values()].every(({ slot }) => slot.tried);
  }

  /** Tunnels that carry requests of the peer to us, and have been asked to carry no more. */
  get serving(): number {
    for (const each of this.#draining) if (each.ended) this.#draining.delete(each);
    return this.#draining.size;
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
    for (const { slot } of this.#slots.values()) slot.stop(reason, drain);
    this.#slots.clear();
    for (const tunnel of [...this.#adopted, ...this.#accepted]) {
      if (drain) tunnel.drain();
      else tunnel.close(reason);
    }
  }

  /** What a hello of ours says in a tunnel for `purpose`. */
  helloFor(purpose: TunnelPurpose): Hello {
    const wantsReverse = this.#peer.gateways.length === 0 || this.#lostForLong();
    return ownHello(this.#context, purpose, wantsReverse);
  }

  /** Whether a hello may come from this peer. */
  acceptHello(theirs: Hello): IsthmusError | undefined {
    return refusalOf(theirs, this.#peer);
  }

  /** Every address we know may be stale: then the peer, who can reach us, is asked to dial for us. */
  #lostForLong(): boolean {
    return !this.connected && this.#context.clock.wallMs() - this.#sinceMs > SILENCE_MS;
  }

  /** Tunnels the peer opened before we knew that we cannot reach it: a new hello asks for reverse ones. */
  #askAgain(): void {
    if (this.#accepted.size === 0) return;
    this.#askedAgain = true;
    for (const tunnel of this.#accepted) tunnel.drain();
  }

  #dialAll(): void {
    const reverse = this.hello?.wantsReverse && !this.#leaving;
    const roles: HttpRole[] = reverse ? ['client', 'server'] : ['client'];
    const wanted = wantedTunnels(this.#peer, roles);
    for (const [key, { slot }] of this.#slots) {
      if (wanted.has(key)) continue;
      slot.stop(new IsthmusError('TUNNEL_LOST', 'the address is no longer in the Link'), true);
      this.#slots.delete(key);
    }
    for (const [key, { address, purpose, role }] of wanted) {
      if (this.#slots.has(key)) continue;
      const slot = new TunnelSlot({
        clock: this.#context.clock,
        random: this.#context.random,
        open: () => this.#open(address, purpose, role),
        onChange: () => this.#notice(),
      });
      this.#slots.set(key, { purpose, role, slot });
    }
  }

  async #open(address: PeerAddress, purpose: TunnelPurpose, httpRole: HttpRole) {
    const { clock, network, ownCluster, serve, broken, limits } = this.#context;
    const credentials = this.#context.credentials();
    const connection = await dialPeer(this.#peer, address, httpRole, {
      clock,
      network,
      ownCluster,
      credentials,
    });
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
    if (httpRole === 'client') {
      tunnel.closed.addEventListener('abort', () => this.#succession.ended(tunnel), { once: true });
    }
    await tunnel.ready;
    tunnel.ping();
    this.#hurry();
    if (tunnel.peer?.wantsReverse && httpRole === 'client') queueMicrotask(() => this.#dialAll());
    const renewAfterMs = renewalMs(credentials, clock.wallMs(), this.#context.random);
    return { tunnel, renewAfterMs: Math.max(RENEW_MS_MIN, renewAfterMs) };
  }

  *#ours(purpose: TunnelPurpose): Generator<Tunnel> {
    for (const each of this.#slots.values()) {
      if (each.purpose === purpose && each.role === 'client' && each.slot.tunnel) {
        yield each.slot.tunnel;
      }
    }
    for (const tunnel of this.#adopted) {
      if (tunnel.peer?.purpose === purpose && tunnel.open) yield tunnel;
    }
  }

  *#live(): Generator<Tunnel> {
    for (const { slot } of this.#slots.values()) if (slot.tunnel) yield slot.tunnel;
    for (const tunnel of this.#adopted) if (tunnel.open) yield tunnel;
    for (const tunnel of this.#accepted) if (tunnel.open) yield tunnel;
  }

  #drainServed(): void {
    for (const [key, { purpose, role, slot }] of this.#slots) {
      if (role !== 'server') continue;
      if (slot.tunnel && purpose !== 'control') this.#draining.add(slot.tunnel);
      slot.stop(new IsthmusError('SHUTTING_DOWN', 'the gateway is leaving'), true);
      this.#slots.delete(key);
    }
    for (const tunnel of [...this.#accepted]) {
      // What it follows in a control tunnel has no end.
      if (tunnel.peer?.purpose !== 'control') this.#draining.add(tunnel);
      tunnel.drain();
    }
  }

  /** The peer that dialled `tunnel` is to dial another one. */
  #giveBack(tunnel: Tunnel): void {
    this.#succession.left();
    tunnel.drain();
  }

  /** The peer has just shown that it is there: whatever could not be dialled is tried now. */
  #hurry(): void {
    for (const { slot } of this.#slots.values()) slot.hurry();
  }

  #tick(): void {
    for (const tunnel of this.#live()) {
      const silentMs = tunnel.silentMs();
      if (silentMs > SILENCE_MS) {
        tunnel.close(new IsthmusError('TUNNEL_LOST', `no byte for ${Math.round(silentMs)} ms`));
      } else tunnel.ping();
    }
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

  #cut(reason: IsthmusError): void {
    for (const { slot } of this.#slots.values()) slot.stop(reason, false);
    this.#slots.clear();
    for (const tunnel of [...this.#adopted, ...this.#accepted]) tunnel.close(reason);
  }
}
