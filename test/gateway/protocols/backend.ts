/**
 * All pods of the suite, made only with libraries that know nothing of our codecs.
 */
import { Journal } from './journal.ts';
import { startGrpc } from './pods/grpc.ts';
import { startH2c, startHttp1, startLegacy } from './pods/http.ts';
import { type Pod, refusedPort } from './pods/pod.ts';
import { startBanner, startTcp, startTls } from './pods/tcp.ts';
import { startWebSocket } from './pods/websocket.ts';
import type { PodName } from './ports.ts';

export interface Backend {
  readonly journal: Journal;
  readonly pods: Readonly<Record<PodName, Pod>>;
  destroy(): void;
}

/** Starts one of each. */
export async function startBackend(): Promise<Backend> {
  const journal = new Journal();
  const pods = {
    http1: await startHttp1('http1', journal),
    'http1-b': await startHttp1('http1-b', journal),
    h2c: await startH2c('h2c', journal),
    'h2c-b': await startH2c('h2c-b', journal),
    websocket: await startWebSocket(journal),
    grpc: await startGrpc(journal),
    tcp: await startTcp(journal),
    banner: await startBanner(),
    tls: await startTls(),
    legacy: await startLegacy(),
    refused: await refusedPort(),
  };
  return {
    journal,
    pods,
    destroy() {
      for (const pod of Object.values(pods)) pod.destroy();
    },
  };
}
