/**
 * Connections to the replicas of the own gateway, by address, over mTLS.
 */
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { Clock } from '#core/clock.ts';
import { ADMIN_PORT } from '#core/names.ts';
import { formatAddress, type Network } from '#core/network.ts';
import { noHeaders } from '#kube/credentials.ts';
import { HttpTransport } from '#kube/http-transport.ts';
import type { EndpointSlice } from '#kube/types.ts';

/** An answer that is no stream may take so long. */
const ANSWER_MS = 3_000;

/** One replica of the own gateway. */
export interface GatewayReplica {
  /** Its address; the same replica has the same one. */
  readonly name: string;
  /** JSON of `path`. */
  json(path: string, signal: AbortSignal): Promise<unknown>;
  /** Bytes of `path`, ending with an error after `idleMs` of silence. */
  stream(path: string, idleMs: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

export interface ReplicasOptions {
  readonly network: Network;
  readonly clock: Clock;
  /** Present TLS settings. A different `version` replaces every connection. */
  readonly tls: () => { readonly version: unknown; readonly options: ConnectionOptions };
  /** Why the server at the other end is not our gateway, or `undefined` when it is. */
  readonly refusal: (socket: TLSSocket) => string | undefined;
}

/** Ready addresses of the gateway in `slices`, in one order. */
export function readyAddresses(slices: Iterable<EndpointSlice>): readonly string[] {
  const addresses = new Set<string>();
  for (const { endpoints, addressType } of slices) {
    if (addressType === 'FQDN') continue;
    for (const endpoint of endpoints) {
      const [address] = endpoint.addresses;
      if (address !== undefined && endpoint.conditions?.ready !== false) addresses.add(address);
    }
  }
  return [...addresses].sort();
}

/** Keeps one connection pool per replica in use. */
export class Replicas {
  readonly #options: ReplicasOptions;
  #transports = new Map<string, HttpTransport>();
  #version: unknown;

  constructor(options: ReplicasOptions) {
    this.#options = options;
  }

  /** The replicas at `addresses`; connections to others are closed. */
  at(addresses: readonly string[]): readonly GatewayReplica[] {
    const { version, options } = this.#options.tls();
    if (version !== this.#version) this.#drop(() => true);
    this.#version = version;
    this.#drop((address) => !addresses.includes(address));
    return addresses.map((address) => this.#replica(address, options));
  }

  /** Closes every connection. */
  close(): void {
    this.#drop(() => true);
  }

  #replica(host: string, tls: ConnectionOptions): GatewayReplica {
    let transport = this.#transports.get(host);
    if (transport === undefined) {
      const { network, clock, refusal } = this.#options;
      transport = new HttpTransport({
        server: new URL(`https://${formatAddress({ host, port: ADMIN_PORT })}`),
        tls,
        headers: noHeaders,
        network,
        clock,
        requestDeadlineMs: ANSWER_MS,
        refusal,
      });
      this.#transports.set(host, transport);
    }
    const held = transport;
    return {
      name: host,
      json: (path, signal) => held.json({ method: 'GET', path, signal }),
      stream: (path, idleMs, signal) => held.stream({ method: 'GET', path, signal }, idleMs),
    };
  }

  #drop(which: (address: string) => boolean): void {
    for (const [address, transport] of this.#transports) {
      if (!which(address)) continue;
      this.#transports.delete(address);
      void transport.close();
    }
  }
}
