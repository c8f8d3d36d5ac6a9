/**
 * Attempts at local pods, in whatever they speak: HTTP/1, HTTP/2, or bytes that are theirs alone.
 *
 * The Service's `appProtocol` says what a pod speaks; where it says nothing, a pod is spoken to in the
 * client's own version, or in HTTP/1 when it turns out not to know HTTP/2.
 */
import type { Clock, Timer } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import { type Address, type Network, parseAddress } from '#core/network.ts';
import type { Random } from '#core/random.ts';
import type { Attempt, UpstreamRequest } from './http/exchange.ts';
import type { HeldContent } from './http/held.ts';
import type { HttpVersion } from './http/message.ts';
import { withWebSocketKey } from './http/websocket.ts';
import { Http1Pool } from './http1/pool.ts';
import { Http2Pool } from './http2/pool.ts';
import { connectTcp } from './opaque/attempt.ts';

/** How often pods nobody asked for are forgotten, and what pods were found to speak. */
const FORGET_MS = 60_000;
const KEY_BYTES = 16;

interface Pools {
  readonly address: Address;
  /** What the pod was found to speak, though nothing was declared. */
  found?: 'http1';
  http1?: Http1Pool;
  http2?: Http2Pool;
  used: boolean;
}

export interface LocalOptions {
  readonly clock: Clock;
  readonly network: Network;
  readonly random: Random;
  /** Connections to pods are replaced from this stream id on. */
  readonly renewAtStreamId: number;
  /** What all requests hold: while that is much, pods are read less far ahead. */
  readonly held?: HeldContent;
}

export class LocalUpstream {
  readonly #options: LocalOptions;
  readonly #pools = new Map<string, Pools>();
  readonly #ticker: Timer;

  constructor(options: LocalOptions) {
    this.#options = options;
    this.#ticker = options.clock.every(FORGET_MS, () => this.#forget());
  }

  /** Starts an attempt at `endpoint` (`host:port`), which speaks `declared` if anything was. */
  start(endpoint: string, request: UpstreamRequest, declared: HttpVersion | undefined): Attempt {
    const { clock, network, renewAtStreamId } = this.#options;
    const { head } = request;
    const pools = this.#poolsOf(endpoint);
    const { address } = pools;
    if (head.method === 'CONNECT') return connectTcp(address, request, network, clock);
    const version = declared ?? pools.found ?? head.version;
    if (version === 'http1') return this.#startHttp1(endpoint, pools, request);
    pools.http2 ??= new Http2Pool({ clock, network, address, renewAtStreamId });
    if (declared !== undefined) return pools.http2.start(request, undefined);
    return pools.http2.start(request, (instead) => {
      if (instead) pools.found = 'http1';
      return this.#startHttp1(endpoint, pools, request);
    });
  }

  close(): void {
    this.#ticker.cancel();
    for (const { http1, http2 } of this.#pools.values()) {
      http1?.close();
      http2?.close();
    }
  }

  #startHttp1(endpoint: string, pools: Pools, request: UpstreamRequest): Attempt {
    if (pools.http1 === undefined) {
      const { clock, network, held } = this.#options;
      pools.http1 = new Http1Pool({ clock, network, endpoint, ...(held && { held }) });
    }
    const head = withWebSocketKey(request.head, () => this.#newKey());
    return pools.http1.start(
      head === request.head ? request : { head, listener: request.listener },
    );
  }

  #poolsOf(endpoint: string): Pools {
    let pools = this.#pools.get(endpoint);
    if (pools === undefined) {
      const address = parseAddress(endpoint);
      if (address === undefined) throw new IsthmusError('INTERNAL', `not an address: ${endpoint}`);
      pools = { address, used: true };
      this.#pools.set(endpoint, pools);
    }
    pools.used = true;
    return pools;
  }

  #newKey(): string {
    const bytes = Buffer.alloc(KEY_BYTES);
    for (let at = 0; at < KEY_BYTES; at += 1)
      bytes[at] = Math.floor(this.#options.random.next() * 256);
    return bytes.toString('base64');
  }

  /** Pods come and go: their pools go once they are empty and were not asked for lately. */
  #forget(): void {
    for (const [endpoint, pools] of this.#pools) {
      const empty =
        (pools.http1?.busy ?? 0) + (pools.http1?.idle ?? 0) + (pools.http2?.size ?? 0) === 0;
      if (empty && !pools.used) {
        pools.http1?.close();
        pools.http2?.close();
        this.#pools.delete(endpoint);
      }
      pools.used = false;
      // An address may have passed to another pod.
      delete pools.found;
    }
  }
}
