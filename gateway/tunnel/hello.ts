/**
 * What two gateways say of themselves before anything else, as one link asks for it. pure
 */
import { IsthmusError } from '#core/errors.ts';
import { type Hello, PROTOCOL_RANGE, type TunnelPurpose } from '#core/hello.ts';
import type { Peer } from '../snapshot/types.ts';

/** Replicas a hello names at most. */
const REPLICAS_MAX = 256;

/** What a gateway tells of itself. */
export interface Introduced {
  readonly ownCluster: string;
  readonly version: string;
  readonly replica: string;
  readonly worker: number;
  replicas(): readonly string[];
}

/** What `own` says in a tunnel for `purpose`; `wantsReverse`: the peer is to dial for our requests too. */
export function ownHello(own: Introduced, purpose: TunnelPurpose, wantsReverse: boolean): Hello {
  const { version, ownCluster, replica, worker } = own;
  return {
    protocols: PROTOCOL_RANGE,
    features: [],
    version,
    cluster: ownCluster,
    replica,
    worker,
    purpose,
    replicas: [...own.replicas()].slice(0, REPLICAS_MAX),
    wantsReverse,
  };
}

/** Why `theirs` cannot come from `peer`, if so. */
export function refusalOf(theirs: Hello, { clusterName }: Peer): IsthmusError | undefined {
  if (theirs.cluster === clusterName) return undefined;
  const message = `the gateway calls its cluster "${theirs.cluster}", the Link calls it "${clusterName}"`;
  return new IsthmusError('NOT_AUTHORIZED', message);
}
