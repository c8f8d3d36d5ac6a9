/**
 * The rules of the HTTP/1.1 codec: why a message is refused, and which section says so. pure
 *
 * One name for one reason, so that tests, metrics and the fuzzer's report speak of the same thing.
 * Where an RFC lets a recipient be lenient (repair, ignore) we refuse: what two programs read
 * differently is what request smuggling is made of.
 */
import { type ErrorCode, IsthmusError } from '#core/errors.ts';

/** What a rule says and where it comes from. */
export interface Rule {
  /** Number of the RFC. */
  readonly rfc: 3986 | 9110 | 9112;
  readonly section: string;
  /** Code for a request; a response is `UPSTREAM_PROTOCOL`. */
  readonly error: 'BAD_REQUEST' | 'HEADERS_TOO_LARGE';
  readonly text: string;
}

export const RULES = {
  LEADING_EMPTY_LINES: rule(9112, '2.2', 'too many empty lines before a start line'),
  BARE_CR: rule(9112, '2.2', 'a CR that no LF follows'),
  BARE_LF: rule(9112, '2.2', 'an LF that no CR precedes'),
  WHITESPACE_BEFORE_FIELDS: rule(9112, '2.2', 'white space between start line and first field'),
  START_LINE_TOO_LONG: large(9112, '3', 'the start line passes the limit'),
  METHOD_CHARACTER: rule(9112, '3.1', 'the method is no token'),
  METHOD_UNKNOWN: rule(9110, '9.1', 'the method is not one the gateway knows'),
  REQUEST_LINE_SPACE: rule(9112, '3', 'more than one space between the parts of a request line'),
  TARGET_SPACE: rule(9112, '3.2', 'white space in the request target'),
  TARGET_CHARACTER: rule(3986, '2', 'a byte that no URI may hold in the request target'),
  TARGET_FRAGMENT: rule(9110, '7.1', 'a fragment in the request target'),
  TARGET_ASTERISK: rule(9112, '3.2.4', 'asterisk-form with a method other than OPTIONS'),
  TARGET_AUTHORITY: rule(9112, '3.2.3', 'CONNECT without authority-form'),
  TARGET_FORM: rule(9112, '3.2', 'the target is of no form that its method allows'),
  TARGET_HOST_MISMATCH: rule(9112, '3.2', 'absolute-form and Host name different authorities'),
  VERSION: rule(9112, '2.3', 'neither HTTP/1.0 nor HTTP/1.1'),
  STATUS_CODE: rule(9110, '15', 'the status is not three digits from 100 to 599'),
  REASON_CHARACTER: rule(9112, '4', 'a control character in the reason phrase'),
  FIELD_NAME_EMPTY: rule(9110, '5.1', 'a field without a name'),
  FIELD_NAME_CHARACTER: rule(9110, '5.1', 'a field name that is no token'),
  SPACE_BEFORE_COLON: rule(9112, '5.1', 'white space between field name and colon'),
  OBS_FOLD: rule(9112, '5.2', 'a field continued on the next line'),
  FIELD_VALUE_CHARACTER: rule(9110, '5.5', 'a control character in a field value'),
  FIELDS_TOO_MANY: large(9110, '5.4', 'more fields than the limit'),
  HEAD_TOO_LARGE: large(9110, '5.4', 'the head passes the limit'),
  HOST_MISSING: rule(9112, '3.2', 'an HTTP/1.1 request without Host'),
  HOST_REPEATED: rule(9112, '3.2', 'more than one Host'),
  HOST_INVALID: rule(9112, '3.2', 'Host is not a name or address with an optional port'),
  CONTENT_LENGTH_INVALID: rule(9110, '8.6', 'Content-Length is not a number within the limit'),
  CONTENT_LENGTH_REPEATED: rule(9110, '8.6', 'more than one Content-Length, even if they agree'),
  CONTENT_LENGTH_FORBIDDEN: rule(9110, '8.6', 'a length where there can be no content'),
  LENGTH_AND_TRANSFER_ENCODING: rule(9112, '6.1', 'both Content-Length and Transfer-Encoding'),
  TRANSFER_ENCODING_UNKNOWN: rule(9112, '6.1', 'a transfer coding other than chunked'),
  TRANSFER_ENCODING_REPEATED: rule(9112, '6.1', 'a transfer coding applied more than once'),
  CHUNKED_NOT_LAST: rule(9112, '6.3', 'chunked is not the last transfer coding'),
  TRANSFER_ENCODING_VERSION: rule(9112, '6.1', 'Transfer-Encoding in an HTTP/1.0 message'),
  TRANSFER_ENCODING_FORBIDDEN: rule(9112, '6.1', 'Transfer-Encoding where there is no content'),
  CONNECT_CONTENT: rule(9110, '9.3.6', 'CONNECT with content'),
  CHUNK_SIZE_INVALID: rule(9112, '7.1', 'a chunk size that is not hexadecimal digits alone'),
  CHUNK_SIZE_OVERFLOW: rule(9112, '7.1', 'a chunk size beyond what can be counted'),
  CHUNK_EXTENSION_INVALID: rule(9112, '7.1.1', 'a malformed chunk extension'),
  CHUNK_EXTENSION_TOO_LONG: rule(9112, '7.1.1', 'chunk extensions pass the limit'),
  CHUNK_END: rule(9112, '7.1', 'no CRLF after the data of a chunk'),
  TRAILER_FORBIDDEN: rule(9110, '6.5.1', 'a trailer field that frames, routes or authenticates'),
  TRAILER_TOO_LARGE: large(9110, '5.4', 'the trailer section passes the limit'),
  DATA_AFTER_CLOSE: rule(9112, '9.6', 'bytes after the last message of a connection'),
  RESPONSE_UNEXPECTED: rule(9112, '9.2', 'a response that no request asked for'),
  SWITCH_UNASKED: rule(9110, '7.8', '101 to a request that asked for no upgrade'),
  SWITCH_UNNAMED: rule(9110, '15.2.2', '101 that does not name the protocol it switches to'),
  EARLY_END: rule(9112, '8', 'the connection ended inside a message'),
} as const satisfies Record<string, Rule>;

/** A name of the table. */
export type RuleCode = keyof typeof RULES;

/** Which direction of a connection: what a client sends, or what a server sends. */
export type Role = 'request' | 'response';

/** A message that breaks a rule. The connection cannot be read any further. */
export class Http1Refusal extends IsthmusError {
  readonly rule: RuleCode;

  constructor(code: RuleCode, role: Role) {
    const { rfc, section, text } = RULES[code];
    super(errorOf(code, role), `${code}: ${text} (RFC ${rfc} section ${section})`);
    this.name = 'Http1Refusal';
    this.rule = code;
  }
}

function errorOf(code: RuleCode, role: Role): ErrorCode {
  if (role === 'request') return RULES[code].error;
  return code === 'EARLY_END' ? 'UPSTREAM_RESET' : 'UPSTREAM_PROTOCOL';
}

function rule(rfc: Rule['rfc'], section: string, text: string): Rule {
  return { rfc, section, error: 'BAD_REQUEST', text };
}

function large(rfc: Rule['rfc'], section: string, text: string): Rule {
  return { rfc, section, error: 'HEADERS_TOO_LARGE', text };
}
