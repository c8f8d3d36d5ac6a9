/**
 * The API server of an embedded cluster: TLS, tokens, resources; no controllers.
 *
 * Promises: speaks to kubectl and @kubernetes/client-node with the kubeconfig it hands out; keeps its
 * state in memory, so a restart starts empty and answers 410 to watches of an earlier run.
 */
import { createServer, type Server } from 'node:https';
import type { Clock } from '#core/clock.ts';
import { describeError, IsthmusError } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import type { Address, Network } from '#core/network.ts';
import { formatAddress } from '#core/network.ts';
import type { Random } from '#core/random.ts';
import { assemble } from './api/assemble.ts';
import { servingCertificate } from './api/certificates.ts';
import type { ApiContext, Call } from './api/context.ts';
import { handle } from './api/router.ts';
import type { Store } from './storage/store.ts';

/** What a server needs of its surroundings. */
export interface ApiServerOptions {
  readonly cluster: string;
  /** Second byte of the cluster's addresses. */
  readonly block: number;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Where to serve, before `network.locate`; 127.<block>.0.1:6443 when absent. */
  readonly address?: Address;
  /** The Kubernetes version it says it is, such as `1.36`. */
  readonly kubernetesVersion?: string | undefined;
  /** Requests outside the Kubernetes API; resolves to whether it answered. */
  readonly extra?: (call: Call) => Promise<boolean>;
}

/** A server that answers. */
export interface ApiServer {
  readonly url: string;
  /** PEM of the CA that signed the server's certificate. */
  readonly ca: string;
  readonly adminToken: string;
  readonly kubeconfigYaml: string;
  readonly store: Store;
  readonly context: ApiContext;
  /** Ends every watch and connection. */
  close(): Promise<void>;
}

/** Starts serving; throws `ADDRESS_IN_USE` when the address is taken. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { cluster, block, clock, network } = options;
  const wanted = options.address ?? { host: `127.${block}.0.1`, port: 6443 };
  const located = network.locate(wanted);
  const { context, adminToken, kubernetesIp, begin } = assemble(options);
  const hosts = new Set([located.host, wanted.host, '127.0.0.1', kubernetesIp, ...NAMES]);
  const serving = servingCertificate([...hosts], clock.wallMs());
  const server = createServer(
    {
      key: serving.key,
      cert: `${serving.certificate}${serving.ca}`,
      keepAliveTimeout: 65_000,
      headersTimeout: 15_000,
      requestTimeout: 60_000,
      maxHeaderSize: HEAD_BYTES_MAX,
      noDelay: true,
    },
    (request, response) => void handle(context, request, response),
  );
  const bound = await listen(server, located);
  // Port 0 is any port: what it became is what Service `kubernetes` names.
  begin(wanted.port === 0 ? { host: wanted.host, port: bound.port } : wanted);
  context.faults.listening = {
    down: () => {
      server.close();
      server.closeAllConnections();
    },
    up: () => {
      if (!closed) server.listen({ host: bound.host, port: bound.port, backlog: BACKLOG });
    },
  };
  let closed = false;
  const url = `https://${formatAddress(bound)}`;
  return {
    url,
    ca: serving.ca,
    adminToken,
    kubeconfigYaml: kubeconfig(cluster, url, serving.ca, adminToken),
    store: context.store,
    context,
    close: () => {
      closed = true;
      return close(server, context);
    },
  };
}

/** Bytes of the head of a request, long selectors in its URL included: `DefaultMaxHeaderBytes` of Go's net/http. */
const HEAD_BYTES_MAX = 1_048_576;
/** Connections that may wait to be accepted. */
const BACKLOG = 1_024;
const NAMES = [
  'localhost',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
];

function listen(server: Server, address: Address): Promise<Address> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const text = formatAddress(address);
      reject(
        error.code === 'EADDRINUSE'
          ? new IsthmusError('ADDRESS_IN_USE', `${text} is in use`, { cause: error })
          : new IsthmusError('INTERNAL', `cannot listen on ${text}: ${describeError(error)}`, {
              cause: error,
            }),
      );
    });
    server.listen({ host: address.host, port: address.port, backlog: BACKLOG }, () => {
      const bound = server.address();
      const port = typeof bound === 'object' && bound ? bound.port : address.port;
      resolve({ host: address.host, port });
    });
  });
}

async function close(server: Server, context: ApiContext): Promise<void> {
  context.faults.liftAll();
  context.watches.close();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** A kubeconfig whose cluster, user and context are all called `cluster`. */
function kubeconfig(cluster: string, url: string, ca: string, token: string): string {
  return `apiVersion: v1
kind: Config
clusters:
- name: ${cluster}
  cluster:
    server: ${url}
    certificate-authority-data: ${Buffer.from(ca).toString('base64')}
users:
- name: ${cluster}
  user:
    token: ${token}
contexts:
- name: ${cluster}
  context:
    cluster: ${cluster}
    user: ${cluster}
current-context: ${cluster}
`;
}
