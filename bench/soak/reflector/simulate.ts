/**
 * One seed: a reflector follows a changing store through random faults, and must end with its cache equal.
 *
 * The client, the reflector and the API server are the production code, in memory under a virtual clock;
 * everything that happens follows from the seed, so a seed that fails fails again.
 */
import { silentLogger } from '#core/log.ts';
import { identityNetwork } from '#core/network.ts';
import { below, type Random, seededRandom } from '#core/random.ts';
import { VirtualClock } from '#core/virtual-clock.ts';
import { type Assembly, assemble } from '#devcluster/api/assemble.ts';
import { deleteObject } from '#devcluster/api/deletion.ts';
import type { JsonObject } from '#devcluster/values/json.ts';
import { fixedHeaders } from '#kube/credentials.ts';
import { HttpKubeClient } from '#kube/http-client.ts';
import { Reflector } from '#kube/reflector.ts';
import { configMaps } from '#kube/resources/builtin.ts';
import { breakSomething, lift } from './breakage.ts';
import { MemoryWire } from './memory-wire.ts';

/** Names that come and go. */
const NAMES = 40;
/** Small, so that lists have several pages. */
const PAGE_ITEMS = 8;
/** After the last fault the cache must be equal within this. */
const CONVERGE_MS = 90_000;

/** How one seed went. */
export interface Outcome {
  readonly seed: number;
  readonly faults: number;
  /** Of virtual time. */
  readonly seconds: number;
  readonly lists: number;
  readonly objects: number;
  /** What differs at the end; empty: equal. */
  readonly differences: readonly string[];
}

/** Plays `seed` with `faults` faults. */
export async function simulate(seed: number, faults: number): Promise<Outcome> {
  const random = seededRandom(seed);
  const clock = new VirtualClock();
  const server = startServer(clock, random);
  const wire = new MemoryWire(server.context);
  const client = new HttpKubeClient({
    server: new URL('http://server'),
    tls: {},
    headers: { headers: () => fixedHeaders({ authorization: token(stage) }).headers(false) },
    network: identityNetwork,
    clock,
    random,
    log: silentLogger,
    dispatcher: wire,
  });
  const stage: Stage = { clock, random, wire, server };
  const stop = new AbortController();
  const reflector = new Reflector({
    client,
    resource: configMaps,
    selection: { namespace: 'default' },
    pageItems: PAGE_ITEMS,
    clock,
    random,
    log: silentLogger,
  });
  // What listeners are told must add up to the cache.
  const told = new Map<string, string>();
  reflector.onChange((key, _, after) => {
    if (after === undefined) told.delete(key);
    else told.set(key, after.metadata.resourceVersion ?? '');
  });
  for (let each = 0; each < NAMES / 2; each += 1) change(stage);
  reflector.start(stop.signal);
  for (let count = 0; count < faults; count += 1) {
    for (let each = below(random, 4); each > 0; each -= 1) change(stage);
    breakSomething(stage);
    await clock.pass(random.next() ** 3 * 30_000);
  }
  lift(stage);
  let waitedMs = 0;
  while (waitedMs < CONVERGE_MS && differences(stage, reflector.cache, told).length > 0) {
    await clock.pass(500);
    waitedMs += 500;
  }
  const outcome = {
    seed,
    faults,
    seconds: Math.round(clock.monotonicMs() / 1_000),
    lists: reflector.lists,
    objects: reflector.cache.size,
    differences: differences(stage, reflector.cache, told),
  };
  stop.abort(new Error('over'));
  await client.close();
  stage.server.context.watches.close();
  return outcome;
}

/** What a simulation is made of. */
export interface Stage {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly wire: MemoryWire;
  server: Assembly;
}

function token(stage: Stage): string {
  return `Bearer ${stage.server.adminToken}`;
}

/** A server as it is after its first start. */
export function startServer(clock: VirtualClock, random: Random): Assembly {
  const server = assemble({ cluster: 'west', block: 10, clock, random, log: silentLogger });
  server.begin({ host: '127.10.0.1', port: 6443 });
  return server;
}

/** Creates, changes or deletes an object, in the server's store. */
export function change({ random, server, clock }: Stage): void {
  const { objects, registry, store } = server.context;
  const def = registry.find('', 'v1', 'configmaps');
  if (!def) throw new Error('no ConfigMaps');
  const name = `c-${below(random, NAMES)}`;
  const body: JsonObject = { metadata: { name }, data: { value: String(random.next()) } };
  const options = { manager: 'soak' };
  if (!store.get(def.storage, 'default', name)) objects.create(def, 'default', body, options);
  else if (random.next() < 0.4) deleteObject(objects, clock, def, 'default', name, {});
  else objects.update(def, 'default', name, body, options);
}

function differences(
  stage: Stage,
  cache: ReadonlyMap<string, { readonly metadata: { readonly resourceVersion?: string } }>,
  told: ReadonlyMap<string, string>,
): string[] {
  const found: string[] = [];
  const wanted = new Map(
    stage.server.context.store
      .list('configmaps', 'default')
      .map((each) => [`default/${each.metadata.name}`, each.metadata.resourceVersion]),
  );
  for (const key of new Set([...wanted.keys(), ...cache.keys(), ...told.keys()])) {
    const [has, cached, heard] = [
      wanted.get(key),
      cache.get(key)?.metadata.resourceVersion,
      told.get(key),
    ];
    if (has !== cached || has !== heard) {
      found.push(`${key}: the server has ${has}, the cache ${cached}, listeners heard of ${heard}`);
    }
  }
  return found;
}
