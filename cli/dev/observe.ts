/**
 * Reads what the live view shows: mirrors from each API server, links from each gateway's admin port.
 */
import http from 'node:http';
import { z } from 'zod';
import { silentLogger } from '#core/log.ts';
import {
  ADMIN_PORT,
  ANNOTATION_CLUSTERS,
  LABEL_MANAGED_BY,
  LABEL_MIRROR,
  MANAGER,
} from '#core/names.ts';
import type { Network } from '#core/network.ts';
import type { EmbeddedCluster } from '#devcluster/supervisor/cluster.ts';
import type { KubeClient } from '#kube/client.ts';
import { Reflector } from '#kube/reflector.ts';
import { services } from '#kube/resources/builtin.ts';
import type { Service } from '#kube/types.ts';
import type { Io } from '../io.ts';
import type { ClusterState, LinkState } from './view.ts';

const POLL_MS = 1_000;
const ADMIN_TIMEOUT_MS = 900;

const linksAnswer = z.object({
  links: z.array(
    z.object({
      clusterName: z.string(),
      connected: z.boolean(),
      roundTripMs: z.number().nullable(),
      error: z.object({ message: z.string() }).nullable(),
    }),
  ),
});

/** Keeps what one cluster shows current. */
export class ClusterObserver {
  /** Resolves when the links were read once. */
  readonly ready: Promise<void>;
  readonly #cluster: EmbeddedCluster;
  readonly #network: Network;
  readonly #mirrors: Reflector<Service>;
  #links: readonly LinkState[] = [];
  #dead = new Set<string>();

  constructor(cluster: EmbeddedCluster, network: Network, io: Io, signal: AbortSignal) {
    this.#cluster = cluster;
    this.#network = network;
    this.#mirrors = new Reflector({
      client: cluster.client,
      resource: services,
      selection: { labelSelector: `${LABEL_MANAGED_BY}=${MANAGER}` },
      clock: io.clock,
      random: io.random,
      log: silentLogger,
    });
    this.#mirrors.start(signal);
    const timer = io.clock.every(POLL_MS, () => void this.#poll());
    signal.addEventListener('abort', () => timer.cancel(), { once: true });
    this.ready = this.#poll();
  }

  state(): ClusterState {
    const { name, apiServer, gateways } = this.#cluster;
    const mirrors = [...this.#mirrors.cache.values()]
      .filter((each) => each.metadata.labels?.[LABEL_MIRROR] !== undefined)
      .map((each) => ({
        name: `${each.metadata.namespace}/${each.metadata.name}`,
        reaches: each.metadata.annotations?.[ANNOTATION_CLUSTERS] ?? '',
        address: `${each.spec.clusterIP ?? '-'}:${each.spec.ports?.[0]?.port ?? ''}`,
      }))
      .sort((a, b) => a.name.localeCompare(b.name));
    return {
      name,
      apiServer,
      gateways: gateways.map(({ ip }) => ({ host: ip, alive: !this.#dead.has(ip) })),
      links: this.#links,
      mirrors,
    };
  }

  async #poll(): Promise<void> {
    const dead = new Set<string>();
    let links: readonly LinkState[] = [];
    for (const { ip } of this.#cluster.gateways) {
      const answer = await readLinks(this.#network.locate({ host: ip, port: ADMIN_PORT })).catch(
        () => undefined,
      );
      if (answer === undefined) dead.add(ip);
      else links = answer;
    }
    this.#dead = dead;
    this.#links = links;
  }
}

function readLinks(address: { host: string; port: number }): Promise<readonly LinkState[]> {
  return new Promise((resolve, reject) => {
    const request = http.get(
      { ...address, path: '/links', agent: false, timeout: ADMIN_TIMEOUT_MS },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('end', () => {
          const parsed = linksAnswer.safeParse(JSON.parse(body || '{}'));
          if (!parsed.success) reject(parsed.error);
          else
            resolve(
              parsed.data.links.map((each) => ({ ...each, error: each.error?.message ?? null })),
            );
        });
      },
    );
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', reject);
  });
}

/** Follows the address of one Service port, which is another after the Service was made anew. */
export class AddressObserver {
  /** Resolves when it was read once. */
  readonly ready: Promise<unknown>;
  readonly #services: Reflector<Service>;
  readonly #key: string;

  constructor(
    cluster: { readonly client: KubeClient },
    target: { readonly namespace: string; readonly service: string },
    io: Pick<Io, 'clock' | 'random' | 'signal'>,
  ) {
    const { namespace, service } = target;
    this.#key = `${namespace}/${service}`;
    this.#services = new Reflector({
      client: cluster.client,
      resource: services,
      selection: { namespace },
      clock: io.clock,
      random: io.random,
      log: silentLogger,
    });
    this.#services.start(io.signal);
    this.ready = this.#services.synced(io.signal);
  }

  /** As the cluster says it; `undefined` while there is no such Service. */
  host(): string | undefined {
    return this.#services.cache.get(this.#key)?.spec.clusterIP;
  }
}
