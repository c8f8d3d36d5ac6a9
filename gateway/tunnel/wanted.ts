/**
 * Which tunnels to keep up to a peer. pure
 */
import { TUNNEL_PURPOSES, type TunnelPurpose } from '#core/hello.ts';
import { formatAddress } from '#core/network.ts';
import type { Peer, PeerAddress } from '../snapshot/types.ts';
import type { HttpRole } from './dial.ts';

/** Gateway addresses of a peer dialled at the same time. */
const ADDRESSES_MAX = 8;
/** Replicas to hold data tunnels to, behind an address that may be a load balancer's. */
const REPLICAS_WANTED = 2;

/** One tunnel to keep up. */
export interface WantedTunnel {
  readonly address: PeerAddress;
  readonly purpose: TunnelPurpose;
  readonly role: HttpRole;
}

/** By a name that is stable while the peer is: one tunnel for each address, purpose and role. */
export function wantedTunnels(
  peer: Peer,
  roles: readonly HttpRole[],
): ReadonlyMap<string, WantedTunnel> {
  const wanted = new Map<string, WantedTunnel>();
  if (peer.suspended) return wanted;
  const addresses = peer.gateways.slice(0, ADDRESSES_MAX);
  const dataCopies = Math.ceil(REPLICAS_WANTED / Math.max(1, addresses.length));
  for (const role of roles) {
    for (const purpose of TUNNEL_PURPOSES) {
      for (const address of addresses) {
        for (let copy = 0; copy < (purpose === 'data' ? dataCopies : 1); copy += 1) {
          const name = `${purpose} ${role} ${formatAddress(address)} ${copy}`;
          wanted.set(name, { address, purpose, role });
        }
      }
    }
  }
  return wanted;
}
