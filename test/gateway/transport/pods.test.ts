/** Connections to pods, as the system keeps them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { platform } from 'node:os';
import { test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { identityNetwork } from '#core/network.ts';
import { seededRandom } from '#core/random.ts';
import type { AttemptListener } from '#gateway/http/exchange.ts';
import type { HttpVersion, RequestHead } from '#gateway/http/message.ts';
import { LocalUpstream } from '#gateway/local.ts';

const NOBODY: AttemptListener = {
  onInterim: () => undefined,
  onAnswer: () => undefined,
  onAnswerBody: () => undefined,
  onAnswerEnd: () => undefined,
  onRequestSent: () => undefined,
  onFailed: () => undefined,
};

const GET: RequestHead = {
  ...{ method: 'GET', path: '/', authority: 'shop', headers: [], seen: 0, upgrade: '' },
  ...{ length: 0, version: 'http1' },
};

/**
 * The timer that runs on the other end of `socket`: 0 none, 1 what was sent is not acknowledged, 2 for keeping it alive.
 * Both ports are asked for: a connection to elsewhere, over or not, may have had one of them.
 */
function timerOf(socket: net.Socket): number {
  const hex = (port = 0) => port.toString(16).toUpperCase().padStart(4, '0');
  const ends = new RegExp(`^ *\\d+: \\w+:${hex(socket.remotePort)} \\w+:${hex(socket.localPort)} `);
  const row = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .find((each) => ends.test(each));
  return Number(row?.trim().split(/\s+/)[5]?.slice(0, 2));
}

const WAYS: readonly [string, Partial<RequestHead>, HttpVersion | undefined][] = [
  ['HTTP/1', {}, 'http1'],
  ['HTTP/2', {}, 'http2'],
  ['bytes of its own', { method: 'CONNECT', length: -1 }, undefined],
];

for (const [what, head, version] of WAYS) {
  test(`a pod that speaks ${what} and vanishes without a word is missed`, async (t) => {
    if (platform() !== 'linux') return t.skip('asks Linux for the timers of connections');
    const pod = net.createServer();
    pod.listen(0, '127.0.0.1');
    await once(pod, 'listening');
    const accepted = once(pod, 'connection') as Promise<net.Socket[]>;
    const local = new LocalUpstream({
      ...{ clock: systemClock, network: identityNetwork, random: seededRandom(1) },
      renewAtStreamId: 1_000_000,
    });
    const { port } = pod.address() as AddressInfo;
    const attempt = local.start(
      `127.0.0.1:${port}`,
      { head: { ...GET, ...head }, listener: NOBODY },
      version,
    );
    const [socket] = await accepted;
    t.after(() => {
      attempt.cancel();
      local.close();
      socket?.destroy();
      pod.close();
    });
    // What was sent has been acknowledged by then.
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(socket);
    assert.equal(timerOf(socket), 2);
  });
}
