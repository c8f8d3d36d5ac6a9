/**
 * The logger of a process: JSON lines on standard error, by pino.
 *
 * Writes are synchronous, so that the last line before an exit is never lost, and a reader that went
 * away never ends the process. Callers pass no secrets (`core/log.ts`), so nothing is redacted here.
 */
import pino from 'pino';
import { describeError } from '#core/errors.ts';
import type { LogFields, Logger } from '#core/log.ts';

/** Levels of ISTHMUS_LOG_LEVEL, the quietest last. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A logger that writes lines of at least `level` to the file descriptor `fd`, 2 unless told. */
export function createLogger(component: string, level: LogLevel, fd = 2): Logger {
  const destination = pino.destination({ fd, sync: true });
  // A broken pipe: whoever read the log is gone, and there is nobody left to tell.
  destination.on('error', () => undefined);
  const root = pino(
    {
      level,
      base: { component },
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: 'message',
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return wrap(root);
}

function wrap(target: pino.Logger): Logger {
  return {
    debug: (message, fields) => target.debug(readable(fields), message),
    info: (message, fields) => target.info(readable(fields), message),
    warn: (message, fields) => target.warn(readable(fields), message),
    error: (message, fields) => target.error(readable(fields), message),
    with: (fields) => wrap(target.child(readable(fields))),
  };
}

/** Errors become one line each; pino would print a stack, or `{}` below a key it does not know. */
function readable(fields: LogFields = {}): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      value instanceof Error ? describeError(value) : value,
    ]),
  );
}
