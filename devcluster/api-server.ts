/**
 * The API server of an embedded cluster: TLS, tokens, resources; no controllers.
 *
 * Promises: speaks to kubectl and @kubernetes/client-node with the kubeconfig it hands out; keeps its
 * state in memory, so a restart starts empty and answers 410 to watches of an earlier run.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { Clock } from '#core/clock.ts';
import { describeError, IsthmusError } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import type { Address, Network } from '#core/network.ts';
import { formatAddress } from '#core/network.ts';
import type { Random } from '#core/random.ts';
import { bootstrap } from './api/bootstrap.ts';
import { servingCertificate } from './api/certificates.ts';
import type { ApiContext, Call } from './api/context.ts';
import { Objects } from './api/objects.ts';
import { Rbac } from './api/rbac.ts';
import { Lists } from './api/read.ts';
import { Registry } from './api/registry.ts';
import { handle } from './api/router.ts';
import { Tokens } from './api/tokens.ts';
import { Watches } from './api/watch.ts';
import { AddressPool } from './kinds/address-pool.ts';
import { builtinResources } from './kinds/builtins.ts';
import { customResources } from './kinds/crd.ts';
import { Store } from './storage/store.ts';

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

/** CRDs are kept here. */
const CRDS = 'customresourcedefinitions.apiextensions.k8s.io';

/** Starts serving; throws `ADDRESS_IN_USE` when the address is taken. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { cluster, block, clock, random, log, network } = options;
  const wanted = options.address ?? { host: `127.${block}.0.1`, port: 6443 };
  const located = network.locate(wanted);
  const store = new Store(clock.wallMs());
  const pool = new AddressPool(clock, `127.${block}.96.0/20`, 1, 0);
  const kubernetesIp = `127.${block}.96.1`;
  const registry = new Registry(builtinResources(pool));
  const objects = new Objects(store, clock, random);
  const adminToken = randomBytes(24).toString('base64url');
  const context: ApiContext = {
    clock,
    log,
    store,
    registry,
    objects,
    lists: new Lists(store, clock),
    watches: new Watches(store, clock, random),
    tokens: new Tokens(clock, store, adminToken),
    rbac: new Rbac(store),
    extra: options.extra ?? (() => Promise.resolve(false)),
  };
  serveCustomResources(store, registry, context.watches);
  const hosts = new Set([located.host, wanted.host, '127.0.0.1', kubernetesIp, ...NAMES]);
  const serving = servingCertificate([...hosts], clock.wallMs());
  const server = createServer(
    {
      key: serving.key,
      cert: `${serving.certificate}${serving.ca}`,
      keepAliveTimeout: 65_000,
      headersTimeout: 15_000,
      requestTimeout: 60_000,
      maxHeaderSize: 65_536,
      noDelay: true,
    },
    (request, response) => void handle(context, request, response),
  );
  const bound = await listen(server, located);
  // Port 0 is any port: what it became is what the Service names.
  const apiServer = wanted.port === 0 ? { host: wanted.host, port: bound.port } : wanted;
  bootstrap({ registry, objects, cluster, kubernetesIp, apiServer });
  const url = `https://${formatAddress(bound)}`;
  return {
    url,
    ca: serving.ca,
    adminToken,
    kubeconfigYaml: kubeconfig(cluster, url, serving.ca, adminToken),
    store,
    context,
    close: () => close(server, context),
  };
}

const NAMES = [
  'localhost',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
];

function serveCustomResources(store: Store, registry: Registry, watches: Watches): void {
  store.listen(CRDS, ({ type, object }) => {
    if (type === 'DELETED') watches.endOf(object.metadata.name);
    registry.setCustom(object.metadata.name, type === 'DELETED' ? [] : customResources(object));
  });
}

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
    server.listen({ host: address.host, port: address.port, backlog: 1_024 }, () => {
      const bound = server.address();
      const port = typeof bound === 'object' && bound ? bound.port : address.port;
      resolve({ host: address.host, port });
    });
  });
}

async function close(server: Server, context: ApiContext): Promise<void> {
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
