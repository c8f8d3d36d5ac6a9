/**
 * What one clause of the contract is: a sentence, where Kubernetes says so, and how to see it.
 *
 * Cases are plain values, so that the same ones judge the embedded API server and a real one, and so
 * that a report can name each by its sentence.
 */
import type { CaseCluster } from './cluster.ts';

/** What a cluster must have for a case to be tried there; absent, the case is skipped by name. */
export type Need = 'root';

/** One clause. */
export interface ContractCase {
  /** A sentence about Kubernetes, true of every version Isthmus supports. */
  readonly name: string;
  /** The page, section or KEP that promises it. */
  readonly source: string;
  readonly needs?: readonly Need[];
  /** The behaviour in which the embedded server differs on purpose; {@link EXEMPTIONS} has all. */
  readonly exemption?: Exemption;
  /** It changes what every other case sees, so nothing runs beside it. */
  readonly alone?: boolean;
  /** Throws when the cluster does otherwise. */
  run(cluster: CaseCluster): Promise<void>;
}

/** What the embedded server does otherwise, on purpose, and why. */
export const EXEMPTIONS = {
  'loopback endpoints':
    'EndpointSlices may hold loopback addresses: embedded clusters live on them',
} as const;

/** One of {@link EXEMPTIONS}. */
export type Exemption = keyof typeof EXEMPTIONS;

/** The start of documentation addresses. */
const DOCS = 'https://kubernetes.io/docs';

/** A page of the concepts, tasks or reference documentation. */
export function docs(path: string): string {
  return `${DOCS}/${path}`;
}

/** A section of "Kubernetes API Concepts". */
export function apiConcepts(section: string): string {
  return docs(`reference/using-api/api-concepts/#${section}`);
}

/** A section of the API conventions. */
export function conventions(section: string): string {
  return `https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#${section}`;
}

/** A Kubernetes Enhancement Proposal. */
export function kep(number: number): string {
  return `https://kep.k8s.io/${number}`;
}
