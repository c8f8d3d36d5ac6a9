/**
 * Connections to one API server: where it is, whom we trust there, and who may be spoken to at all.
 */
import { type ConnectionOptions, TLSSocket } from 'node:tls';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import { IsthmusError } from '#core/errors.ts';
import type { Network } from '#core/network.ts';

const CONNECT_DEADLINE_MS = 10_000;
const KEEP_ALIVE_MS = 30_000;
const TCP_PROBE_MS = 15_000;

/** Trust and client certificate of the connection. */
export type TlsMaterial = Pick<
  ConnectionOptions,
  | 'ca'
  | 'cert'
  | 'key'
  | 'servername'
  | 'rejectUnauthorized'
  | 'secureContext'
  | 'minVersion'
  | 'maxVersion'
  | 'checkServerIdentity'
>;

/** How connections are made. */
export interface ConnectionPoolOptions {
  readonly tls: TlsMaterial;
  readonly network: Network;
  /** Asked before any byte is sent: why the server may not be spoken to, or `undefined`. */
  readonly refusal?: ((socket: TLSSocket) => string | undefined) | undefined;
}

/** A pool that dials as often as it has requests under way, each connection for one of them at a time. */
export function connectionPool(options: ConnectionPoolOptions): Dispatcher {
  return new Agent({
    allowH2: false,
    connect: locatingConnector(options),
    pipelining: 1,
    // Deadlines are ours (they go through the Clock, and watches have none).
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
  });
}

function locatingConnector(options: ConnectionPoolOptions): buildConnector.connector {
  const connect = buildConnector({
    ...options.tls,
    allowH2: false,
    // A resumed session could be older than what has been decided about the server since.
    ...(options.refusal === undefined ? {} : { maxCachedSessions: 0 }),
    timeout: CONNECT_DEADLINE_MS,
    keepAlive: true,
    keepAliveInitialDelay: TCP_PROBE_MS,
  });
  return (target, callback) => {
    const secure = target.protocol === 'https:';
    const port = Number(target.port) || (secure ? 443 : 80);
    const host = target.hostname.replace(/^\[|\]$/g, '');
    try {
      const located = options.network.locate({ host, port });
      // The certificate is the cluster address's, wherever that really is.
      const servername = options.tls.servername ?? target.servername;
      connect(
        {
          ...target,
          hostname: located.host,
          port: String(located.port),
          ...(servername ? { servername } : {}),
        },
        options.refusal === undefined ? callback : guarded(callback, options.refusal),
      );
    } catch (error) {
      callback(error instanceof Error ? error : new Error(String(error)), null);
    }
  };
}

function guarded(
  callback: buildConnector.Callback,
  refusal: (socket: TLSSocket) => string | undefined,
): buildConnector.Callback {
  return (...[error, socket]) => {
    if (error) return callback(error, null);
    const why = socket instanceof TLSSocket ? refusal(socket) : 'the connection is not TLS';
    if (why === undefined) return callback(null, socket);
    socket.destroy();
    callback(new IsthmusError('NOT_AUTHORIZED', `the server is refused: ${why}`), null);
  };
}
