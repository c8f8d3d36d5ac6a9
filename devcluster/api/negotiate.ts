/**
 * Which form of an answer a client accepts. pure
 *
 * JSON, YAML, Tables and metadata-only objects ("Kubernetes API Concepts: Receiving resources as Tables"). Protobuf is not spoken: a
 * client that accepts nothing else gets 406.
 */
import { notAcceptable } from '../values/status.ts';

/** A negotiated form. */
export interface Form {
  readonly encoding: 'json' | 'yaml';
  /** `as=`: Table, PartialObjectMetadata, PartialObjectMetadataList, APIGroupDiscoveryList. */
  readonly as: string;
  readonly version: string;
}

const PLAIN: Form = { encoding: 'json', as: '', version: '' };
const KNOWN = new Set(['', 'Table', 'PartialObjectMetadata', 'PartialObjectMetadataList']);

/** The first form of `accept` that is spoken; `discovery` adds the aggregated discovery document. */
export function negotiate(accept: string | undefined, discovery = false): Form {
  if (accept === undefined || accept.trim() === '') return PLAIN;
  for (const entry of accept.slice(0, 4_096).split(',')) {
    const [type = '', ...parameters] = entry.split(';').map((part) => part.trim());
    const values = new Map(parameters.map((item) => item.split('=', 2) as [string, string]));
    const as = values.get('as') ?? '';
    const version = values.get('v') ?? '';
    if (['*/*', 'application/*', 'text/*'].includes(type)) return PLAIN;
    const encoding =
      type === 'application/json' ? 'json' : type === 'application/yaml' ? 'yaml' : undefined;
    if (!encoding) continue;
    if (discovery && as === 'APIGroupDiscoveryList') {
      if (version === 'v2' || version === 'v2beta1') return { encoding, as, version };
      continue;
    }
    if (KNOWN.has(as) && (as === '' || version === 'v1')) return { encoding, as, version };
  }
  throw notAcceptable();
}
