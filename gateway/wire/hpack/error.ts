/**
 * What can be wrong with a header block, by rule (RFC 7541), and the error that says so.
 *
 * A decoder that has thrown is out of step with its peer for good: RFC 9113 section 4.3 makes every one
 * of these a connection error COMPRESSION_ERROR.
 */
import { IsthmusError } from '#core/errors.ts';

/** The rules of RFC 7541 a block can break; the section that holds each. */
export const HPACK_RULES = {
  /** Section 5.1: an integer ends before it is complete. */
  INTEGER_TRUNCATED: '5.1',
  /** Section 5.1: an integer beyond what an implementation takes. */
  INTEGER_OVERFLOW: '5.1',
  /** Section 5.2: a string is longer than what is left of the block. */
  STRING_TRUNCATED: '5.2',
  /** Section 5.2: padding of eight bits or more, or not of ones. */
  HUFFMAN_PADDING: '5.2',
  /** Section 5.2: the end-of-string symbol inside a string. */
  HUFFMAN_EOS: '5.2',
  /** Section 6.1: index 0. */
  INDEX_ZERO: '6.1',
  /** Section 2.3.3: an index beyond both tables. */
  INDEX_RANGE: '2.3.3',
  /** Section 4.2: a size update after the first field of a block, or a third one before it. */
  SIZE_UPDATE_PLACE: '4.2',
  /** Section 6.3: a size above the one announced in SETTINGS. */
  SIZE_UPDATE_RANGE: '6.3',
  /** Section 4.2: a lowered SETTINGS_HEADER_TABLE_SIZE was acknowledged without a size update. */
  SIZE_UPDATE_MISSING: '4.2',
  /** Our own: a character beyond one byte cannot be sent. */
  CHARACTER: '5.2',
} as const;

/** A rule of {@link HPACK_RULES}. */
export type HpackRule = keyof typeof HPACK_RULES;

/** A block, or a header to be sent, that breaks `rule`. */
export class HpackError extends IsthmusError {
  readonly rule: HpackRule;

  constructor(rule: HpackRule) {
    super('BAD_REQUEST', `header block refused: ${rule} (RFC 7541 section ${HPACK_RULES[rule]})`);
    this.name = 'HpackError';
    this.rule = rule;
  }
}
