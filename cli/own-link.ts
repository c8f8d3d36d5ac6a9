/**
 * Which Link of a cluster is the one that `isthmus link` makes for a peer: it has the peer's name, and names the peer. pure
 *
 * A Link of that name that names another cluster is another link, and one of another name is somebody else's: neither is
 * overwritten or deleted in its place.
 */
import { IsthmusError } from '#core/errors.ts';
import { SYSTEM_NAMESPACE } from '#core/names.ts';
import type { Link } from '#kube/resources/link.ts';

/**
 * The Link for `peer` among `all` that the cluster of `context` has, or `undefined` where there is none. Throws
 * `CLUSTER_NAME_CONFLICT` where another Link stands in its place.
 */
export function ownLink(
  all: readonly Link[],
  peer: string,
  context: string | undefined,
): Link | undefined {
  const named = all.find((each) => each.metadata.name === peer);
  const other = all.find((each) => each.clusterName === peer && each !== named);
  const kubectl = `kubectl ${context === undefined ? '' : `--context ${context} `}-n ${SYSTEM_NAMESPACE}`;
  const where = context === undefined ? '' : `context ${context}: `;
  if (other !== undefined) {
    const { name } = other.metadata;
    throw new IsthmusError(
      'CLUSTER_NAME_CONFLICT',
      `${where}Link ${name} already names the cluster "${peer}"`,
      {
        field: 'spec.clusterName',
        next: `Use it, or remove it where it was made: ${kubectl} delete link ${name}.`,
      },
    );
  }
  // One that names nobody cannot be read, and linking again puts it right.
  const claimed = named?.clusterName ?? peer;
  if (claimed === peer) return named;
  throw new IsthmusError(
    'CLUSTER_NAME_CONFLICT',
    `${where}Link ${peer} stands for the cluster "${claimed}"`,
    {
      field: 'spec.clusterName',
      next: `Give that Link another name: ${kubectl} get link ${peer} -o yaml.`,
    },
  );
}
