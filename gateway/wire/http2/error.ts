/**
 * What can be wrong with what a peer sends, by rule, with the code RFC 9113 demands.
 *
 * A rule is broken either by a stream, which is reset, or by the connection, which ends with a GOAWAY.
 * Which of the two is said where the rule is checked. Sections are those of RFC 9113 unless said.
 */
import { IsthmusError } from '#core/errors.ts';
import { H2_CODE } from './frames.ts';

export const H2_RULES = {
  PREFACE: rule(H2_CODE.PROTOCOL_ERROR, '3.4'),
  FRAME_SIZE: rule(H2_CODE.FRAME_SIZE_ERROR, '4.2'),
  HEADER_BLOCK: rule(H2_CODE.COMPRESSION_ERROR, '4.3'),
  BLOCK_INTERRUPTED: rule(H2_CODE.PROTOCOL_ERROR, '6.10'),
  CONTINUATION_PLACE: rule(H2_CODE.PROTOCOL_ERROR, '6.10'),
  STREAM_ID: rule(H2_CODE.PROTOCOL_ERROR, '5.1.1'),
  SELF_DEPENDENCY: rule(H2_CODE.PROTOCOL_ERROR, '5.3.1 of RFC 7540'),
  STREAM_IDLE: rule(H2_CODE.PROTOCOL_ERROR, '5.1'),
  STREAM_CLOSED: rule(H2_CODE.STREAM_CLOSED, '5.1'),
  STREAM_LIMIT: rule(H2_CODE.REFUSED_STREAM, '5.1.2'),
  LEAVING: rule(H2_CODE.REFUSED_STREAM, '6.8'),
  PADDING: rule(H2_CODE.PROTOCOL_ERROR, '6.1'),
  PUSH: rule(H2_CODE.PROTOCOL_ERROR, '8.4'),
  SETTING_VALUE: rule(H2_CODE.PROTOCOL_ERROR, '6.5.2'),
  SETTING_WINDOW: rule(H2_CODE.FLOW_CONTROL_ERROR, '6.5.2'),
  SETTING_ACK: rule(H2_CODE.PROTOCOL_ERROR, '6.5.3'),
  WINDOW_ZERO: rule(H2_CODE.PROTOCOL_ERROR, '6.9'),
  WINDOW_OVERFLOW: rule(H2_CODE.FLOW_CONTROL_ERROR, '6.9.1'),
  WINDOW_EXCEEDED: rule(H2_CODE.FLOW_CONTROL_ERROR, '6.9.1'),
  TRAILERS_END: rule(H2_CODE.PROTOCOL_ERROR, '8.1'),
  TRAILERS_CONNECT: rule(H2_CODE.PROTOCOL_ERROR, '8.5'),
  DATA_BEFORE_HEADERS: rule(H2_CODE.PROTOCOL_ERROR, '8.1'),
  INTERIM_END: rule(H2_CODE.PROTOCOL_ERROR, '8.1'),
  CONTENT_LENGTH: rule(H2_CODE.PROTOCOL_ERROR, '8.1.1'),
  FIELD_NAME: rule(H2_CODE.PROTOCOL_ERROR, '8.2.1'),
  FIELD_VALUE: rule(H2_CODE.PROTOCOL_ERROR, '8.2.1'),
  FIELD_CONNECTION: rule(H2_CODE.PROTOCOL_ERROR, '8.2.2'),
  FIELD_TE: rule(H2_CODE.PROTOCOL_ERROR, '8.2.2'),
  FIELD_LENGTH: rule(H2_CODE.PROTOCOL_ERROR, '8.6 of RFC 9110'),
  FIELD_HOST: rule(H2_CODE.PROTOCOL_ERROR, '8.3.1'),
  PSEUDO_ORDER: rule(H2_CODE.PROTOCOL_ERROR, '8.3'),
  PSEUDO_UNKNOWN: rule(H2_CODE.PROTOCOL_ERROR, '8.3'),
  PSEUDO_REPEATED: rule(H2_CODE.PROTOCOL_ERROR, '8.3'),
  PSEUDO_MISSING: rule(H2_CODE.PROTOCOL_ERROR, '8.3.1'),
  PSEUDO_VALUE: rule(H2_CODE.PROTOCOL_ERROR, '8.3.1'),
  PSEUDO_CONNECT: rule(H2_CODE.PROTOCOL_ERROR, '8.5'),
  PSEUDO_PROTOCOL: rule(H2_CODE.PROTOCOL_ERROR, '4 of RFC 8441'),
  LIST_SIZE: rule(H2_CODE.ENHANCE_YOUR_CALM, '10.5.1'),
  BLOCK_SIZE: rule(H2_CODE.ENHANCE_YOUR_CALM, '10.5.1'),
  FLOOD_CONTINUATION: rule(H2_CODE.ENHANCE_YOUR_CALM, '10.5'),
  FLOOD_RESETS: rule(H2_CODE.ENHANCE_YOUR_CALM, '10.5'),
  FLOOD_PROVOKED: rule(H2_CODE.ENHANCE_YOUR_CALM, '10.5'),
  FLOOD_SETTINGS: rule(H2_CODE.ENHANCE_YOUR_CALM, '10.5'),
  FLOOD_PING: rule(H2_CODE.ENHANCE_YOUR_CALM, '10.5'),
  FLOOD_EMPTY: rule(H2_CODE.ENHANCE_YOUR_CALM, '10.5'),
  FLOOD_WINDOW: rule(H2_CODE.ENHANCE_YOUR_CALM, '10.5'),
  FLOOD_IGNORED: rule(H2_CODE.ENHANCE_YOUR_CALM, '10.5'),
  FLOOD_INTERIM: rule(H2_CODE.ENHANCE_YOUR_CALM, '10.5'),
  OUTPUT_QUEUE: rule(H2_CODE.ENHANCE_YOUR_CALM, '10.5'),
} as const satisfies Record<string, H2RuleEntry>;

/** Code and section of a rule. */
export interface H2RuleEntry {
  /** Error code of RFC 9113, section 7. */
  readonly code: number;
  readonly section: string;
}

/** A rule of {@link H2_RULES}. */
export type H2Rule = keyof typeof H2_RULES;

/** A connection that broke `rule`; {@link h2Code} went out in the GOAWAY. */
export class Http2Error extends IsthmusError {
  readonly rule: H2Rule;
  readonly h2Code: number;

  constructor(broken: H2Rule, cause?: unknown) {
    const { code, section } = H2_RULES[broken];
    super(
      code === H2_CODE.ENHANCE_YOUR_CALM ? 'OVERLOADED' : 'BAD_REQUEST',
      `HTTP/2 peer broke ${broken} (RFC 9113 section ${section})`,
      { cause },
    );
    this.name = 'Http2Error';
    this.rule = broken;
    this.h2Code = code;
  }
}

function rule(code: number, section: string): H2RuleEntry {
  return { code, section };
}
