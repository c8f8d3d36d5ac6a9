/**
 * Where the components of a cluster are dialled, as its API server knows.
 */
import { IDENTITY_SERVICE, SYSTEM_NAMESPACE } from '#core/names.ts';
import type { Address } from '#core/network.ts';
import type { Kit } from '../controllers/kit.ts';
import { PODS } from '../controllers/replica-sets.ts';
import { labelPredicate } from '../kinds/selectors.ts';
import { tcpPorts } from '../pods/pod-status.ts';
import {
  asNumber,
  asObjects,
  asString,
  at,
  type KubeObject,
  labelsOf,
  namespaceOf,
} from '../values/json.ts';
import type { Dialled } from './pair.ts';

/** What says where somebody is, beside Pods. */
export const LINKS = 'links.isthmus.dev';
export const SERVICES = 'services';

/** Every address at which `to` is dialled now. */
export function addressesOf(
  cluster: { readonly kit: Kit; readonly apiServer: Address },
  to: Dialled,
): Address[] {
  const { kit, apiServer } = cluster;
  if (to.component === 'apiServer') return [apiServer];
  if (to.component === 'pods') {
    const selected = labelPredicate(to.selector ?? '');
    return podAddresses(kit, to.namespace ?? '', (pod) => selected?.(pod) ?? true);
  }
  if (to.cluster !== undefined) return linkedGateways(kit, to.cluster);
  const own = podAddresses(
    kit,
    SYSTEM_NAMESPACE,
    (pod) => labelsOf(pod)['app.kubernetes.io/component'] === to.component,
  );
  return to.component === 'identity' ? [...own, ...identityService(kit)] : own;
}

function podAddresses(kit: Kit, namespace: string, is: (pod: KubeObject) => boolean): Address[] {
  return kit.store
    .list(PODS, namespace)
    .filter((pod) => namespaceOf(pod) === namespace && is(pod))
    .flatMap((pod) => {
      const host = asString(at(pod, 'status', 'podIP'));
      return host === '' ? [] : tcpPorts(pod).map((port) => ({ host, port }));
    });
}

/** Components dial identity by the address of its Service. */
function identityService(kit: Kit): Address[] {
  const service = kit.store.get(SERVICES, SYSTEM_NAMESPACE, IDENTITY_SERVICE);
  const host = asString(at(service, 'spec', 'clusterIP'));
  if (host === '') return [];
  return asObjects(at(service, 'spec', 'ports')).map((each) => ({
    host,
    port: asNumber(each.port),
  }));
}

/** As the Links to `cluster` say, and as its gateways have announced since. */
function linkedGateways(kit: Kit, cluster: string): Address[] {
  return kit.store
    .list(LINKS, SYSTEM_NAMESPACE)
    .filter((link) => at(link, 'spec', 'clusterName') === cluster)
    .flatMap((link) => [
      ...asObjects(at(link, 'spec', 'gateways')),
      ...asObjects(at(link, 'status', 'gateways')),
    ])
    .map((each) => ({ host: asString(each.host), port: asNumber(each.port) }));
}
