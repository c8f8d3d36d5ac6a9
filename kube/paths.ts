/**
 * Where the resources of an API server are found: paths and queries. pure
 */
import type { Resource, Selection } from './client.ts';
import type { KubeObject } from './types.ts';

/** `/api/v1/...` or `/apis/group/version/...`. */
export function pathOf<T extends KubeObject>(
  resource: Resource<T>,
  namespace?: string,
  name?: string,
): string {
  const base =
    resource.group === ''
      ? `/api/${resource.version}`
      : `/apis/${resource.group}/${resource.version}`;
  const scope =
    resource.namespaced && namespace !== undefined
      ? `/namespaces/${encodeURIComponent(namespace)}`
      : '';
  const leaf = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  return `${base}${scope}/${resource.plural}${leaf}`;
}

/** `selection` and `more` as a query string, without what is not set. */
export function queryOf(
  selection: Selection,
  more: Readonly<Record<string, string | number | undefined>>,
): string {
  const query = new URLSearchParams();
  if (selection.labelSelector !== undefined) query.set('labelSelector', selection.labelSelector);
  if (selection.fieldSelector !== undefined) query.set('fieldSelector', selection.fieldSelector);
  for (const [name, value] of Object.entries(more)) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.toString();
}
