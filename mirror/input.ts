/**
 * What the plan is made from, and what it is made of. pure
 *
 * The input is plain values, so that every decision of the mirror controller replays from a file.
 */
import type { Catalog, CatalogExport } from '#core/catalog.ts';
import type { News } from '#kube/events.ts';
import type { Link } from '#kube/resources/link.ts';
import type { TrafficPolicy } from '#kube/resources/policy-attachment.ts';
import type { EndpointSlice, KubeObject, Namespace, Service, ServiceExport } from '#kube/types.ts';

/** A link as the gateways see it now. */
export interface LinkState {
  readonly connected: boolean;
  readonly peerVersion: string | undefined;
  /** Why not, where a gateway knows. */
  readonly error: { readonly code: string; readonly message: string } | undefined;
}

/** Listener ports that may be given out, both ends included. */
export interface PortRange {
  readonly min: number;
  readonly max: number;
}

export interface PlanInput {
  /** This cluster. */
  readonly cluster: string;
  readonly links: readonly Link[];
  /** By cluster; a missing one is unknown, which is not the same as empty. */
  readonly catalogs: ReadonlyMap<string, Catalog>;
  /** By cluster, whom the Link trusted under which its catalog was heard, see `trustHash`. */
  readonly heardUnder: ReadonlyMap<string, string>;
  /** By cluster, clusters of which withdrawals are held back, and how many. */
  readonly withheld: ReadonlyMap<string, number>;
  /** By cluster; `undefined` when no gateway of ours has answered. */
  readonly linkStates: ReadonlyMap<string, LinkState> | undefined;
  readonly services: ReadonlyMap<string, Service>;
  /** The EndpointSlices that Isthmus wrote, and those found in their place. */
  readonly slices: ReadonlyMap<string, EndpointSlice>;
  /** Those of the gateways' own Service. */
  readonly gatewaySlices: readonly EndpointSlice[];
  readonly exports: ReadonlyMap<string, ServiceExport>;
  readonly namespaces: ReadonlyMap<string, Namespace>;
  readonly policies: ReadonlyMap<string, TrafficPolicy>;
  /** What the API server said of writes it refused as invalid or forbidden, by key of the actions. */
  readonly refused: ReadonlyMap<string, string>;
  readonly portRange: PortRange;
  /** Freed ports that must not serve anyone else yet, and whose they were. */
  readonly restingPorts: ReadonlyMap<number, string>;
  /** For `lastTransitionTime`. */
  readonly now: string;
}

/** Kinds the plan writes. */
export type Written =
  | 'Namespace'
  | 'Service'
  | 'EndpointSlice'
  | 'ServiceExport'
  | 'Link'
  | 'TrafficPolicy';

/** Kinds of which the plan makes objects. */
export type Applied = Exclude<Written, 'Link' | 'TrafficPolicy'>;

/** `key` names what belongs together: actions of one key run in order, those of two keys do not wait. */
export type Action =
  | {
      readonly do: 'apply';
      readonly key: string;
      readonly kind: Applied;
      readonly object: KubeObject;
      /** The mirror Service that must own the object; its uid is filled in when it is known. */
      readonly owner?: string;
    }
  | {
      readonly do: 'status';
      readonly key: string;
      readonly kind: 'Link' | 'ServiceExport' | 'TrafficPolicy';
      readonly object: KubeObject;
    }
  | {
      readonly do: 'delete';
      readonly key: string;
      readonly kind: 'Service' | 'EndpointSlice' | 'ServiceExport';
      readonly name: string;
      readonly namespace: string;
      /** A successor of the same name is left alone. */
      readonly uid: string | undefined;
    };

/** Something a person has to know, about an object and, where one is concerned, its Link. */
export interface Finding extends News {
  /** Name of the Link whose conditions mention it. */
  readonly link?: string;
  /** Name of the Link that brought it about, where its conditions do not mention it. */
  readonly by?: string;
}

/** What has to be done, and what a person has to know. */
export interface Plan {
  readonly actions: readonly Action[];
  readonly findings: readonly Finding[];
}

/** One cluster that exports a service. */
export interface Member {
  readonly cluster: string;
  readonly export: CatalogExport;
  /** The Link it came by; absent for this cluster's own export. */
  readonly link?: Link;
  /** Read back from a mirror because the peer has not been heard: only names and ports are known. */
  readonly assumed: boolean;
}

/** A service that some cluster exports. Members are ordered, the oldest export first. */
export interface Offer {
  readonly namespace: string;
  readonly name: string;
  readonly members: readonly Member[];
}
