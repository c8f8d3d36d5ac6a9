/**
 * What is applied, as it must be: typed, named, with fields that are known and items that have keys of their own. pure
 */
import { repeatedItems } from '../apply/repeated.ts';
import type { ResourceDef } from '../kinds/resources.ts';
import type { JsonObject, KubeObject } from '../values/json.ts';
import { badRequest } from '../values/status.ts';
import { checkType, untyped } from './admission.ts';
import { decodeBody } from './decode-body.ts';
import { checkName } from './object-parts.ts';

/** `config` as an object of `def` called `name`; throws 400 and 500 ApiErrors, as the real server does. */
export function readApplied(
  def: ResourceDef,
  namespace: string,
  name: string,
  config: JsonObject,
): KubeObject {
  checkType(def, config);
  const unknown: string[] = [];
  const decoded = decodeBody(def, namespace, config, 'Warn', unknown);
  const complaints = unknown.map((each) => {
    return `.${/"(.*)"/.exec(each)?.[1] ?? ''}: field not declared in schema`;
  });
  complaints.push(...repeatedItems(def.schema, decoded));
  if (complaints.length > 0) throw untyped(def, namespace, name, complaints);
  if (decoded.metadata.managedFields !== undefined) {
    throw badRequest('metadata.managedFields must be nil');
  }
  decoded.metadata.name ??= name;
  checkName(decoded, name);
  return decoded;
}
