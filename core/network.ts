/**
 * The network a component lives in, as an argument.
 *
 * Everything that listens or dials asks its {@link Network} where a cluster address really is. In
 * Kubernetes, and on loopback addresses of an embedded cluster, that is the address itself. Where the
 * system does not bind 127.10.0.0/16 (macOS), every cluster address is a port of 127.0.0.1.
 */

/** A TCP address: an IP address or host name, and a port. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where cluster addresses really are. */
export interface Network {
  /**
   * The address to bind or to dial for the cluster address `address`. The same question always has
   * the same answer, in every process of the cluster. Throws `NETWORK_EXHAUSTED` when a mapped
   * network has no port left.
   */
  locate(address: Address): Address;
  /**
   * The local address to bind before dialling, so that the far side sees `host` as the caller;
   * `undefined` where that cannot be chosen.
   */
  source(host: string): string | undefined;
}

/** Every address is where it says. */
export const identityNetwork: Network = {
  locate: (address) => address,
  source: () => undefined,
};

/** Loopback addresses of embedded clusters: every address is where it says, and so is its caller. */
export const loopbackNetwork: Network = {
  locate: (address) => address,
  source: (host) => host,
};

/** `host:port`, with brackets around an IPv6 address. */
export function formatAddress(address: Address): string {
  return address.host.includes(':')
    ? `[${address.host}]:${address.port}`
    : `${address.host}:${address.port}`;
}

/** The inverse of {@link formatAddress}; `undefined` when `text` is no address. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text);
  if (!match) return undefined;
  const port = Number(match[3]);
  const host = match[1] ?? match[2];
  return host !== undefined && port >= 1 && port <= 65_535 ? { host, port } : undefined;
}
