/** A mirror controller whose cluster is in memory and whose gateway says what a test tells it to. */
import { type Clock, systemClock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import { silentLogger } from '#core/log.ts';
import { systemRandom } from '#core/random.ts';
import { type KubeClient, StatusError } from '#kube/client.ts';
import type { News } from '#kube/events.ts';
import { endpointSlices, links, namespaces } from '#kube/resources/builtin.ts';
import { Feed } from '#mirror/feed.ts';
import { Controller, type ControllerOptions } from '#mirror/reconcile.ts';
import type { GatewayReplica } from '#mirror/replicas.ts';
import { eventually, TEST_ROOT } from '../kube/support.ts';
import { MemoryClient } from './memory-client.ts';

/** A gateway replica that streams what a test says. */
export function scriptedGateway() {
  let push: (line: unknown) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  let opened = 0;
  let connected = true;
  let last: unknown;
  const replica: GatewayReplica = {
    name: '10.0.1.1',
    json: async () => ({ links: [{ name: 'east', clusterName: 'east', connected, error: null }] }),
    async *stream(path, _idleMs, signal) {
      if (!path.startsWith('/catalogs/east?trust=')) {
        throw new IsthmusError('API_REFUSED', path, { cause: new StatusError(404, '', '') });
      }
      opened += 1;
      const queue: unknown[] = last === undefined ? [] : [last];
      let wake: () => void = () => undefined;
      let broken: Error | undefined;
      push = (line) => {
        queue.push(line);
        wake();
      };
      fail = (error) => {
        broken = error;
        wake();
      };
      signal.addEventListener('abort', () => wake(), { once: true });
      while (!signal.aborted) {
        if (broken) throw broken;
        const line = queue.shift();
        if (line !== undefined) yield Buffer.from(`${JSON.stringify(line)}\n`);
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    },
  };
  return {
    replica,
    opened: () => opened,
    say(line: unknown) {
      if ((line as { kind: string }).kind === 'snapshot') last = line;
      push(line);
    },
    fail: (error: Error) => fail(error),
    disconnect: () => {
      connected = false;
    },
  };
}

/** An export of east. */
export const backend = (name = 'backend') => ({
  namespace: 'shop',
  name,
  createdAt: '2026-01-01T00:00:00Z',
  ports: [{ name: 'http', port: 8080 }],
  readyEndpoints: 3,
});
/** The whole catalog of east. */
export const snapshot = (revision: number, ...exports: unknown[]) => ({
  kind: 'snapshot',
  position: { epoch: 'e', revision },
  cluster: { name: 'east', version: '0.1.0', trustBundle: TEST_ROOT },
  exports,
});

/** A cluster with a namespace and two gateways. */
export function world() {
  const client = new MemoryClient();
  client.put(namespaces, { metadata: { name: 'shop' } });
  gateways(client, '10.0.1.1', '10.0.1.2');
  return client;
}

/** The gateways of `client` are at `addresses` from now on. */
export function gateways(client: MemoryClient, ...addresses: string[]) {
  client.put(endpointSlices, {
    metadata: {
      name: 'isthmus-gateway-1',
      namespace: 'isthmus-system',
      labels: { 'kubernetes.io/service-name': 'isthmus-gateway' },
    },
    addressType: 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address] })),
  });
}

/** Links `client` with east. */
export function link(client: MemoryClient) {
  client.put(links, {
    metadata: { name: 'east', namespace: 'isthmus-system', generation: 1 },
    spec: { clusterName: 'east', trustDomain: 'east.isthmus.local', trustBundle: TEST_ROOT },
  });
}

/** A Service that asks to be exported. */
export const labelled = (name: string) => ({
  metadata: { name, namespace: 'shop', labels: { 'isthmus.dev/export': 'true' } },
  spec: { ports: [{ port: 80 }] },
});

interface RunOptions {
  readonly clock?: Clock;
  readonly onAction?: NonNullable<ControllerOptions['onAction']>;
  /** How long it leads; until the stage ends where absent. */
  readonly term?: AbortSignal;
}

/** A controller of `client` whose gateway is `replica`, until it is disposed of. */
export function run(client: KubeClient, replica?: GatewayReplica, options: RunOptions = {}) {
  const { clock = systemClock, term, onAction } = options;
  const stop = new AbortController();
  const news: News[] = [];
  const base = { clock, random: systemRandom, log: silentLogger };
  const controller = new Controller({
    ...{ ...base, cluster: 'west', client, portRange: { min: 10_000, max: 32_767 } },
    recorder: { record: (each) => news.push(each) },
    ...(onAction === undefined ? {} : { onAction }),
  });
  const replicas = () => (replica ? [replica] : []);
  const feed = new Feed({ ...base, replicas, onChange: controller.changed });
  controller.start(feed, stop.signal);
  const polling = feed.poll(stop.signal);
  const leading = controller.lead(term ?? stop.signal);
  return {
    ...{ news, controller, leading },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all([polling, leading]);
    },
  };
}

/** A cluster that is linked with east and follows its catalog. */
export async function linked() {
  const client = world();
  const gateway = scriptedGateway();
  const running = run(client, gateway.replica);
  link(client);
  await eventually('the stream', () => gateway.opened() > 0);
  const condition = (type: string) => {
    const { status } = client.all(links).get('isthmus-system/east') ?? {};
    return status?.conditions?.find((each) => each.type === type);
  };
  return { ...running, client, gateway, condition };
}
