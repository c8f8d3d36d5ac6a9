/**
 * How findings are put: what they are about, and which Link mentions them. pure
 */
import type { Resource } from '#kube/client.ts';
import { apiVersionOf, links } from '#kube/resources/builtin.ts';
import type { Link } from '#kube/resources/link.ts';
import type { KubeObject, ObjectReference } from '#kube/types.ts';
import type { Finding } from './input.ts';

/** A warning about `link`, which its conditions mention as well. */
export function linkFinding(link: Link, reason: string, message: string): Finding {
  const about = referenceTo(links, link);
  return { about, link: link.metadata.name, type: 'Warning', reason, message };
}

/** What an Event about `object` refers to. */
export function referenceTo<T extends KubeObject>(
  resource: Resource<T>,
  { metadata: { name, namespace, uid } }: Pick<T, 'metadata'>,
): ObjectReference {
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
  };
}
