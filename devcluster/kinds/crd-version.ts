/**
 * What a version of a custom resource says beside its schema: deprecation, printer columns, selectable fields. pure
 *
 * After pkg/apis/apiextensions/validation of k8s.io/apiextensions-apiserver.
 */
import { asObject, asObjects, asString, type JsonObject } from '../values/json.ts';
import { type Cause, fieldError } from '../values/status.ts';

const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const COLUMN_FORMATS = [
  'byte',
  'date',
  'date-time',
  'double',
  'float',
  'int32',
  'int64',
  'password',
];
const SELECTABLE_TYPES = ['string', 'boolean', 'integer'];
const SELECTABLE_MAX = 8;

/** What is wrong with `version`, which is at `path`. */
export function checkVersion(version: JsonObject, path: string): Cause[] {
  const causes: Cause[] = [];
  if (version.deprecationWarning !== undefined && version.deprecated !== true) {
    const why = 'can only be set for deprecated versions';
    const warning = version.deprecationWarning;
    causes.push(fieldError.invalid(`${path}.deprecationWarning`, warning, why));
  }
  asObjects(version.additionalPrinterColumns).forEach((column, index) => {
    causes.push(...checkColumn(column, `${path}.additionalPrinterColumns[${index}]`));
  });
  causes.push(...checkSelectable(version, `${path}.selectableFields`));
  return causes;
}

function checkColumn(column: JsonObject, path: string): Cause[] {
  const causes: Cause[] = [];
  const [name, type, format] = [column.name, column.type, column.format].map(asString);
  const jsonPath = asString(column.jsonPath);
  if (name === '') causes.push(fieldError.required(`${path}.name`));
  const among = (field: string, value: string | undefined, known: readonly string[]) => {
    if (value !== undefined && known.includes(value)) return;
    const why = `must be one of ${known.join(',')}`;
    causes.push(fieldError.invalid(`${path}.${field}`, value, why));
  };
  if (type === '') causes.push(fieldError.required(`${path}.type`, 'must be one of the types'));
  else among('type', type, COLUMN_TYPES);
  if (format !== '') among('format', format, COLUMN_FORMATS);
  if (jsonPath === '') causes.push(fieldError.required(`${path}.jsonPath`));
  else if (!jsonPath.startsWith('.')) {
    const why = 'must be a simple json path starting with .';
    causes.push(fieldError.invalid(`${path}.jsonPath`, jsonPath, why));
  }
  return causes;
}

function checkSelectable(version: JsonObject, path: string): Cause[] {
  const fields = asObjects(version.selectableFields);
  const schema = asObject(asObject(version.schema).openAPIV3Schema);
  const known = new Set<string>();
  const causes = fields.flatMap((item, index): Cause[] => {
    const at = `${path}[${index}].jsonPath`;
    const text = asString(item.jsonPath);
    if (text === '') return [fieldError.required(at)];
    if (known.has(text)) return [fieldError.duplicate(at, text)];
    known.add(text);
    const why = notSelectable(text, schema);
    return why === undefined ? [] : [fieldError.invalid(at, text, why)];
  });
  if (known.size > SELECTABLE_MAX) {
    const message = `Too many: ${known.size}: must have at most ${SELECTABLE_MAX} items`;
    causes.push({ reason: 'FieldValueTooMany', field: path, message });
  }
  return causes;
}

/** Why the field at `text` is none that objects can be selected by. */
function notSelectable(text: string, schema: JsonObject): string | undefined {
  if (!/^(\.[A-Za-z_$][\w$-]*)+$/.test(text)) return 'is an invalid path: must be a path of fields';
  const steps = text.slice(1).split('.');
  if (steps[0] === 'metadata') return 'must not point to fields in metadata';
  let node = schema;
  for (const step of steps) {
    const next = asObject(node.properties)[step];
    if (next === undefined) return 'is an invalid path: does not refer to a valid field';
    node = asObject(next);
  }
  return SELECTABLE_TYPES.includes(asString(node.type))
    ? undefined
    : 'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.';
}
