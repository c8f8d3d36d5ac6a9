/**
 * The logger every component is given; what writes the lines is decided in `runtime/log.ts`.
 *
 * Fields must never hold a secret: no token, key, header value or body.
 */

/** Structured facts beside a message. */
export type LogFields = Readonly<Record<string, unknown>>;

/** A sink for lines with a level. Never throws. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every line. */
  with(fields: LogFields): Logger;
}

const ignore = () => undefined;

/** Discards everything; for tests and pure callers. */
export const silentLogger: Logger = {
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  with: () => silentLogger,
};
