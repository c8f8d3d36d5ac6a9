/**
 * The service proxy: every clusterIP:port really answers, like with kube-proxy.
 *
 * Promises: a new connection goes to an endpoint that is ready at that moment; established ones are left
 * alone; where there is no endpoint the client is reset at once.
 */

import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import { LABEL_SERVICE_NAME } from '#core/names.ts';
import type { Address, Network } from '#core/network.ts';
import { SERVICES } from '../controllers/endpoint-slices.ts';
import type { Kit, Running } from '../controllers/kit.ts';
import { keyOf, splitKey } from '../controllers/queue.ts';
import { SLICES, slicesOf } from '../controllers/service-slices.ts';
import {
  asNumber,
  asObjects,
  asString,
  at,
  isDeleting,
  type KubeObject,
  labelsOf,
  namespaceOf,
} from '../values/json.ts';
import { type Candidates, candidates, pick } from './endpoints.ts';
import { splice } from './splice.ts';

/** Clients remembered for session affinity, per Service port. */
const AFFINITY_MAX = 10_000;
/** A port that could not be bound is tried again after this. */
const RETRY_MS = 2_000;

/** One listening Service port. */
class Listener {
  readonly id: string;
  readonly server: Server;
  readonly sockets = new Set<Socket>();
  readonly #affinity = new Map<string, { address: Address; atMs: number }>();
  affinityMs = 0;
  candidates: Candidates | undefined;

  constructor(id: string, accept: (socket: Socket) => void) {
    this.id = id;
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      accept(socket);
    });
  }

  /** The endpoint `client` was sent to before, if affinity asks for it and it is still a candidate. */
  remembered(client: string, clock: Clock): Address | undefined {
    const found = this.affinityMs > 0 ? this.#affinity.get(client) : undefined;
    if (!found || clock.monotonicMs() - found.atMs > this.affinityMs) return undefined;
    const isReady = this.candidates?.ready.some(
      (item) => item.host === found.address.host && item.port === found.address.port,
    );
    return isReady ? found.address : undefined;
  }

  remember(client: string, address: Address, clock: Clock): void {
    if (this.affinityMs === 0) return;
    if (this.#affinity.size >= AFFINITY_MAX) this.#affinity.clear();
    this.#affinity.set(client, { address, atMs: clock.monotonicMs() });
  }
}

/** See the file header. */
export class ServiceProxy implements Running {
  readonly #kit: Kit;
  readonly #network: Network;
  readonly #way: (endpoint: Address) => Address;
  /** Service key → `ip:port/name` → listener. */
  readonly #listeners = new Map<string, Map<string, Listener>>();
  readonly #queue;
  readonly #stops: (() => void)[];

  /** `way` says where an endpoint is dialled. */
  constructor(kit: Kit, network: Network, way: (endpoint: Address) => Address) {
    this.#kit = kit;
    this.#network = network;
    this.#way = way;
    this.#queue = kit.queue('service-proxy', (key) => this.#reconcile(key));
    this.#stops = [
      kit.store.listen(SERVICES, ({ object }) => this.#queue.add(keyOf(object))),
      kit.store.listen(SLICES, ({ object }) => {
        const name = labelsOf(object)[LABEL_SERVICE_NAME];
        const listeners = this.#listeners.get(`${namespaceOf(object)}/${name ?? ''}`);
        for (const listener of listeners?.values() ?? []) listener.candidates = undefined;
      }),
    ];
    for (const service of kit.store.list(SERVICES)) this.#queue.add(keyOf(service));
  }

  close(): void {
    for (const stop of this.#stops) stop();
    this.#queue.close();
    for (const listeners of this.#listeners.values()) {
      for (const listener of listeners.values()) {
        listener.server.close();
        for (const socket of listener.sockets) socket.destroy();
      }
    }
    this.#listeners.clear();
  }

  #reconcile(key: string): void {
    const [namespace, name] = splitKey(key);
    const service = this.#kit.store.get(SERVICES, namespace, name);
    const open = this.#listeners.get(key) ?? new Map<string, Listener>();
    const wanted = new Map<string, Address>();
    const address = asString(at(service, 'spec', 'clusterIP'));
    if (service && !isDeleting(service) && /^\d/.test(address)) {
      for (const port of asObjects(at(service, 'spec', 'ports'))) {
        if (port.protocol !== 'TCP') continue;
        const number = asNumber(port.port);
        wanted.set(`${address}:${number}/${asString(port.name)}`, {
          host: address,
          port: number,
        });
      }
    }
    for (const [id, listener] of open) {
      if (wanted.has(id)) continue;
      // Established connections outlive their Service, as with kube-proxy.
      listener.server.close();
      open.delete(id);
    }
    for (const [id, where] of wanted) {
      if (service && !open.has(id)) open.set(id, this.#listen(key, id, where, service));
    }
    for (const listener of open.values()) {
      listener.affinityMs = affinityMs(service);
      listener.candidates = undefined;
    }
    if (open.size > 0) this.#listeners.set(key, open);
    else this.#listeners.delete(key);
  }

  #listen(key: string, id: string, where: Address, service: KubeObject): Listener {
    const portName = id.slice(id.indexOf('/') + 1);
    const listener = new Listener(id, (socket) => this.#accept(key, portName, listener, socket));
    listener.server.on('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EACCES'
          ? `port ${where.port} is below 1024 and this process is not root`
          : describeError(error);
      const message = `the address ${id.split('/')[0]} of this Service does not answer: ${why}`;
      // Without root the ports below 1024 are expected to fail, Service `kubernetes` among them.
      if (error.code !== 'EACCES') this.#kit.log.warn(message, { service: key });
      this.#kit.events.record(service, 'Warning', 'ServiceAddressNotBound', message);
      this.#listeners.get(key)?.delete(id);
      if (error.code !== 'EACCES') this.#queue.addAfter(key, RETRY_MS);
    });
    const located = this.#network.locate(where);
    listener.server.listen({ host: located.host, port: located.port, backlog: 4_096 });
    return listener;
  }

  #accept(key: string, portName: string, listener: Listener, client: Socket): void {
    listener.candidates ??= this.#candidates(key, portName);
    const who = client.remoteAddress ?? '';
    const clock = this.#kit.clock;
    const chosen = listener.remembered(who, clock) ?? pick(listener.candidates, this.#kit.random);
    if (!chosen) {
      client.on('error', () => client.destroy());
      client.resetAndDestroy();
      return;
    }
    listener.remember(who, chosen, clock);
    const located = this.#locate(chosen);
    if (located) splice(client, connect({ ...located, allowHalfOpen: true, noDelay: true }));
    else client.resetAndDestroy();
  }

  /** Where an endpoint really is; `undefined`, and a warning, when the network has no room for it. */
  #locate(address: Address): Address | undefined {
    try {
      return this.#way(address);
    } catch (error) {
      this.#kit.log.warn('an endpoint cannot be dialled', { error: describeError(error) });
      return undefined;
    }
  }

  #candidates(key: string, portName: string): Candidates {
    const [namespace, name] = splitKey(key);
    const slices = slicesOf(this.#kit.store, namespace, name).filter(
      (slice) => slice.addressType === 'IPv4',
    );
    return candidates(slices, portName);
  }
}

function affinityMs(service: KubeObject | undefined): number {
  if (at(service, 'spec', 'sessionAffinity') !== 'ClientIP') return 0;
  const path = ['spec', 'sessionAffinityConfig', 'clientIP', 'timeoutSeconds'];
  return asNumber(at(service, ...path), 10_800) * 1_000;
}
