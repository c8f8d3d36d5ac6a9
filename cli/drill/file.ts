/**
 * Reading a drill file: every problem at once, each with its path.
 */
import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import { describeError, IsthmusError } from '#core/errors.ts';
import { type FailoverDrill, failoverDrill } from '#kube/resources/failover-drill.ts';

/** Longest value shown in a message. */
const FOUND_CHARS_MAX = 80;

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
  const content = contentOf(text, path);
  const parsed = failoverDrill.safeParse(content);
  if (parsed.success) return checkNames(parsed.data, path);
  const problems = parsed.error.issues.map((issue) => {
    const keys = issue.code === 'unrecognized_keys' ? issue.keys : [];
    const field = fieldPath([...issue.path, ...keys.slice(0, 1)]) || 'the document';
    return {
      field,
      text:
        keys.length > 0
          ? `${field} is not a known field`
          : `${field}: ${issue.message}${foundText(content, issue.path)}`,
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

function contentOf(text: string, path: string): unknown {
  try {
    const document = parseDocument(text);
    const [syntax] = document.errors;
    if (syntax?.code === 'MULTIPLE_DOCS')
      throw new Error('it holds several documents, a drill is one');
    if (syntax) throw syntax;
    // Aliases are followed here, and some lead nowhere or to more than fits.
    return document.toJS();
  } catch (error) {
    throw new IsthmusError('INVALID_FILE', `${path}: ${describeError(error)}`, { field: path });
  }
}

/** What stands in the file at `path`, where that is a plain value. */
function foundText(content: unknown, path: readonly PropertyKey[]): string {
  const value = path.reduce<unknown>(
    (within, key) =>
      typeof within === 'object' && within !== null ? Reflect.get(within, key) : undefined,
    content,
  );
  if (value === undefined || (typeof value === 'object' && value !== null)) return '';
  const shown = JSON.stringify(value);
  return `, found ${shown.length > FOUND_CHARS_MAX ? `${shown.slice(0, FOUND_CHARS_MAX)}…` : shown}`;
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
