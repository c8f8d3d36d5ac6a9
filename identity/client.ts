/**
 * One exchange with identity: connect, make sure it is identity, ask, read the answer.
 *
 * The token is a secret, so nothing is sent before the server has shown a certificate of the own
 * cluster's bundle with identity's SPIFFE id.
 */
import { connect, type TLSSocket } from 'node:tls';
import type { Clock } from '#core/clock.ts';
import { describeError, ERRORS, type ErrorCode, IsthmusError } from '#core/errors.ts';
import { IDENTITY_ACCOUNT, IDENTITY_SERVICE, SYSTEM_NAMESPACE } from '#core/names.ts';
import { type Address, formatAddress, type Network } from '#core/network.ts';
import { admit } from './admit.ts';
import {
  ANSWER_BYTES_MAX,
  errorAnswer,
  SIGN_PATH,
  type SignAnswer,
  type SignRequest,
  signAnswer,
} from './protocol.ts';

// An import of node:http reads all it exports, WebSocket too, and with that loads an HTTP client of
// twelve megabytes that a gateway's workers have no use for.
const { request } = process.getBuiltinModule('node:http');

/** The DNS name in identity's own certificate. */
export const IDENTITY_DNS_NAME = `${IDENTITY_SERVICE}.${SYSTEM_NAMESPACE}.svc`;
/** The whole exchange must be over within this. */
const EXCHANGE_TIMEOUT_MS = 5_000;

/** Where identity is, and how it is recognised. */
export interface IdentityTarget {
  readonly address: Address;
  readonly network: Network;
  /** PEM. */
  readonly trustBundle: string;
  readonly trustDomain: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Has a certificate signed. Throws the code identity answered with, `NOT_AUTHORIZED` when the server
 * is not identity, `CLUSTER_UNREACHABLE` when there is no answer.
 */
export async function requestCertificate(
  body: SignRequest,
  target: IdentityTarget,
): Promise<SignAnswer> {
  const deadline = new AbortController();
  const timer = target.clock.after(EXCHANGE_TIMEOUT_MS, () =>
    deadline.abort(new Error(`no answer within ${EXCHANGE_TIMEOUT_MS} ms`)),
  );
  const signal = AbortSignal.any([deadline.signal, target.signal]);
  try {
    const socket = await dial(target, signal);
    const answer = await exchange(socket, JSON.stringify(body), signal);
    return readAnswer(answer);
  } catch (cause) {
    if (cause instanceof IsthmusError) throw cause;
    const where = formatAddress(target.address);
    throw new IsthmusError('CLUSTER_UNREACHABLE', `Identity at ${where} did not answer`, { cause });
  } finally {
    timer.cancel();
  }
}

function dial(target: IdentityTarget, signal: AbortSignal): Promise<TLSSocket> {
  const { host, port } = target.network.locate(target.address);
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      servername: IDENTITY_DNS_NAME,
      ca: target.trustBundle,
      minVersion: 'TLSv1.3',
      rejectUnauthorized: true,
      // Who the server is, `admit()` decides by its SPIFFE id.
      checkServerIdentity: () => undefined,
    });
    const abort = () => socket.destroy(asError(signal.reason));
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', reject);
    socket.once('close', () => signal.removeEventListener('abort', abort));
    socket.once('secureConnect', () => {
      const admission = admit(socket, {
        trustDomain: target.trustDomain,
        namespace: SYSTEM_NAMESPACE,
        serviceAccounts: [IDENTITY_ACCOUNT],
      });
      if (admission.admitted) {
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(
        new IsthmusError('NOT_AUTHORIZED', `The server is not identity: ${admission.reason}`, {
          next: 'Check the trust bundle of this cluster and the address of identity.',
        }),
      );
    });
  });
}

interface RawAnswer {
  readonly status: number;
  readonly text: string;
}

function exchange(socket: TLSSocket, body: string, signal: AbortSignal): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      createConnection: () => socket,
      method: 'POST',
      path: SIGN_PATH,
      signal,
      headers: {
        host: IDENTITY_DNS_NAME,
        connection: 'close',
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      },
    });
    outgoing.once('error', reject);
    outgoing.once('response', (incoming) => {
      const chunks: Buffer[] = [];
      let size = 0;
      incoming.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > ANSWER_BYTES_MAX) incoming.destroy(new Error('the answer is too large'));
        else chunks.push(chunk);
      });
      incoming.once('error', reject);
      incoming.once('end', () => {
        socket.destroy();
        resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
      });
    });
    outgoing.end(body);
  });
}

function readAnswer(answer: RawAnswer): SignAnswer {
  let body: unknown;
  try {
    body = JSON.parse(answer.text);
  } catch (error) {
    throw new Error(`the answer (status ${answer.status}) is not JSON: ${describeError(error)}`);
  }
  if (answer.status === 200) return signAnswer.parse(body);
  const { error } = errorAnswer.parse(body);
  const code: ErrorCode = isCode(error.code) ? error.code : 'IDENTITY_REFUSED';
  throw new IsthmusError(code, error.message, { next: error.next });
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
