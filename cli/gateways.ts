/**
 * What the gateways of a cluster say at their admin port, asked from outside: directly where they are on this
 * machine (embedded clusters), else through the API server.
 */
import http from 'node:http';
import { describeError, IsthmusError } from '#core/errors.ts';
import { ADMIN_PORT, SYSTEM_NAMESPACE } from '#core/names.ts';
import { forwardPort } from '#kube/port-forward.ts';
import { pods } from '#kube/resources/builtin.ts';
import type { Pod } from '#kube/types.ts';
import { networkFromSpec } from '#runtime/network.ts';
import type { OpenContext } from './contexts.ts';
import { interruptible } from './interruption.ts';
import type { Io } from './io.ts';

const SELECTOR = 'app.kubernetes.io/name=isthmus,app.kubernetes.io/component=gateway';
const ANSWER_MS = 5_000;

/** What one gateway pod answered, or why it did not. */
export interface GatewayAnswer {
  readonly pod: string;
  readonly body: unknown;
  readonly error: IsthmusError | undefined;
}

/** Asks every running gateway of `cluster` for `path`. Throws `NOT_INSTALLED` where there is none. */
export async function askGateways(
  io: Io,
  cluster: OpenContext,
  path: string,
): Promise<readonly GatewayAnswer[]> {
  const all = await cluster.client.list(pods, {
    namespace: SYSTEM_NAMESPACE,
    labelSelector: SELECTOR,
  });
  const running = all.filter(
    ({ metadata, status }) => metadata.deletionTimestamp === undefined && status.podIPs.length > 0,
  );
  if (running.length === 0) {
    throw new IsthmusError('NOT_INSTALLED', `no gateway runs in ${cluster.context}`);
  }
  return Promise.all(
    running.map(async (pod): Promise<GatewayAnswer> => {
      const { name } = pod.metadata;
      try {
        return { pod: name, body: await askInTime(io, cluster, pod, path), error: undefined };
      } catch (error) {
        const failure =
          error instanceof IsthmusError
            ? error
            : new IsthmusError('CLUSTER_UNREACHABLE', `${name}: ${describeError(error)}`);
        return { pod: name, body: undefined, error: failure };
      }
    }),
  );
}

/** The way to a pod may swallow what is sent, so that nobody refuses and nobody answers. */
async function askInTime(io: Io, cluster: OpenContext, pod: Pod, path: string): Promise<unknown> {
  const late = new AbortController();
  const timer = io.clock.after(ANSWER_MS, () =>
    late.abort(
      new IsthmusError(
        'CLUSTER_UNREACHABLE',
        `${pod.metadata.name} of ${cluster.context} did not answer within ${ANSWER_MS / 1_000} s`,
        { next: 'Check that the pod runs, and that kubectl port-forward reaches it.' },
      ),
    ),
  );
  try {
    return await interruptible(late.signal, ask(io, cluster, pod, path, late.signal));
  } finally {
    timer.cancel();
  }
}

async function ask(
  io: Io,
  cluster: OpenContext,
  pod: Pod,
  path: string,
  signal: AbortSignal,
): Promise<unknown> {
  const host = pod.status.podIPs[0] ?? '';
  if (host.startsWith('127.')) {
    const at = networkFromSpec(io.env.ISTHMUS_NETWORK).locate({ host, port: ADMIN_PORT });
    return get({ ...at, path, signal });
  }
  const { context, paths } = cluster;
  const { name } = pod.metadata;
  const namespace = SYSTEM_NAMESPACE;
  const stream = await forwardPort({ paths, context, namespace, pod: name, port: ADMIN_PORT });
  try {
    return await get({ createConnection: () => stream, path, signal });
  } finally {
    stream.destroy();
  }
}

function get(options: http.RequestOptions): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = http.get({ ...options, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode !== 200)
          reject(new Error(`status ${response.statusCode}: ${text}`));
        else resolve(JSON.parse(text));
      });
    });
    request.on('error', reject);
  });
}
