/**
 * The ten servers of one policy in one experiment, in a process of their own: `node servers/main.ts EXPERIMENT
 * HOST…`. Says over its channel when all listen. Their HTTP is as little as will do: what is measured is who
 * chooses a server, not how fast a server is.
 */
import net, { type Socket } from 'node:net';
import { LIMITED_FIRST_MS, SERVER_PORT, SERVERS } from '../experiment.ts';

const HEAD_END = '\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\npong';
const ERROR = 'HTTP/1.1 500 Internal Server Error\r\ncontent-length: 5\r\n\r\nerror';

const [experiment, ...hosts] = process.argv.slice(2);
const isLimited = experiment === 'capacityLimited';
process.once('disconnect', () => process.exit(0));

/** Answers requests of `socket`, which have no content, as `take` says when each may be. */
function serve(socket: Socket, take: (answer: (text: string) => void) => void): void {
  let rest = '';
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes) => {
    rest += bytes.toString('latin1');
    for (let end = rest.indexOf(HEAD_END); end >= 0; end = rest.indexOf(HEAD_END)) {
      const isLast = /^connection: *close/im.test(rest.slice(0, end));
      rest = rest.slice(end + HEAD_END.length);
      take((text) => {
        if (socket.destroyed) return;
        socket.write(text);
        if (isLast) socket.end();
      });
    }
  });
}

const listening = SERVERS.map(({ latencyMs, successRate }, index) => {
  const takesMs = isLimited && index === 0 ? LIMITED_FIRST_MS : latencyMs;
  const queue: ((text: string) => void)[] = [];
  // Errors are as slow as successes.
  const outcome = () => (Math.random() < successRate ? OK : ERROR);
  const serveNext = () => {
    const [answer] = queue;
    if (answer === undefined) return;
    setTimeout(() => {
      queue.shift();
      answer(outcome());
      serveNext();
    }, takesMs);
  };
  const server = net.createServer((socket) =>
    serve(socket, (answer) => {
      if (isLimited) {
        if (queue.push(answer) === 1) serveNext();
      } else if (takesMs === 0) answer(outcome());
      else setTimeout(() => answer(outcome()), takesMs);
    }),
  );
  return new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(SERVER_PORT, hosts[index], 1_024, () => resolve());
  });
});
await Promise.all(listening);
process.send?.('ready');
