/**
 * Kinds that only travel: the body of a subresource, of which nothing is kept under its own name. pure
 */

import type { ResourceDef } from '../kinds/resources.ts';
import { METADATA_FIELDS } from '../kinds/selectors.ts';
import { builtinSchema } from '../schema/builtin.ts';

/** Kind `kind` of `group`/v1, with the fields of model `model`. */
export function transient(group: string, kind: string, model = `V1${kind}`): ResourceDef {
  return {
    group,
    version: 'v1',
    plural: `${kind.toLowerCase()}s`,
    singular: kind.toLowerCase(),
    kind,
    listKind: `${kind}List`,
    shortNames: [],
    categories: [],
    namespaced: true,
    storage: '',
    schema: builtinSchema(model),
    columns: [],
    rules: {},
    fields: METADATA_FIELDS,
    subresources: [],
    custom: false,
  };
}
