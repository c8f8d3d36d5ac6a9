/**
 * Two or more gateways in one process, linked over loopback, with pods that are plain HTTP servers.
 */
import http from 'node:http';
import type net from 'node:net';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { systemClock } from '#core/clock.ts';
import { trustDomainOf } from '#core/id.ts';
import { silentLogger } from '#core/log.ts';
import { loopbackNetwork } from '#core/network.ts';
import { seededRandom } from '#core/random.ts';
import { Gateway, type GatewayOptions } from '#gateway/gateway.ts';
import {
  emptySnapshot,
  type ListenerRoute,
  type LocalEndpoint,
  type Peer,
  type Snapshot,
} from '#gateway/snapshot/types.ts';
import { createAuthority, type TestAuthority } from '#test/identity/authority-fixture.ts';

let nextHost = 0;

/**
 * A loopback address nobody else uses: another for each call, in a part chosen by the process id, of blocks above those that
 * embedded clusters take. Processes whose ids are less than 1,024 apart never meet.
 */
export function freshHost(): string {
  nextHost += 1;
  return `127.${251 + ((process.pid >> 8) & 3)}.${process.pid & 255}.${nextHost}`;
}

export interface TestCluster {
  readonly name: string;
  readonly host: string;
  readonly authority: TestAuthority;
  readonly gateway: Gateway;
  snapshot: Snapshot;
  /** Changes the snapshot and waits until it is in force. */
  set(change: Partial<Snapshot>): Promise<void>;
  stop(): Promise<void>;
}

/** One gateway, unlinked. */
export async function startCluster(
  name: string,
  change: Partial<GatewayOptions> = {},
): Promise<TestCluster> {
  const host = freshHost();
  const authority = createAuthority(name);
  const credentials = authority.of('isthmus-gateway');
  const gateway = new Gateway({
    cluster: name,
    replica: `${name}-0`,
    worker: 0,
    host,
    version: '0.0.0-test',
    epoch: `${name}-epoch`,
    clock: systemClock,
    random: seededRandom(1),
    log: silentLogger,
    network: loopbackNetwork,
    registry: new Registry(),
    credentials: () => credentials,
    ...change,
  });
  await gateway.start();
  const cluster: TestCluster = {
    name,
    host,
    authority,
    gateway,
    snapshot: { ...emptySnapshot, replicas: [`${name}-0`] },
    async set(change) {
      cluster.snapshot = { ...cluster.snapshot, ...change };
      await gateway.update(cluster.snapshot);
    },
    stop: () => gateway.stop(0),
  };
  return cluster;
}

/** The Link of `to` in another cluster. */
export function peerOf(to: TestCluster, change: Partial<Peer> = {}): Peer {
  return {
    linkName: to.name,
    clusterName: to.name,
    trustDomain: trustDomainOf(to.name),
    trust: to.name,
    trustBundle: to.authority.trustBundle,
    gateways: [{ host: to.host, port: 4143 }],
    suspended: false,
    visibleExports: new Set(['shop/backend']),
    ...change,
  };
}

/** What a cluster that exports shop/backend knows of it. */
export function exporting(
  endpoints: readonly LocalEndpoint[],
): Pick<Snapshot, 'services' | 'exports'> {
  return {
    services: new Map([
      [
        'shop/backend',
        {
          namespace: 'shop',
          name: 'backend',
          exported: true,
          ports: new Map([[8080, { hint: 'detect' as const, protocol: undefined, endpoints }]]),
        },
      ],
    ]),
    exports: new Map([
      [
        'shop/backend',
        {
          namespace: 'shop',
          name: 'backend',
          createdAt: '2026-01-01T00:00:00Z',
          type: 'ClusterSetIP' as const,
          ports: [{ name: 'http', port: 8080, protocol: 'TCP' as const }],
          sessionAffinity: 'None' as const,
          ipFamilies: [],
          exportedLabels: {},
          exportedAnnotations: {},
          readyEndpoints: endpoints.length,
          hostnames: [],
        },
      ],
    ]),
  };
}

/** A listener for shop/backend. */
export function listener(port: number, change: Partial<ListenerRoute> = {}): ListenerRoute {
  return {
    listenerPort: port,
    mirror: 'shop/backend-global',
    target: { namespace: 'shop', name: 'backend', port: 8080 },
    hint: 'detect',
    local: false,
    clusters: [],
    ...change,
  };
}

/** An HTTP server that is a pod; answers with `handler`, or with its name. */
export async function startPod(name: string, handler?: http.RequestListener) {
  const server = http.createServer(
    handler ??
      ((request, response) => {
        request.resume();
        request.on('end', () => response.end(JSON.stringify({ pod: name })));
      }),
  );
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    server,
    endpoint: { host: '127.0.0.1', port, podName: name } satisfies LocalEndpoint,
    /** As if the process had been killed. */
    destroy() {
      server.close();
      for (const socket of sockets) socket.resetAndDestroy();
    },
  };
}

/** Calls `check` until it is true; fails with `what` after `timeoutMs`. */
export async function until(
  what: string,
  check: () => boolean | Promise<boolean>,
  timeoutMs = 5_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error(`timed out: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** One request on a connection of its own. */
export function request(
  host: string,
  port: number,
  options: {
    method?: string;
    path?: string;
    headers?: Record<string, string>;
    body?: string | Buffer;
  } = {},
): Promise<{ status: number; headers: http.IncomingHttpHeaders; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = http.request(
      {
        host,
        port,
        method: options.method ?? 'GET',
        path: options.path ?? '/',
        headers: { host: 'backend-global.shop', connection: 'close', ...options.headers },
        agent: false,
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(options.body);
  });
}
