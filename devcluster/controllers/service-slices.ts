/**
 * The EndpointSlices of a Service, found without looking at all others.
 *
 * Every Service asks whenever anything of it changes; looking through all slices each time made ten thousand Services
 * cost minutes.
 */
import { LABEL_SERVICE_NAME } from '#core/names.ts';
import type { Store } from '../storage/store.ts';
import { type KubeObject, labelsOf, namespaceOf } from '../values/json.ts';

/** Where EndpointSlices are kept. */
export const SLICES = 'endpointslices.discovery.k8s.io';

type Index = Map<string, Map<string, KubeObject>>;

const indexes = new WeakMap<Store, Index>();

/** The slices labelled as those of `service`, in order of their names. */
export function slicesOf(store: Store, namespace: string, service: string): KubeObject[] {
  const found = indexOf(store).get(`${namespace}/${service}`);
  return [...(found?.values() ?? [])].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** Made at the first question, and kept up to date by the store. */
function indexOf(store: Store): Index {
  const known = indexes.get(store);
  if (known) return known;
  const index: Index = new Map();
  const keyOf = (slice: KubeObject) =>
    `${namespaceOf(slice)}/${labelsOf(slice)[LABEL_SERVICE_NAME] ?? ''}`;
  const add = (slice: KubeObject) => {
    const key = keyOf(slice);
    const slices = index.get(key) ?? new Map<string, KubeObject>();
    index.set(key, slices.set(slice.metadata.name, slice));
  };
  for (const slice of store.list(SLICES)) add(slice);
  store.listen(SLICES, ({ type, object, previous }) => {
    if (previous) {
      const slices = index.get(keyOf(previous));
      slices?.delete(previous.metadata.name);
      if (slices?.size === 0) index.delete(keyOf(previous));
    }
    if (type !== 'DELETED') add(object);
  });
  indexes.set(store, index);
  return index;
}
