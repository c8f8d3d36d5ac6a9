/**
 * Which rule a byte breaks that stands where it may not. pure
 */
import { COLON, CR, HASH, HTAB, LF, LOWER, SP } from './bytes.ts';
import { FIELDS_MAX } from './limits.ts';
import type { Role, RuleCode } from './rules.ts';

const LOWER_H = 0x68;

/** In a request target. */
export function targetRule(byte: number): RuleCode {
  // A line that ends after its target is HTTP/0.9.
  if (byte === CR || byte === LF) return 'VERSION';
  if (byte === HASH) return 'TARGET_FRAGMENT';
  return byte === HTAB ? 'TARGET_SPACE' : 'TARGET_CHARACTER';
}

/** In a version, of which `matched` bytes were good. */
export function versionRule(byte: number, matched: number, role: Role): RuleCode {
  if (matched > 0 || role === 'response') return 'VERSION';
  if (byte === SP || byte === HTAB) return 'REQUEST_LINE_SPACE';
  return LOWER[byte] === LOWER_H || byte < SP ? 'VERSION' : 'TARGET_SPACE';
}

/** At the beginning of a line that does not begin as a field does; `count` fields stand before it. */
export function fieldRule(byte: number, count: number): RuleCode {
  if (byte === SP || byte === HTAB) return count === 0 ? 'WHITESPACE_BEFORE_FIELDS' : 'OBS_FOLD';
  if (byte === LF) return 'BARE_LF';
  if (byte === COLON) return 'FIELD_NAME_EMPTY';
  return count === FIELDS_MAX ? 'FIELDS_TOO_MANY' : 'FIELD_NAME_CHARACTER';
}

/** In a field name. */
export function nameRule(byte: number): RuleCode {
  if (byte === LF) return 'BARE_LF';
  return byte === SP || byte === HTAB ? 'SPACE_BEFORE_COLON' : 'FIELD_NAME_CHARACTER';
}
