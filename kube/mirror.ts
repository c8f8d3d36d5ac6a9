/**
 * Which objects of a cluster are mirrors that Isthmus made, as their labels say. pure
 */
import {
  LABEL_MANAGED_BY,
  LABEL_MIRROR,
  LABEL_SLICE_MANAGER,
  MANAGER,
  SLICE_MANAGER,
} from '#core/names.ts';
import type { EndpointSlice, Service } from './types.ts';

/** Whether Isthmus made `service` as a mirror. */
export function isMirror({ metadata: { labels } }: Pick<Service, 'metadata'>): boolean {
  return labels?.[LABEL_MANAGED_BY] === MANAGER && labels[LABEL_MIRROR] !== undefined;
}

/** Whether `slice` is of a mirror: its endpoints are gateways. */
export function isMirrorSlice({ metadata }: Pick<EndpointSlice, 'metadata'>): boolean {
  return metadata.labels?.[LABEL_SLICE_MANAGER] === SLICE_MANAGER;
}
