/**
 * Values that a real server cannot even decode: refused as a whole, not as a field of their kind. pure
 */
import { asString, type Json } from '../values/json.ts';
import { type ApiError, badRequest } from '../values/status.ts';

/** metav1.MicroTime has six digits after the second, no more and no less. */
export function checkMicroTime(kind: string, value: Json | undefined): void {
  const text = asString(value);
  if (text === '' || /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$/.test(text)) return;
  const layout = '2006-01-02T15:04:05.000000Z07:00';
  const why = `parsing time ${JSON.stringify(text)} as "${layout}": cannot parse`;
  throw unreadable(kind, why);
}

/** The refusal of a body of `kind` that cannot be decoded. */
function unreadable(kind: string, why: string): ApiError {
  return badRequest(`${kind} in version "v1" cannot be handled as a ${kind}: ${why}`);
}
