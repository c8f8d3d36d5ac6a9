/**
 * The signing service: `POST /v1/sign` over TLS.
 *
 * Anybody in the cluster can reach it, so everything about a request is bounded: handshakes,
 * connections, bytes, time, requests at once, and requests per caller. A refusal is JSON with a code
 * of the error table. Tokens and requests are never logged.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import type { Clock } from '#core/clock.ts';
import { codeOf, describeError, ERRORS, IsthmusError } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import { sparing } from '#core/sparing.ts';
import type { Credentials } from './credentials.ts';
import { RateLimiter, type RateLimits } from './limits.ts';
import {
  REQUEST_BYTES_MAX,
  SIGN_PATH,
  type SignAnswer,
  type SignRequest,
  signRequest,
} from './protocol.ts';

export interface SigningServerLimits {
  readonly connectionsMax: number;
  /** Of one address, so that whoever keeps as many open as it gets leaves some to others. */
  readonly connectionsOfOneMax: number;
  /** Requests being answered at once. */
  readonly concurrencyMax: number;
  /** Handshake, headers and whole request each. */
  readonly timeoutMs: number;
  readonly rate: RateLimits;
}

export const SIGNING_LIMITS: SigningServerLimits = {
  connectionsMax: 256,
  connectionsOfOneMax: 32,
  concurrencyMax: 32,
  timeoutMs: 5_000,
  rate: { perSecond: 20, burst: 100, addressesMax: 10_000 },
};

export interface SigningServerOptions {
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits?: SigningServerLimits;
  sign(request: SignRequest): Promise<SignAnswer>;
  /** Called once per request with `OK` or the code of the refusal, and how long it took. */
  onAnswered?(code: string, tookMs: number): void;
}

/** The server, not yet listening. */
export function createSigningServer(options: SigningServerOptions): Server {
  const limits = options.limits ?? SIGNING_LIMITS;
  const limiter = new RateLimiter(limits.rate, options.clock);
  const log = sparing(options.log, options.clock);
  let underWay = 0;
  const server = createServer(
    {
      ...certificateOf(options.credentials),
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
      handshakeTimeout: limits.timeoutMs,
      headersTimeout: limits.timeoutMs,
      requestTimeout: limits.timeoutMs,
      connectionsCheckingInterval: limits.timeoutMs / 2,
      keepAliveTimeout: 1_000,
      maxHeaderSize: 8 * 1024,
    },
    (incoming, outgoing) => {
      const beganMs = options.clock.monotonicMs();
      const from = incoming.socket.remoteAddress ?? '';
      underWay += 1;
      void respond(incoming, from)
        .then(
          (body) => send(outgoing, 200, body),
          (error: unknown) => refuse(from, outgoing, error),
        )
        .then((code) => options.onAnswered?.(code, options.clock.monotonicMs() - beganMs))
        .finally(() => {
          underWay -= 1;
        });
    },
  );
  server.maxConnections = limits.connectionsMax;
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const from = socket.remoteAddress ?? '';
    const own = open.get(from) ?? 0;
    if (own >= limits.connectionsOfOneMax) {
      socket.destroy();
      return;
    }
    open.set(from, own + 1);
    socket.once('close', () => {
      const left = (open.get(from) ?? 1) - 1;
      if (left === 0) open.delete(from);
      else open.set(from, left);
    });
  });
  server.on('tlsClientError', (error) => {
    log.debug('A TLS handshake failed', { reason: error.message });
  });
  return server;

  async function respond(incoming: IncomingMessage, from: string): Promise<SignAnswer> {
    if (underWay > limits.concurrencyMax) {
      throw new IsthmusError('OVERLOADED', 'Too many requests are under way');
    }
    if (!limiter.allow(from)) {
      throw new IsthmusError('OVERLOADED', 'This address asks too often');
    }
    if (incoming.url !== SIGN_PATH) throw new IsthmusError('UNKNOWN_TARGET', 'No such path');
    if (incoming.method !== 'POST') throw new IsthmusError('METHOD_REFUSED', 'Only POST');
    return options.sign(parseBody(await readBody(incoming)));
  }

  function refuse(from: string, outgoing: ServerResponse, error: unknown): string {
    const code = codeOf(error);
    const fields = { code, reason: describeError(error), from };
    if (code === 'INTERNAL') log.error('Cannot answer a request', fields);
    else log.warn('Refused a request', fields);
    // What is unexpected may name things a stranger should not learn; the log has it.
    const message = code === 'INTERNAL' ? 'Internal error' : describeError(error);
    const next = error instanceof IsthmusError ? error.next : ERRORS[code].next;
    // The body may be unread: the connection cannot carry another request.
    outgoing.setHeader('connection', 'close');
    const status = STATUS[code] ?? (ERRORS[code].http || 500);
    send(outgoing, status, { error: { code, message, next } });
    return code;
  }
}

/** Hands the server a newer certificate; connections under way keep the old one. */
export function renewServerCertificate(server: Server, credentials: Credentials): void {
  server.setSecureContext({ ...certificateOf(credentials), minVersion: 'TLSv1.3' });
}

/** Codes that mean something else here than at a gateway. */
const STATUS: Readonly<Partial<Record<string, number>>> = {
  CERTIFICATE_INVALID: 400,
  CLUSTER_UNREACHABLE: 503,
  API_REFUSED: 503,
};

function certificateOf(credentials: Credentials) {
  return { cert: credentials.certificateChain, key: credentials.privateKey };
}

/** What passes the limit is read and thrown away, so that the sender gets to read the refusal. */
function readBody(incoming: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= REQUEST_BYTES_MAX) {
        chunks.push(chunk);
        return;
      }
      chunks.length = 0;
      const message = `The body passes ${REQUEST_BYTES_MAX} bytes`;
      reject(new IsthmusError('BODY_TOO_LARGE', message));
    });
    incoming.once('end', () => resolve(Buffer.concat(chunks).toString()));
    incoming.once('error', (cause) => {
      reject(new IsthmusError('BAD_REQUEST', 'The body ended early', { cause }));
    });
  });
}

function parseBody(text: string): SignRequest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message would quote the body, which may hold a token.
    throw new IsthmusError('BAD_REQUEST', 'The body is not JSON');
  }
  const parsed = signRequest.safeParse(value);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new IsthmusError('BAD_REQUEST', fields.join('; ').slice(0, 512));
}

function send(outgoing: ServerResponse, status: number, body: unknown): string {
  const text = JSON.stringify(body);
  outgoing
    .writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    })
    .end(text);
  return 'OK';
}
