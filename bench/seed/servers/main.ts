/**
 * The ten servers of one policy in one experiment, in a process of their own: `node servers/main.ts EXPERIMENT HOST…`.
 * Says over its channel when all listen.
 */
import http, { type ServerResponse } from 'node:http';
import { LIMITED_FIRST_MS, SERVER_PORT, SERVERS } from '../experiment.ts';

const [experiment, ...hosts] = process.argv.slice(2);
const isLimited = experiment === 'capacityLimited';
process.once('disconnect', () => process.exit(0));

const listening = SERVERS.map(({ latencyMs, successRate }, index) => {
  const takesMs = isLimited && index === 0 ? LIMITED_FIRST_MS : latencyMs;
  const queue: ServerResponse[] = [];
  const answer = (response: ServerResponse) => {
    // Errors are as slow as successes.
    const isOk = Math.random() < successRate;
    response.writeHead(isOk ? 200 : 500, { 'content-type': 'text/plain' });
    response.end(isOk ? 'pong' : 'internal service error');
  };
  const serveNext = () => {
    const [response] = queue;
    if (response === undefined) return;
    setTimeout(() => {
      queue.shift();
      answer(response);
      serveNext();
    }, takesMs);
  };
  const server = http.createServer((request, response) => {
    request.resume();
    if (isLimited) {
      if (queue.push(response) === 1) serveNext();
    } else if (takesMs === 0) answer(response);
    else setTimeout(answer, takesMs, response);
  });
  server.keepAliveTimeout = 60_000;
  return new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(SERVER_PORT, hosts[index], 1_024, () => resolve());
  });
});
await Promise.all(listening);
process.send?.('ready');
