/**
 * One TCP connection to a port of a pod, through the API server (`kubectl port-forward`): it arrives at the
 * pod's own loopback, which is how a person who may reach a pod is told from the rest of the network.
 *
 * Needs `get` on `pods/portforward`, and `create` where the API server asks for it of upgrades by GET too (Kubernetes
 * 1.35). https://kubernetes.io/docs/reference/kubectl/generated/kubectl_port-forward/
 */
import { Duplex, PassThrough } from 'node:stream';
import { IsthmusError } from '#core/errors.ts';
import { loadKubeconfig } from './kubeconfig.ts';

/** Whose port, by which credentials. */
export interface PortForwardOptions {
  readonly paths: readonly string[];
  readonly context: string;
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
}

/** The connection; what goes wrong later destroys it. Rejects with `CLUSTER_UNREACHABLE`. */
export async function forwardPort(options: PortForwardOptions): Promise<Duplex> {
  const { namespace, pod, port } = options;
  const [config, { PortForward }] = await Promise.all([
    loadKubeconfig(options),
    import('@kubernetes/client-node'),
  ]);
  const toPod = new PassThrough();
  const fromPod = new PassThrough();
  const errors = new PassThrough();
  const duplex = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      toPod.write(chunk, done);
    },
    final(done) {
      toPod.end(done);
    },
  });
  fromPod.on('data', (chunk: Buffer) => duplex.push(chunk));
  fromPod.on('end', () => duplex.push(null));
  // It may be refused before anybody reads, who then hears of it.
  duplex.on('error', () => undefined);
  const refused = (why: string) =>
    new IsthmusError(
      'CLUSTER_UNREACHABLE',
      `no way to port ${port} of ${namespace}/${pod}: ${why}`,
      {
        next: 'Check that you may create pods/portforward in that namespace, and that the pod runs.',
      },
    );
  errors.on('data', (text: Buffer) => duplex.destroy(refused(text.toString('utf8').trim())));
  try {
    const socket = await new PortForward(config).portForward(
      namespace,
      pod,
      [port],
      fromPod,
      errors,
      toPod,
    );
    if (typeof socket !== 'function') {
      socket.on('close', () => fromPod.end());
      socket.on('error', (error) => duplex.destroy(refused(error.message)));
      if (duplex.destroyed) socket.close();
      else duplex.once('close', () => socket.close());
    }
    return duplex;
  } catch (error) {
    throw refused(messageOf(error));
  }
}

/** What a WebSocket that could not be opened is rejected with is no Error. */
function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error
    ? String(error.message)
    : String(error);
}
