/**
 * A running cluster as the contract meets it: an address, ways to be known to it, a way to end it.
 */
import type { Exemption } from './case.ts';

/** Who a request is from: a bearer token, a client certificate, or nobody. */
export interface Credentials {
  readonly token?: string;
  readonly certificate?: string;
  readonly key?: string;
}

/** A cluster somebody started. */
export interface Target {
  /** `embedded` or `kubernetes`: what the report calls it. */
  readonly name: string;
  /** `https://host:port`. */
  readonly server: string;
  /** PEM. */
  readonly ca: string;
  /** A member of `system:masters`. */
  readonly admin: Credentials;
  /** Path of a kubeconfig of that administrator; its context is called like the cluster. */
  readonly kubeconfig: string;
  /** What it does otherwise on purpose. */
  readonly exemptions: readonly Exemption[];
  /**
   * Makes everything read so far too old to be read on. Resolves when that is so, or when it will be so
   * within a minute.
   */
  compact(): Promise<void>;
  stop(): Promise<void>;
}
