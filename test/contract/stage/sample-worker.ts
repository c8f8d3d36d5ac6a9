/**
 * The thread behind `samples.ts`: HTTP servers that say which pod they are.
 */
import { parentPort } from 'node:worker_threads';
import { systemClock } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import { identityNetwork } from '#core/network.ts';
import { SampleServer } from '#devcluster/pods/sample-server.ts';
import type { SampleRequest } from './samples.ts';

const servers = new Map<string, SampleServer>();

parentPort?.on('message', (request: SampleRequest) => {
  const { id } = request;
  answer(request).then(
    () => parentPort?.postMessage({ id }),
    (error: unknown) => parentPort?.postMessage({ id, failure: describeError(error) }),
  );
});

async function answer(request: SampleRequest): Promise<void> {
  if (request.does === 'drain') {
    const server = servers.get(request.uid);
    servers.delete(request.uid);
    await server?.drain();
    return;
  }
  // Addresses of played clusters are what they say.
  const surroundings = { latencyMs: 0, network: identityNetwork, clock: systemClock };
  const server = new SampleServer({ ...request.options, ...surroundings });
  servers.set(request.uid, server);
  await server.listen();
}
