/**
 * What the log of a child process says of its failures.
 */
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';

/** A line that tells of a failure: JSON as logs are, or `CODE: message`. */
export interface LoggedFailure {
  readonly code: string | undefined;
  readonly field: string | undefined;
  readonly message: string;
}

const jsonLine = z.object({
  message: z.string(),
  code: z.string().optional(),
  field: z.string().optional(),
});
/** Of a line of somebody else's, this much is shown. */
const FOREIGN_CHARS_MAX = 200;

/** The lines of the log, the newest last; none when nothing was written. */
export function logLines(path: string): readonly string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
}

/** What `line` says. */
export function failureIn(line: string): LoggedFailure {
  const parsed = jsonLine.safeParse(parseJson(line)).data;
  if (parsed) return { code: undefined, field: undefined, ...parsed };
  const [, code, message] = /^([A-Z_]+): (.*)$/.exec(line) ?? [];
  return { code, field: undefined, message: message ?? line.slice(0, FOREIGN_CHARS_MAX) };
}

/** JSON, or `undefined` of a line of somebody else's. */
export function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // It is shown as it is, or passed over.
    return undefined;
  }
}
