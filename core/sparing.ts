/**
 * A log for what others cause, who may do so again and again: some lines are told, and with the next how many were not.
 */
import { Bucket, type Rate } from './bucket.ts';
import type { Clock } from './clock.ts';
import type { LogFields, Logger } from './log.ts';

/** Lines above `debug` of one such log. */
export const LINES_OF_OTHERS: Rate = { burst: 20, perSecond: 0.2 };

/** `log`, sparing of lines; the field `untold` says how many are missing. */
export function sparing(log: Logger, clock: Clock): Logger {
  const bucket = new Bucket(LINES_OF_OTHERS);
  let untold = 0;
  const tell = (level: 'info' | 'warn' | 'error') => (message: string, fields?: LogFields) => {
    if (!bucket.take(clock.monotonicMs())) {
      untold += 1;
      return;
    }
    log[level](message, untold === 0 ? fields : { ...fields, untold });
    untold = 0;
  };
  return {
    debug: (message, fields) => log.debug(message, fields),
    info: tell('info'),
    warn: tell('warn'),
    error: tell('error'),
    with: (fields) => sparing(log.with(fields), clock),
  };
}
