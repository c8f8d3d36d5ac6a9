/**
 * This cluster as its watches tell of it, with the objects of others that were found where no watch told of them yet.
 *
 * Promises: until everything has been read once it says what is missing; what changes is told at once, but for the gateways:
 * a change of theirs touches every mirror, so further ones are told at most once every {@link GATEWAY_WAVE_MS}.
 */
import type { Clock } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import {
  GATEWAY_SERVICE,
  LABEL_SERVICE_NAME,
  LABEL_SLICE_MANAGER,
  SLICE_MANAGER,
  SYSTEM_NAMESPACE,
} from '#core/names.ts';
import type { Random } from '#core/random.ts';
import type { KubeClient, Resource, Selection } from '#kube/client.ts';
import { Reflector } from '#kube/reflector.ts';
import {
  endpointSlices,
  links,
  namespaces,
  serviceExports,
  services,
  trafficPolicies,
} from '#kube/resources/builtin.ts';
import type { Link } from '#kube/resources/link.ts';
import type { EndpointSlice, KubeObject, Service } from '#kube/types.ts';
import { readObject } from './apply.ts';
import { FOREIGN_MS, ForeignObjects } from './foreign.ts';
import type { Applied, PlanInput } from './input.ts';
import { readyAddresses } from './replicas.ts';
import { RestingPorts } from './resting-ports.ts';

/** A change of the gateways touches every mirror, so at most one in this time is passed on. */
const GATEWAY_WAVE_MS = 1_000;

/** The part of a plan's input that is read from this cluster. */
type ClusterInput = Pick<
  PlanInput,
  | 'links'
  | 'services'
  | 'slices'
  | 'gatewaySlices'
  | 'exports'
  | 'namespaces'
  | 'policies'
  | 'restingPorts'
>;

export interface WatchedClusterOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Something may have changed. */
  readonly onChange: () => void;
}

export class WatchedCluster {
  readonly #options: WatchedClusterOptions;
  readonly #watches;
  readonly #foreign: ForeignObjects;
  readonly #resting: RestingPorts;
  #gatewaySlices: readonly EndpointSlice[] = [];
  #gatewaysAtMs = Number.NEGATIVE_INFINITY;
  #gatewaysPending = false;

  constructor(options: WatchedClusterOptions) {
    this.#options = options;
    this.#foreign = new ForeignObjects(options.clock);
    this.#resting = new RestingPorts(options.clock);
    const system = { namespace: SYSTEM_NAMESPACE };
    const ours = `${LABEL_SLICE_MANAGER}=${SLICE_MANAGER}`;
    const gateways = `${LABEL_SERVICE_NAME}=${GATEWAY_SERVICE}`;
    this.#watches = {
      services: this.#reflect(services),
      slices: this.#reflect(endpointSlices, { labelSelector: ours }),
      gateways: this.#reflect(endpointSlices, { ...system, labelSelector: gateways }),
      exports: this.#reflect(serviceExports),
      namespaces: this.#reflect(namespaces),
      links: this.#reflect(links, system),
      policies: this.#reflect(trafficPolicies),
    };
  }

  /** Begins to watch, until `signal` aborts. */
  start(signal: AbortSignal): void {
    const { clock, onChange } = this.#options;
    const { gateways, ...others } = this.#watches;
    const { services, slices, exports, namespaces } = others;
    services.onChange(this.#resting.observe);
    gateways.onChange(() => this.#gatewaysChanged());
    for (const each of Object.values(others)) each.onChange(onChange);
    services.onChange((key) => this.#foreign.forget('Service', key));
    slices.onChange((key) => this.#foreign.forget('EndpointSlice', key));
    exports.onChange((key) => this.#foreign.forget('ServiceExport', key));
    namespaces.onChange((key) => this.#foreign.forget('Namespace', key));
    for (const each of Object.values(this.#watches)) {
      each.start(signal);
      each.synced(signal).then(onChange, () => undefined);
    }
    const recheck = clock.every(FOREIGN_MS, () => void this.#recheckForeign(signal));
    signal.addEventListener('abort', () => recheck.cancel(), { once: true });
  }

  /** Why nothing can be decided yet, or `undefined`. */
  unready(): string | undefined {
    const missing = Object.entries(this.#watches).filter(([, each]) => !each.hasSynced);
    if (missing.length === 0) return undefined;
    return `waiting for the API server: ${missing.map(([name]) => name).join(', ')}`;
  }

  /** Milliseconds since each watch last heard anything, by name. */
  watchAges(): ReadonlyMap<string, number> {
    const nowMs = this.#options.clock.monotonicMs();
    const ages = Object.entries(this.#watches).map(
      ([name, each]) => [name, nowMs - each.lastEventAtMs] as const,
    );
    return new Map(ages);
  }

  /** Addresses of the gateways that are ready, also between two waves. */
  readyGateways(): readonly string[] {
    return readyAddresses(this.#watches.gateways.cache.values());
  }

  get links(): readonly Link[] {
    return [...this.#watches.links.cache.values()];
  }

  /** By key, without those that no watch has told of. */
  get services(): ReadonlyMap<string, Service> {
    return this.#watches.services.cache;
  }

  /** What a plan has to know of this cluster. */
  input(): ClusterInput {
    const { services, slices, exports, namespaces, policies } = this.#watches;
    const foreign = this.#foreign;
    return {
      links: this.links,
      services: foreign.over('Service', services.cache),
      slices: foreign.over('EndpointSlice', slices.cache),
      gatewaySlices: this.#gatewaySlices,
      exports: foreign.over('ServiceExport', exports.cache),
      namespaces: foreign.over('Namespace', namespaces.cache),
      policies: policies.cache,
      restingPorts: this.#resting.owners(),
    };
  }

  /** The object of that kind and key, if a watch has told of one. */
  readonly known = (kind: Applied, key: string): KubeObject | undefined => {
    const { services, slices, exports, namespaces } = this.#watches;
    const of = { Service: services, EndpointSlice: slices, ServiceExport: exports };
    return { ...of, Namespace: namespaces }[kind].cache.get(key);
  };

  /** `found`, of somebody else, stands where one of ours would, and no watch has told of it. */
  readonly onForeign = (kind: Applied, found: KubeObject): void => {
    this.#foreign.note(kind, found);
    this.#options.onChange();
  };

  async #recheckForeign(signal: AbortSignal): Promise<void> {
    const { client, log, onChange } = this.#options;
    try {
      const gone = await this.#foreign.recheck((kind, each) =>
        readObject(client, kind, each, signal),
      );
      if (gone) onChange();
    } catch (error) {
      log.debug('objects of others are read again later', { error: describeError(error) });
    }
  }

  /** At once when the last wave is long enough ago, else when it will be. */
  #gatewaysChanged(): void {
    if (this.#gatewaysPending) return;
    this.#gatewaysPending = true;
    const { clock, onChange } = this.#options;
    const waitMs = this.#gatewaysAtMs + GATEWAY_WAVE_MS - clock.monotonicMs();
    clock.after(Math.max(0, waitMs), () => {
      this.#gatewaysPending = false;
      this.#gatewaysAtMs = clock.monotonicMs();
      this.#gatewaySlices = [...this.#watches.gateways.cache.values()];
      onChange();
    });
  }

  #reflect<T extends KubeObject>(resource: Resource<T>, selection: Selection = {}): Reflector<T> {
    const { client, clock, random, log } = this.#options;
    return new Reflector({ client, resource, selection, clock, random, log });
  }
}
