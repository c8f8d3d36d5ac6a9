/**
 * What the wire bench compares: pairs of gateways, and where clients reach them.
 */
import type { Address } from '#core/network.ts';

/** Names of the pairs, in the order they take turns. */
export const SYSTEMS = ['isthmus', 'haproxy', 'nginx'] as const;
export type SystemName = (typeof SYSTEMS)[number];

/** What a client can ask a pair to carry. */
export type Carried = 'http1' | 'http2' | 'grpc' | 'opaque';

/** A pair that serves. */
export interface Pair {
  readonly version: string;
  /** Processes whose CPU counts, with all that descend from them. */
  readonly roots: readonly number[];
  /** Where clients send what; absent for what the pair cannot carry. */
  readonly targets: Readonly<Partial<Record<Carried, Address>>>;
  /** The last that its processes said on standard error. */
  said?(): string;
  /** Why something cannot be carried. */
  readonly missing: Readonly<Partial<Record<Carried, string>>>;
}
