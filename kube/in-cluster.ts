/**
 * The client of a component that runs in the cluster it talks to: its service account's token and
 * CA, both followed where their files change.
 */
import { join } from 'node:path';
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/log.ts';
import { formatAddress, type Network } from '#core/network.ts';
import type { Random } from '#core/random.ts';
import { tokenFile } from './credentials.ts';
import { followFiles } from './followed-files.ts';
import { HttpKubeClient } from './http-client.ts';

export interface InClusterOptions {
  /** `KUBERNETES_SERVICE_HOST`. */
  readonly host: string;
  /** `KUBERNETES_SERVICE_PORT`. */
  readonly port: number;
  /** The folder that holds `token` and `ca.crt`. */
  readonly serviceAccountFolder: string;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** A client that authenticates as the pod's service account. Throws `INVALID_CONFIG`. */
export function inClusterClient(options: InClusterOptions): HttpKubeClient {
  const { host, port, serviceAccountFolder, clock } = options;
  return new HttpKubeClient({
    ...options,
    server: new URL(`https://${formatAddress({ host, port })}`),
    tls: {},
    headers: followFiles(
      tokenFile(join(serviceAccountFolder, 'token'), clock),
      { ca: join(serviceAccountFolder, 'ca.crt') },
      clock,
    ),
  });
}
