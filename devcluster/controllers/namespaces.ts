/**
 * Namespaces: what each is given, and the emptying of those that go. Also the end of CRDs, which empties a kind.
 */

import { CRD_FINALIZER } from '../kinds/crd-rules.ts';
import {
  asList,
  asObject,
  asStrings,
  at,
  isDeleting,
  type KubeObject,
  namespaceOf,
} from '../values/json.ts';
import type { Kit, Running } from './kit.ts';

const NAMESPACES = 'namespaces';
const CRDS = 'customresourcedefinitions.apiextensions.k8s.io';
/** How soon a namespace or kind that still has content is looked at again. */
const AGAIN_MS = 100;

/** Starts the controller; `ca` is the CA bundle pods are given. */
export function runNamespaces(kit: Kit, ca: string): Running {
  const queue = kit.queue('namespaces', (name) => {
    const namespace = kit.store.get(NAMESPACES, '', name);
    if (!namespace) return;
    if (!isDeleting(namespace)) furnish(kit, name, ca);
    else if (empty(kit, namespace)) finish(kit, namespace);
    else queue.addAfter(name, AGAIN_MS);
  });
  const kinds = kit.queue('customresourcedefinitions', (name) => {
    const crd = kit.store.get(CRDS, '', name);
    if (!crd || !isDeleting(crd)) return;
    const left = kit.store.list(name);
    for (const object of left) if (!isDeleting(object)) kit.delete(name, object);
    if (kit.store.list(name).length > 0) kinds.addAfter(name, AGAIN_MS);
    else dropFinalizer(kit, crd);
  });
  const stops = [
    kit.store.listen(NAMESPACES, ({ object }) => queue.add(object.metadata.name)),
    kit.store.listen('serviceaccounts', ({ object }) => queue.add(namespaceOf(object))),
    kit.store.listen('configmaps', ({ type, object }) => {
      if (type !== 'ADDED') queue.add(namespaceOf(object));
    }),
    kit.store.listen(CRDS, ({ object }) => kinds.add(object.metadata.name)),
  ];
  for (const namespace of kit.store.list(NAMESPACES)) queue.add(namespace.metadata.name);
  return {
    close() {
      for (const stop of stops) stop();
      queue.close();
      kinds.close();
    },
  };
}

function furnish(kit: Kit, name: string, ca: string): void {
  if (!kit.store.get('serviceaccounts', name, 'default')) {
    kit.create('serviceaccounts', name, { metadata: { name: 'default' } });
  }
  const bundle = kit.store.get('configmaps', name, 'kube-root-ca.crt');
  if (!bundle) {
    kit.create('configmaps', name, {
      metadata: { name: 'kube-root-ca.crt' },
      data: { 'ca.crt': ca },
    });
  } else if (at(bundle, 'data', 'ca.crt') !== ca) {
    kit.modify('configmaps', bundle, (live) => ({ ...live, data: { 'ca.crt': ca } }));
  }
}

/** Deletes everything in `namespace`; true when nothing is left. */
function empty(kit: Kit, namespace: KubeObject): boolean {
  let left = 0;
  for (const def of kit.context.registry.stored()) {
    if (!def.namespaced) continue;
    for (const object of kit.store.list(def.storage, namespace.metadata.name)) {
      if (!isDeleting(object)) {
        kit.delete(def.storage, object, { propagationPolicy: 'Background' });
      }
    }
    left += kit.store.list(def.storage, namespace.metadata.name).length;
  }
  return left === 0;
}

function finish(kit: Kit, namespace: KubeObject): void {
  const finalizers = asList(at(namespace, 'spec', 'finalizers')).filter(
    (item) => item !== 'kubernetes',
  );
  const spec = { ...asObject(namespace.spec), finalizers };
  kit.context.objects.commit(kit.def(NAMESPACES), { ...namespace, spec } as KubeObject);
}

function dropFinalizer(kit: Kit, crd: KubeObject): void {
  const finalizers = asStrings(crd.metadata.finalizers).filter((item) => item !== CRD_FINALIZER);
  const metadata = { ...crd.metadata, finalizers };
  kit.context.objects.commit(kit.def(CRDS), { ...crd, metadata } as KubeObject);
}
