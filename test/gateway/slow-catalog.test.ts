/** A catalog on a link so slow that its first line takes longer than silence may. */
import assert from 'node:assert/strict';
import net, { type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import type { Hello } from '#core/hello.ts';
import { silentLogger } from '#core/log.ts';
import { systemRandom } from '#core/random.ts';
import { followCatalog } from '#gateway/catalog/follow.ts';
import type { Exchange } from '#gateway/http/exchange.ts';
import { Tunnel } from '#gateway/tunnel/tunnel.ts';
import { until } from './world.ts';

const PIECES = 14;
const EACH_MS = 450;

const hello: Hello = {
  protocols: { min: 1, max: 1 },
  features: [],
  version: '1.0.0',
  cluster: 'east',
  replica: 'east-0',
  worker: 0,
  purpose: 'control',
  replicas: ['east-0'],
  wantsReverse: false,
};

const line = Buffer.from(
  `${JSON.stringify({
    kind: 'snapshot',
    position: { epoch: 'e', revision: 1 },
    cluster: { name: 'east', version: '1.0.0', trustBundle: 'PEM' },
    exports: [],
  })}\n`,
);

/** Says {@link line} a piece at a time. */
function serveSlowly(exchange: Exchange): void {
  let at = 0;
  const timer = setInterval(() => {
    const to = Math.min(line.length, at + Math.ceil(line.length / PIECES));
    if (at < to) exchange.body(line, at, to, false);
    at = to;
  }, EACH_MS);
  exchange.listener = {
    onRequestBody: () => undefined,
    onRequestEnd: () => undefined,
    onAnswerSent: () => undefined,
    onGone: () => clearInterval(timer),
  };
  exchange.answer({ status: 200, headers: [], upgrade: '', length: -1 }, false);
}

test('a line that takes longer than silence may is heard to its end', async (t) => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise<net.Socket>((resolve) => server.once('connection', resolve));
  const dialled = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
  const sockets = [dialled, await accepted] as const;
  const stop = new AbortController();
  t.after(() => {
    stop.abort();
    for (const each of sockets) each.destroy();
    server.close();
  });
  let asked = 0;
  const [near, far] = (['client', 'server'] as const).map(
    (httpRole, at) =>
      new Tunnel({
        connection: sockets[at] as net.Socket,
        httpRole,
        hello,
        clock: systemClock,
        accept: () => undefined,
        serve: (exchange) => {
          asked += 1;
          serveSlowly(exchange);
        },
      }),
  );
  await Promise.all([near?.ready, far?.ready]);
  const catalog = followCatalog({
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    control: () => near,
    signal: stop.signal,
  });
  await until('heard', () => catalog.current() !== undefined, 15_000);
  assert.equal(catalog.current()?.cluster.name, 'east');
  assert.equal(asked, 1, 'it was not broken off and asked for again');
});
