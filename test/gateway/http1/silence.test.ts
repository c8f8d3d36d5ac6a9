/** Pods that fall silent while they owe an answer over HTTP/1: who vanished is given up, who is slow never is. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { platform } from 'node:os';
import { describe, test } from 'node:test';
import { identityNetwork } from '#core/network.ts';
import type { AttemptError } from '#gateway/http/attempt-error.ts';
import type { AttemptListener } from '#gateway/http/exchange.ts';
import type { RequestHead } from '#gateway/http/message.ts';
import { Http1Pool } from '#gateway/http1/pool.ts';
import { QUIET_MS, Silence } from '#gateway/http1/silence.ts';
import { FRESH_MS, Soundings, UNANSWERED_MIN } from '#gateway/http1/soundings.ts';
import { reachesPod } from '#gateway/transport/knock.ts';
import { readTcpTable, TcpTable } from '#gateway/transport/unanswered.ts';
import { HandClock } from '#test/gateway/loss/memory.ts';
import { listen, pod, until } from './support.ts';

const POST: RequestHead = {
  ...{ method: 'POST', path: '/', authority: 'svc', headers: [], seen: 0 },
  ...{ upgrade: '', length: 0, version: 'http1' },
};

/** A row as Linux writes it. */
function row(local: string, remote: string, state: string, timer: string, rest: string): string {
  return `   4: ${local} ${remote} ${state} 00000005:00000000 ${timer}:0000009F ${rest} 50929 2 0000000063d0992b 20 0 0 10 -1`;
}

/** A table in which data to `remotePort` was sent again `times`, whatever port it came from. */
function lost({ localPort, remotePort }: { localPort: number; remotePort: number }, times: number) {
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0');
  const again = `${times.toString(16).padStart(8, '0')}     0        0`;
  const [from, to] = [`0100007F:${hex(localPort)}`, `0100007F:${hex(remotePort)}`];
  return new TcpTable(row(from, to, '01', '01', again));
}

describe('a silence', () => {
  test('is due after ten seconds in which nothing moved, and twice as late each time it is excused', () => {
    const silence = new Silence();
    const exchange = {};
    assert.equal(silence.isDue(exchange, 5, 1_000), false);
    assert.equal(silence.isDue(exchange, 5, 1_000 + QUIET_MS - 1), false);
    assert.equal(silence.isDue(exchange, 5, 1_000 + QUIET_MS), true);
    silence.excuse(1_000 + QUIET_MS);
    assert.equal(silence.isDue(exchange, 5, 1_000 + 2 * QUIET_MS - 1), false);
    assert.equal(silence.isDue(exchange, 5, 1_000 + 2 * QUIET_MS), true);
  });

  test('begins anew with a byte either way, another exchange, or a pause of ours', () => {
    const silence = new Silence();
    const [one, other] = [{}, {}];
    assert.equal(silence.isDue(one, 5, 0), false);
    assert.equal(silence.isDue(one, 6, 15_000), false);
    assert.equal(silence.isDue(other, 6, 30_000), false);
    assert.equal(silence.isDue(undefined, 6, 45_000), false);
    assert.equal(silence.isDue(other, 6, 60_000), false);
    assert.equal(silence.isDue(other, 6, 60_000 + QUIET_MS), true);
  });
});

