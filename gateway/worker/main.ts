/**
 * A worker of the gateway: serves traffic by the snapshots its parent sends, and knows no API server.
 *
 * Its key is its own. Told to end by a signal it asks for a successor and serves until that is ready;
 * without its parent it ends at once, for nobody would tell it what changes.
 */
import { randomUUID } from 'node:crypto';
import inspector from 'node:inspector';
import { Writable } from 'node:stream';
import { describeError, IsthmusError } from '#core/errors.ts';
import { componentId } from '#core/id.ts';
import { GATEWAY_ACCOUNT } from '#core/names.ts';
import { WorkloadIdentity } from '#identity/workload.ts';
import { type ComponentContext, runComponent } from '#runtime/component.ts';
import { EnvironmentReader } from '#runtime/environment.ts';
import { createRegistry } from '#runtime/metrics.ts';
import { packageVersion } from '#runtime/package.ts';
import { identitySettings } from '#runtime/pod.ts';
import { balancerReports, linkReports, serviceNames } from '../admin/report.ts';
import { serveCatalog } from '../catalog/serve.ts';
import type { CatalogSource } from '../catalog/source.ts';
import { Gateway } from '../gateway.ts';
import { tellAll, type Untold } from '../metrics/telling.ts';
import { applySnapshotDelta } from '../snapshot/delta.ts';
import type { Peer } from '../snapshot/types.ts';
import { ProbeClient } from './probes.ts';
import {
  type FromWorker,
  type Question,
  type ToWorker,
  WORKER_INDEX,
  WORKERS_MAX,
} from './protocol.ts';
import { WORD_MS } from './watchdog.ts';

/** What was counted is told at the latest after so long. */
const TELL_MS = 10_000;
/** A worker told to end by hand waits no longer for its successor. */
const END_MS = 60_000;

async function main(context: ComponentContext): Promise<void> {
  const { env, clock, log, signal } = context;
  const reader = new EnvironmentReader(env);
  const index = reader.integer(WORKER_INDEX, { min: 0, max: WORKERS_MAX - 1 });
  if (process.send === undefined) {
    throw new IsthmusError(
      'INVALID_CONFIG',
      'a worker is started by the gateway: run gateway/main',
    );
  }
  // Whoever holds our channel is gone: so are we.
  process.once('disconnect', () => process.exit(0));
  const say = (message: FromWorker) => {
    if (process.connected) process.send?.(message);
  };
  const alive = () => say({ kind: 'alive', isDebugged: inspector.url() !== undefined });
  alive();
  clock.every(WORD_MS, alive);
  const cluster = reader.label('ISTHMUS_CLUSTER');
  const host = reader.text('ISTHMUS_POD_IP');
  const replica = reader.text('ISTHMUS_POD_NAME');
  const identitySource = identitySettings(reader, context);
  reader.check();

  const identity = new WorkloadIdentity({
    ...context,
    ...identitySource,
    id: componentId(cluster, GATEWAY_ACCOUNT),
  });
  const ended = new AbortController();
  await identity.start(ended.signal);
  const registry = createRegistry('gateway');
  /** Resolves when the message has left. */
  const said = (message: FromWorker) =>
    new Promise<void>((resolve) => {
      if (process.connected) process.send?.(message, undefined, {}, () => resolve());
      else resolve();
    });
  const probes = new ProbeClient((probe) => say({ kind: 'probe', probe }));
  const gateway = new Gateway({
    ...context,
    log: log.with({ worker: index }),
    cluster,
    replica,
    worker: index,
    host,
    version: packageVersion(),
    epoch: randomUUID(),
    registry,
    credentials: () => identity.current(),
    probe: (probe) => probes.probe(probe),
  });
  const answer = (question: Question): unknown => {
    const { peers, balancer } = gateway;
    switch (question.about) {
      case 'links':
        return linkReports(peers);
      case 'services':
        return serviceNames(balancer);
      case 'balancer':
        return balancerReports(balancer, index, clock.monotonicMs(), question.service);
      case 'metrics':
        return registry.getMetricsAsJSON();
    }
  };
  const tell = (untold: Untold, id?: number) =>
    tellAll(untold, (portion) => said({ kind: 'told', id, portion }));
  // Unasked, too: what is not told is lost when a process is killed.
  const telling = clock.every(TELL_MS, () => void tell({ ...gateway.untold, peers: [] }));
  /** Peers whose catalogs are told; one worker tells for all. */
  const told = new Map<string, { readonly catalog: CatalogSource; readonly sink: Writable }>();
  const tellCatalogs = () => {
    if (index !== 0) return;
    for (const [name, { catalog, sink }] of told) {
      if (gateway.peers.catalog(name) === catalog) continue;
      sink.destroy();
      told.delete(name);
    }
    for (const { peer } of gateway.peers.all()) {
      const catalog = gateway.peers.catalog(peer.clusterName);
      if (catalog === undefined || told.has(peer.clusterName)) continue;
      const sink = catalogSink(peer, say);
      told.set(peer.clusterName, { catalog, sink });
      serveCatalog(catalog, sink, clock);
    }
  };
  const { promise: over, resolve: end, reject: fail } = Promise.withResolvers<void>();
  let opened: Promise<void> | undefined;
  process.on('message', (message: ToWorker) => {
    switch (message.kind) {
      case 'snapshot':
        {
          const taken = gateway.update(applySnapshotDelta(gateway.snapshot, message.delta));
          // Only now are peers known: whoever dials is to find out who may.
          opened ??= gateway.start();
          opened.catch(fail);
          Promise.all([taken, opened])
            .then(() => {
              tellCatalogs();
              say({ kind: 'state', missing: gateway.notReady() });
            })
            .catch((error: unknown) =>
              log.error('cannot take over a snapshot', { error: describeError(error) }),
            );
        }
        return;
      case 'leave':
        gateway.leave();
        say({ kind: 'state', missing: gateway.notReady() });
        return;
      case 'probed': {
        const { probe, alive } = message;
        if (!probes.told(probe, alive)) gateway.balancer.heard(probe, alive);
        return;
      }
      case 'ask':
        {
          const { id, question } = message;
          const told = question.about === 'metrics' ? tell(gateway.untold, id) : Promise.resolve();
          void told
            .then(() => answer(question))
            .then((value) => say({ kind: 'answer', id, value }));
        }
        return;
      case 'stop':
        gateway
          .stop(message.graceMs)
          .then(() => tell({ ...gateway.untold, peers: [] }))
          .then(end, end);
    }
  });
  say({ kind: 'started' });
  const leave = () => say({ kind: 'leaving' });
  // It may have been told before it was ready to hear.
  if (signal.aborted) leave();
  else signal.addEventListener('abort', leave, { once: true });
  await over;
  telling.cancel();
  ended.abort();
}

/** Sends each line it is given as what the peer said. */
function catalogSink(
  { clusterName: cluster, trust }: Peer,
  say: (message: FromWorker) => void,
): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      // One write is one message: the catalog is told in whole lines.
      say({ kind: 'catalog', cluster, trust, line: chunk.toString('utf8').trimEnd() });
      done();
    },
  });
}

runComponent('gateway', main, { drainMs: END_MS });
