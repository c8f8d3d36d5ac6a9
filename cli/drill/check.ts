/**
 * Whether what a drill names is there, before anything is started or broken. pure
 */
import { IsthmusError } from '#core/errors.ts';
import type { FailoverDrill } from '#kube/resources/failover-drill.ts';
import type { Service } from '#kube/types.ts';

/** Throws `INVALID_FILE` with the first field that names none of the clusters that are driven and broken. */
export function checkClusters(drill: FailoverDrill, known: readonly string[]): void {
  const { target, steps } = drill.spec;
  expectCluster('spec.target.cluster', target.cluster, known);
  steps.forEach(({ fault }, at) => {
    if (fault === undefined) return;
    expectCluster(`spec.steps[${at}].fault.cluster`, fault.cluster, known);
    if (fault.type === 'partition' && fault.to.cluster !== undefined)
      expectCluster(`spec.steps[${at}].fault.to.cluster`, fault.to.cluster, known);
  });
}

/** Throws `INVALID_FILE` with the first expectation of a cluster that cannot answer; `known` can. */
export function checkShares(drill: FailoverDrill, known: readonly string[]): void {
  drill.spec.steps.forEach(({ expect }, at) => {
    for (const cluster of Object.keys(expect?.sharesMin ?? {}))
      expectCluster(`spec.steps[${at}].expect.sharesMin.${cluster}`, cluster, known);
  });
}

/**
 * The address of the target's Service, one of `services`. Throws `INVALID_FILE` where there is none, or not with that
 * port.
 */
export function targetHost(drill: FailoverDrill, services: readonly Service[]): string {
  const { cluster, namespace, service, port } = drill.spec.target;
  const key = `${namespace}/${service}`;
  const own = services.filter((each) => each.metadata.namespace === namespace);
  const found = own.find((each) => each.metadata.name === service);
  if (found === undefined) {
    const names = own.map((each) => each.metadata.name).sort();
    throw new IsthmusError('INVALID_FILE', `${cluster} has no Service ${key}`, {
      field: 'spec.target.service',
      next:
        names.length === 0
          ? `There is none in namespace ${namespace}: mirrors appear when clusters are linked.`
          : `There are ${names.join(', ')}; mirrors appear when clusters are linked.`,
    });
  }
  const ports = (found.spec.ports ?? []).map((each) => each.port);
  if (!ports.includes(port)) {
    throw new IsthmusError('INVALID_FILE', `Service ${key} of ${cluster} has no port ${port}`, {
      field: 'spec.target.port',
      next: `Name one of its ports: ${ports.join(', ') || 'it has none'}.`,
    });
  }
  const { clusterIP } = found.spec;
  if (clusterIP === undefined || clusterIP === '' || clusterIP === 'None') {
    throw new IsthmusError('INVALID_FILE', `Service ${key} of ${cluster} has no address`, {
      field: 'spec.target.service',
      next: 'Name a Service with a clusterIP: a drill enters through the Service address.',
    });
  }
  return clusterIP;
}

function expectCluster(field: string, cluster: string, known: readonly string[]): void {
  if (known.includes(cluster)) return;
  throw new IsthmusError('INVALID_FILE', `${field}: there is no cluster "${cluster}"`, {
    field,
    next:
      known.length > 0 ? `Name one of ${known.join(', ')}.` : 'Name a kubeconfig with clusters.',
  });
}
