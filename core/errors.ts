/**
 * The one table of failures: code → HTTP status, gRPC status, retryable, the operator's next step.
 *
 * Match on `code`, never on a message. `docs/errors.md` is held equal to this table by a test.
 */

/** What a code means to a client and to an operator. */
export interface ErrorEntry {
  /** Status a gateway answers with; 0 where no HTTP answer exists. */
  readonly http: number;
  /** gRPC status code (https://grpc.github.io/grpc/core/md_doc_statuscodes.html). */
  readonly grpc: number;
  /** Whether a client may repeat an idempotent request as it is. */
  readonly retryable: boolean;
  /** What the operator does next. */
  readonly next: string;
}

export const ERRORS = {
  NO_ENDPOINT: entry(
    503,
    14,
    true,
    'Check that the service has ready pods in some linked cluster: isthmus services.',
  ),
  UPSTREAM_CONNECT: entry(
    502,
    14,
    true,
    'The endpoint refused or did not accept the connection: check the pod and its port.',
  ),
  UPSTREAM_RESET: entry(
    502,
    14,
    true,
    'The endpoint closed the connection before answering: check the pod for crashes.',
  ),
  UPSTREAM_PROTOCOL: entry(
    502,
    13,
    false,
    'The endpoint did not speak the expected protocol: check appProtocol of the Service port.',
  ),
  DEADLINE_EXCEEDED: entry(
    504,
    4,
    true,
    'The request ran out of time: check latency of the service, or allow more time.',
  ),
  TUNNEL_LOST: entry(
    502,
    14,
    true,
    'The tunnel to the peer broke: check the Link and the peer gateway.',
  ),
  PEER_UNREACHABLE: entry(
    503,
    14,
    true,
    'No tunnel to the peer is up: check the addresses in the Link and the network between the gateways.',
  ),
  LOOP_DETECTED: entry(
    508,
    9,
    false,
    'The request already passed this cluster: look for a mirror that was exported again.',
  ),
  UNKNOWN_TARGET: entry(
    404,
    5,
    false,
    'The peer asked for a service that is not exported here: check its ServiceExport.',
  ),
  NOT_AUTHORIZED: entry(
    403,
    7,
    false,
    'The caller may not use this: check the Link, trust domain and policies.',
  ),
  BAD_REQUEST: entry(400, 3, false, 'The request is malformed: fix the client.'),
  METHOD_REFUSED: entry(
    405,
    12,
    false,
    'CONNECT is not served to clients: dial the Service port directly.',
  ),
  BODY_TOO_LARGE: entry(413, 8, false, 'The body passes the limit: send less, or raise the limit.'),
  HEADERS_TOO_LARGE: entry(
    431,
    8,
    false,
    'The header section passes the limit: send fewer or smaller headers.',
  ),
  OVERLOADED: entry(
    503,
    14,
    true,
    'A limit of the gateway was reached: add replicas or lower the load.',
  ),
  RATE_LIMITED: entry(
    429,
    8,
    true,
    'More requests came than the TrafficPolicy of the service allows: send fewer, or raise limits.requestsPerSecond.',
  ),
  SHUTTING_DOWN: entry(503, 14, true, 'The gateway is leaving: the client should connect again.'),
  INTERNAL: entry(
    500,
    13,
    false,
    'This is a defect of Isthmus: report it with the log line that has this code.',
  ),
  PROTOCOL_MISMATCH: entry(
    0,
    9,
    false,
    'The two gateways share no protocol version: upgrade the older cluster.',
  ),
  TRUST_BUNDLE_INVALID: entry(
    0,
    3,
    false,
    "Put the peer's PEM certificates into the field: isthmus link A B --dry-run prints them.",
  ),
  IDENTITY_REFUSED: entry(
    403,
    7,
    false,
    'The token or the certificate request was refused: check the service account and audience.',
  ),
  CERTIFICATE_INVALID: entry(
    0,
    3,
    false,
    'The certificate or request cannot be used: see the message for the reason.',
  ),
  INVALID_CONFIG: entry(0, 3, false, 'Fix the setting named in the message and start again.'),
  INVALID_FILE: entry(0, 3, false, 'Fix the field named in the message.'),
  USAGE: entry(0, 3, false, 'See --help.'),
  CLUSTER_UNREACHABLE: entry(
    0,
    14,
    true,
    'Check that the cluster runs and that the kubeconfig context points to it.',
  ),
  CLUSTER_NAME_CONFLICT: entry(0, 6, false, 'Give the clusters different names and link again.'),
  NOT_INSTALLED: entry(
    0,
    9,
    false,
    'Install Isthmus in the cluster first: kubectl apply -k manifests/install.',
  ),
  NOT_LINKED: entry(0, 5, false, 'Link the clusters first: isthmus link A B.'),
  TIMED_OUT: entry(
    0,
    4,
    true,
    'See which condition is not met in the message, then wait longer or fix it.',
  ),
  ADDRESS_IN_USE: entry(
    0,
    6,
    false,
    'Another program, or an earlier run, holds the address: stop it and start again.',
  ),
  NETWORK_EXHAUSTED: entry(
    0,
    8,
    false,
    'No loopback port is left for the mapped network: stop other embedded clusters.',
  ),
  INTERRUPTED: entry(0, 1, true, 'Run the command again to finish what it had begun.'),
  OUTPUT_FAILED: entry(
    0,
    15,
    false,
    'Not all that the command said was written: free space, or write elsewhere.',
  ),
  API_CONFLICT: entry(409, 10, true, 'Somebody else changed the object: read it again and retry.'),
  API_REFUSED: entry(
    0,
    7,
    false,
    'The API server refused the call: see its message; check the Role of the caller.',
  ),
  ANSWER_UNREADABLE: entry(
    0,
    15,
    false,
    "Mend the object named in the message; or look for a proxy that answers in the API server's place.",
  ),
  EXPECTATION_FAILED: entry(
    0,
    9,
    false,
    'The drill ran and an expectation was not met: see the expectations in the report.',
  ),
} as const satisfies Record<string, ErrorEntry>;

/** A code of the table. */
export type ErrorCode = keyof typeof ERRORS;

/** Where and how, beside the code. */
export interface ErrorDetails {
  /** Path of the offending field, such as `spec.steps[1].fault`. */
  readonly field?: string | undefined;
  /** Overrides the table's next step where more is known. */
  readonly next?: string | undefined;
  readonly cause?: unknown;
}

/** A failure with a code of the table. */
export class IsthmusError extends Error {
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly next: string;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'IsthmusError';
    this.code = code;
    this.field = details.field;
    this.next = details.next ?? ERRORS[code].next;
  }
}

/** The code of any thrown value; what is not ours is `INTERNAL`. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof IsthmusError ? error.code : 'INTERNAL';
}

/** One line that says what `error` is, its causes included. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const nested =
    error instanceof AggregateError ? error.errors[0] : (error.cause as unknown | undefined);
  const own = error.message || (error as NodeJS.ErrnoException).code || error.name;
  if (nested === undefined) return own;
  const cause = describeError(nested);
  // Who wraps a failure often says its cause already.
  return own.includes(cause) ? own : `${own}: ${cause}`;
}

function entry(http: number, grpc: number, retryable: boolean, next: string): ErrorEntry {
  return { http, grpc, retryable, next };
}