describe('what the system says of a connection', () => {
  const ports = { localPort: 0x85ba, remotePort: 0x1f90 };
  const [ours, theirs] = ['0100090A:85BA', '0200090A:1F90'];

  test('is how often data was sent again without an answer, or a sign of life asked for', () => {
    const again = new TcpTable(row(ours, theirs, '01', '01', '0000000B     0        0'));
    assert.equal(again.unanswered(ports), 11);
    const asked = new TcpTable(row(ours, theirs, '01', '02', '00000000     0        7'));
    assert.equal(asked.unanswered(ports), 7);
    // An earlier loss that was made good is no sign of anything.
    const waits = new TcpTable(row(ours, theirs, '01', '00', '00000003     0        0'));
    assert.equal(waits.unanswered(ports), 0);
  });

  test('is nothing where the other end, another connection or one that is over is meant', () => {
    const rest = '0000000B     0        0';
    assert.equal(new TcpTable(row(theirs, ours, '01', '01', rest)).unanswered(ports), 0);
    assert.equal(new TcpTable('').unanswered(ports), 0);
    const over = row('0100090A:85BA', '0300090A:1F90', '06', '03', '00000000     0        0');
    const both = `${over}\n${row(ours, theirs, '01', '01', rest)}`;
    assert.equal(new TcpTable(both).unanswered(ports), 11);
    const elsewhere = row(ours, '0300090A:1F90', '01', '00', '00000000     0        0');
    const two = `${row(ours, theirs, '01', '01', rest)}\n${elsewhere}`;
    assert.equal(new TcpTable(two).unanswered(ports), 0, 'of two with these ports the least');
  });

  test('is read once for all who ask within a second', () => {
    const first = readTcpTable(5_000);
    assert.equal(readTcpTable(5_999), first);
    assert.notEqual(readTcpTable(6_000), first);
  });

  test('is found at once among thousands of connections, however many ask', () => {
    const rows = Array.from({ length: 16_000 }, (_, at) => {
      const from = `0100090A:${(at + 1_024).toString(16).toUpperCase().padStart(4, '0')}`;
      return row(from, theirs, '01', '01', `0000000${(at % 8).toString(16)}     0        0`);
    });
    const table = new TcpTable(rows.join('\n'));
    for (let at = 0; at < 16_000; at += 1)
      assert.equal(table.unanswered({ localPort: at + 1_024, remotePort: 0x1f90 }), at % 8);
  });

  test('is nothing of one that is well', async (t) => {
    if (platform() !== 'linux') return t.skip('asks Linux');
    const it = await pod(() => undefined);
    const socket = net.connect(it.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write('what is acknowledged');
    const { localPort = 0 } = socket;
    assert.equal((await readTcpTable(0)).unanswered({ localPort, remotePort: it.port }), 0);
    socket.destroy();
    it.close();
  });
});

describe('soundings', () => {
  const ports = { localPort: 1, remotePort: 2 };

  test('ask a pod once for all that wait, and again when the answer is old', async () => {
    const clock = new HandClock();
    let asked = 0;
    const reaches = async () => {
      asked += 1;
      return true;
    };
    const soundings = new Soundings({ reaches, readTable: readTcpTable }, clock);
    for (let each = 0; each < 100; each += 1) assert.equal(soundings.find(ports, 0), 'unknown');
    await new Promise((resolve) => setImmediate(resolve));
    for (let each = 0; each < 100; each += 1)
      assert.equal(soundings.find(ports, FRESH_MS - 1), 'there');
    assert.equal(asked, 1);
    assert.equal(soundings.find(ports, FRESH_MS), 'unknown');
    assert.equal(asked, 2);
  });

  test('take a pod that refuses for one that is there, and one that nothing comes back from not', async () => {
    const clock = new HandClock();
    const server = net.createServer();
    const port = await listen(server);
    assert.equal(await reachesPod({ host: '127.0.0.1', port }, 1_000, clock), true);
    server.close();
    await once(server, 'close');
    assert.equal(await reachesPod({ host: '127.0.0.1', port }, 1_000, clock), true);
    // Before the system could answer the time is over.
    const nobody = reachesPod({ host: '127.0.0.1', port }, 1_000, clock);
    clock.advance(1_000);
    assert.equal(await nobody, false);
  });
});

/** A pod that never answers, a request to it under way, and a clock moved by hand. */
async function silentPod(found: { reaches: boolean; again: number }) {
  const clock = new HandClock();
  const it = await pod(() => undefined);
  const ports = { localPort: 0, remotePort: it.port };
  const pool = new Http1Pool({
    ...{ clock, network: identityNetwork, endpoint: `127.0.0.1:${it.port}` },
    sounding: {
      reaches: async () => found.reaches,
      readTable: async () => lost(ports, found.again),
    },
  });
  const failures: AttemptError[] = [];
  const ignore = () => undefined;
  const listener: AttemptListener = {
    ...{ onInterim: ignore, onAnswer: ignore, onAnswerBody: ignore, onAnswerEnd: ignore },
    onRequestSent: ignore,
    onFailed: (error) => void failures.push(error),
  };
  pool.start({ head: POST, listener });
  await until(() => it.sockets.length === 1 && (it.sockets[0] as net.Socket).bytesRead > 0);
  ports.localPort = (it.sockets[0]?.remotePort ?? 0) as number;
  return {
    failures,
    /** Lets `seconds` pass. */
    async pass(seconds: number) {
      for (let each = 0; each < seconds; each += 1) {
        clock.advance(1_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    close() {
      pool.close();
      it.close();
    },
  };
}

describe('a request that may not be repeated', () => {
  test('fails within some ten seconds where its pod has vanished', async () => {
    const gone = await silentPod({ reaches: false, again: UNANSWERED_MIN });
    await gone.pass(9);
    assert.equal(gone.failures.length, 0);
    await gone.pass(4);
    const [failure] = gone.failures;
    assert.equal(failure?.code, 'UPSTREAM_RESET');
    assert.equal(failure?.neverSent, false, 'nobody knows what became of it');
    assert.match(failure?.message ?? '', /vanished: nothing was heard of it for 1\d s/);
    gone.close();
  });

  for (const [what, found] of [
    ['accepts connections', { reaches: true, again: 50 }],
    ['has no room for another connection, but acknowledges', { reaches: false, again: 0 }],
    ['has only just missed something', { reaches: false, again: UNANSWERED_MIN - 1 }],
  ] as const) {
    test(`waits as long as it takes where its pod is slow and ${what}`, async () => {
      const slow = await silentPod(found);
      await slow.pass(600);
      assert.equal(slow.failures.length, 0);
      slow.close();
    });
  }
});
