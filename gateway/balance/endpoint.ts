/**
 * One candidate of the balancer, a local pod or a whole remote cluster, as others hold it. pure
 *
 * What is known of it stands in the columns of `table.ts`; this is the handle by which a relay says
 * whom it asked. It is made once per membership: who leaves and comes back is another endpoint.
 */

/** How an attempt at an endpoint ended. */
export type Outcome =
  /** An answer that is no failure of the endpoint. */
  | 'success'
  /** The endpoint answered badly, broke the connection or never answered. */
  | 'failure'
  /** Nothing accepted the connection. */
  | 'refused'
  /** Our client left: says nothing of the endpoint, but that it took at least so long. */
  | 'cancelled'
  /** The loser of a hedge: says nothing either, but that it took at least so long. */
  | 'superseded';

/** Where an endpoint is: in this cluster, or all of another one. */
export type EndpointKind = 'local' | 'remote';

/** Nowhere in the table: the endpoint has left, and nothing of it is under way. */
export const NO_SLOT = -1;

/** Endpoints a request was tried at; nothing, at first. */
export const NONE_TRIED: readonly Endpoint[] = [];

export class Endpoint {
  /** Stable name: `host:port`, or the cluster. */
  readonly key: string;
  readonly kind: EndpointKind;
  /** Its row of the table, or {@link NO_SLOT}; for the balancer alone. */
  slot: number;

  constructor(key: string, kind: EndpointKind, slot: number) {
    this.key = key;
    this.kind = kind;
    this.slot = slot;
  }
}
