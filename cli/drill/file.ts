/**
 * Reading a drill file: every problem at once, each with its path.
 */
import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import { describeError, IsthmusError } from '#core/errors.ts';
import { type FailoverDrill, failoverDrill } from '#kube/resources/failover-drill.ts';

/** The drill in `path`. Throws `INVALID_FILE` with every field that is wrong. */
export function readDrill(path: string): FailoverDrill {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new IsthmusError('INVALID_FILE', `cannot read ${path}: ${describeError(error)}`, {
      field: path,
      next: 'Name a drill file, such as manifests/drills/local-outage.yaml.',
    });
  }
  return parseDrill(text, path);
}

/** The drill in `text`; `path` is for messages. Throws `INVALID_FILE`. */
export function parseDrill(text: string, path: string): FailoverDrill {
  const document = parseDocument(text);
  const [syntax] = document.errors;
  if (syntax) throw new IsthmusError('INVALID_FILE', `${path}: ${syntax.message}`, { field: path });
  const parsed = failoverDrill.safeParse(document.toJS());
  if (parsed.success) return checkNames(parsed.data, path);
  const problems = parsed.error.issues.map((issue) => {
    const keys = issue.code === 'unrecognized_keys' ? issue.keys : [];
    const field = fieldPath([...issue.path, ...keys.slice(0, 1)]) || 'the document';
    return {
      field,
      text: keys.length > 0 ? `${field} is not a known field` : `${field}: ${issue.message}`,
    };
  });
  throw new IsthmusError(
    'INVALID_FILE',
    `${path}: ${problems.map((each) => each.text).join('; ')}`,
    {
      field: problems[0]?.field,
    },
  );
}

function checkNames(drill: FailoverDrill, path: string): FailoverDrill {
  const names = drill.spec.steps.map((each) => each.name);
  const twice = names.findIndex((name, at) => names.indexOf(name) !== at);
  if (twice < 0) return drill;
  const field = `spec.steps[${twice}].name`;
  throw new IsthmusError('INVALID_FILE', `${path}: ${field} "${names[twice]}" is used twice`, {
    field,
  });
}

function fieldPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (before, key) =>
      typeof key === 'number'
        ? `${before}[${key}]`
        : before
          ? `${before}.${String(key)}`
          : String(key),
    '',
  );
}
