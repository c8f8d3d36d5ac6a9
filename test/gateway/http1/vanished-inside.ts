/**
 * Plays pods that vanish, and one that is only slow, in a network namespace of its own; prints what became of a request
 * to each. For `vanished.test.ts` alone.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { systemClock } from '#core/clock.ts';
import { identityNetwork } from '#core/network.ts';
import type { AttemptListener } from '#gateway/http/exchange.ts';
import type { RequestHead } from '#gateway/http/message.ts';
import { Http1Pool } from '#gateway/http1/pool.ts';

const [PODS, SLOW] = ['10.9.0.1', '10.9.0.2'] as const;
const PORT = 8080;
/** Longer than it takes to find out that a pod is gone. */
const SLOW_MS = 22_000;
const POST: RequestHead = {
  ...{ method: 'POST', path: '/', authority: 'svc', headers: [], seen: 0 },
  ...{ upgrade: '', length: 0, version: 'http1' },
};

/** Accepts one connection and answers it late; meanwhile it looks at no other. */
const SLOW_POD = `
  const server = require('node:net').createServer((socket) => {
    server.close();
    socket.once('data', () => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${SLOW_MS});
      socket.end('HTTP/1.1 200 OK\\r\\ncontent-length: 0\\r\\nconnection: close\\r\\n\\r\\n');
    });
  });
  server.listen({ host: '${SLOW}', port: ${PORT}, backlog: 1 }, () => console.log('ready'));
  // Keeps its place in the kernel, so that others wait there and are not refused.
  server.close = () => undefined;
`;

const ip = (...args: readonly string[]) => execFileSync('ip', args);

/** What became of one POST, and after how long. */
function post(pool: Http1Pool): Promise<{ what: string; ms: number }> {
  const startMs = performance.now();
  return new Promise((resolve) => {
    const say = (what: string) => resolve({ what, ms: Math.round(performance.now() - startMs) });
    const ignore = () => undefined;
    const listener: AttemptListener = {
      ...{ onInterim: ignore, onAnswerBody: ignore, onAnswerEnd: ignore, onRequestSent: ignore },
      onAnswer: ({ status }) => say(String(status)),
      onFailed: ({ code }) => say(code),
    };
    pool.start({ head: POST, listener });
  });
}

function poolTo(host: string): Http1Pool {
  const endpoint = `${host}:${PORT}`;
  return new Http1Pool({ clock: systemClock, network: identityNetwork, endpoint });
}

ip('link', 'set', 'lo', 'up');
for (const host of [PODS, SLOW]) ip('addr', 'add', `${host}/32`, 'dev', 'lo');
// Whom nothing reaches: packets for it go down a wire at whose end nobody has its address.
ip('link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1');
for (const wire of ['v0', 'v1']) ip('link', 'set', wire, 'up');
ip('addr', 'add', '10.9.1.1/24', 'dev', 'v0');

// The first request of a connection is answered, the second never.
const server = net.createServer((socket) => {
  socket.on('error', () => undefined);
  socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'));
});
server.listen(PORT, PODS);
await once(server, 'listening');
const [before, after] = [poolTo(PODS), poolTo(PODS)];
await Promise.all([post(before), post(after)]);

const slowPod = spawn(process.execPath, ['-e', SLOW_POD], { stdio: ['ignore', 'pipe', 'inherit'] });
await once(slowPod.stdout, 'data');
const slow = post(poolTo(SLOW));
// It must have that one before others stand in line until the kernel takes no more.
await new Promise((resolve) => setTimeout(resolve, 500));
const crowd = Array.from({ length: 8 }, () => net.connect(PORT, SLOW));
for (const each of crowd) each.on('error', () => undefined);

const acknowledged = post(after);
await new Promise((resolve) => setTimeout(resolve, 500));
ip('addr', 'del', `${PODS}/32`, 'dev', 'lo');
ip('route', 'add', `${PODS}/32`, 'dev', 'v0');
ip('neigh', 'add', PODS, 'lladdr', '02:00:00:00:00:01', 'dev', 'v0');
const unacknowledged = post(before);

const results = {
  unacknowledged: await unacknowledged,
  acknowledged: await acknowledged,
  slow: await slow,
};
console.log(JSON.stringify(results));
slowPod.kill();
process.exit(0);
