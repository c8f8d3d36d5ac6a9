/**
 * What is installed into an embedded cluster: the same manifests as anywhere, read from this package.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLUSTER_CONFIG_MAP, IDENTITY_ACCOUNT, SYSTEM_NAMESPACE } from '#core/names.ts';
import { type Manifest, parseManifests } from '#kube/apply-manifests.ts';
import { packageRoot } from '#runtime/package.ts';

/** A kustomization says how to use the others; it is no object. */
const NOT_OBJECTS = new Set(['kustomization.yaml']);

/** Definitions, namespace, name and components of a cluster called `cluster`. */
export function installManifests(cluster: string): Manifest[] {
  const files = ['crds', 'install'].flatMap((folder) => readFolder(folder));
  const named: Manifest = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: CLUSTER_CONFIG_MAP, namespace: SYSTEM_NAMESPACE },
    // There is no load balancer: peers are told the addresses of the pods.
    data: { clusterName: cluster, advertise: 'pods' },
  };
  return [...files.map(shrink), named];
}

/** How many pods the Deployments of `manifests` ask for. */
export function podsWanted(manifests: readonly Manifest[]): number {
  return manifests
    .filter((each) => each.kind === 'Deployment')
    .reduce((sum, each) => sum + replicasOf(each), 0);
}

function readFolder(folder: string): Manifest[] {
  const path = join(packageRoot(), 'manifests', folder);
  return readdirSync(path)
    .filter((name) => name.endsWith('.yaml') && !NOT_OBJECTS.has(name))
    .sort()
    .flatMap((name) => parseManifests(readFileSync(join(path, name), 'utf8'), join(folder, name)));
}

/** A laptop has no use for a second identity: it would only cost memory and start-up time. */
function shrink(manifest: Manifest): Manifest {
  return manifest.kind === 'Deployment' && manifest.metadata.name === IDENTITY_ACCOUNT
    ? { ...manifest, spec: { ...(manifest.spec as object), replicas: 1 } }
    : manifest;
}

function replicasOf(manifest: Manifest): number {
  const { replicas } = manifest.spec as { readonly replicas?: unknown };
  return typeof replicas === 'number' ? replicas : 1;
}
