/**
 * The HTTP/1 client end over real sockets, alone and behind the server end: framing, the pool, failures.
 */
import assert from 'node:assert/strict';
import http from 'node:http';
import type net from 'node:net';
import { after, test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { identityNetwork } from '#core/network.ts';
import type { AttemptError } from '#gateway/http/attempt-error.ts';
import { DeferredAttempt } from '#gateway/http/deferred.ts';
import type { Attempt, AttemptListener } from '#gateway/http/exchange.ts';
import { HELD_BYTES_MAX, HeldContent } from '#gateway/http/held.ts';
import type { RawHeaders, RequestHead, ResponseHead } from '#gateway/http/message.ts';
import { Http1Pool } from '#gateway/http1/pool.ts';
import { CONNECTS_PER_TURN } from '#gateway/transport/connects.ts';
import { ENDINGS_PER_TURN } from '#gateway/transport/endings.ts';
import { SEEN } from '#gateway/wire/seen.ts';
import { listen, pod, poolTo, RawClient, Relay, serve, until } from './support.ts';

const opened: { close(): unknown }[] = [];
after(() => Promise.all(opened.map((each) => each.close())));

function keep<T extends { close(): unknown }>(it: T): T {
  opened.push(it);
  return it;
}

/** Notes what becomes of an attempt. */
class Notes implements AttemptListener {
  readonly interim: number[] = [];
  head: ResponseHead | undefined;
  text = '';
  trailers: RawHeaders = [];
  ended = false;
  sent = 0;
  failure: AttemptError | undefined;
  attempt: Attempt | undefined;
  consumes = true;
  given = 0;

  onInterim(head: ResponseHead): void {
    this.interim.push(head.status);
  }

  onAnswer(head: ResponseHead, end: boolean): void {
    this.head = head;
    this.ended = end;
  }

  onAnswerBody(bytes: Buffer, from: number, to: number, end: boolean): void {
    this.given += to - from;
    if (this.given < 100_000) this.text += bytes.toString('latin1', from, to);
    this.ended = end;
    if (this.consumes) this.attempt?.consumed(to - from);
  }

  onAnswerEnd(trailers: RawHeaders): void {
    this.trailers = trailers;
    this.ended = true;
  }

  onRequestSent(bytes: number): void {
    this.sent += bytes;
  }

  onFailed(error: AttemptError): void {
    this.failure = error;
  }
}

const HEAD: RequestHead = {
  method: 'GET',
  path: '/',
  authority: 'svc',
  headers: ['host', 'other', 'te', 'trailers', 'x-a', '1'],
  seen: SEEN.HOST | SEEN.TE,
  upgrade: '',
  length: 0,
  version: 'http1',
};

function start(pool: Http1Pool, head: Partial<RequestHead> = {}): Notes {
  const notes = new Notes();
  notes.attempt = pool.start({ head: { ...HEAD, ...head }, listener: notes });
  return notes;
}

async function done(notes: Notes): Promise<Notes> {
  await until(() => notes.ended || notes.failure !== undefined, 'the answer');
  return notes;
}

/** A pod that answers each request, once its head has come, with `answers` in turn. */
async function scripted(...answers: (string | ((socket: net.Socket) => void))[]) {
  const heads: string[] = [];
  const made = await pod((socket) => {
    socket.on('data', (bytes) => {
      const text = bytes.toString('latin1');
      if (!/^[A-Z]+ \S+ HTTP/.test(text)) return;
      heads.push(text);
      const answer = answers.shift();
      if (typeof answer === 'string') socket.write(answer);
      else answer?.(socket);
    });
  });
  keep(made);
  return { ...made, heads, pool: keep(poolTo(made.port)) };
}

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

test('writes the head as given, reads each framing, and uses one connection again', async () => {
  const { pool, heads, sockets } = await scripted(
    `HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${OK}`,
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-t: 1\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n',
    'HTTP/1.1 204 No Content\r\n\r\n',
    'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n',
    (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nuntil close'),
  );
  const one = await done(start(pool));
  assert.deepEqual(one.interim, [103, 100]);
  assert.equal(one.text, 'ok');
  assert.equal(one.head?.length, 2);
  assert.equal(heads[0], 'GET / HTTP/1.1\r\nhost: svc\r\nx-a: 1\r\n\r\n');
  assert.deepEqual([pool.idle, pool.busy], [1, 0]);
  const two = await done(start(pool));
  assert.deepEqual([two.text, two.trailers, two.head?.length], ['ok', ['x-t', '1'], -1]);
  assert.equal((await done(start(pool, { method: 'HEAD' }))).head?.length, 0);
  assert.equal((await done(start(pool))).head?.status, 204);
  assert.equal((await done(start(pool, { method: 'POST' }))).head?.status, 304);
  assert.match(heads[4] ?? '', /content-length: 0\r\n/);
  const last = await done(start(pool));
  assert.deepEqual([last.text, last.head?.length], ['until close', -1]);
  assert.equal(sockets.length, 1);
  await until(() => pool.idle + pool.busy === 0);
});

test('head and content leave in one write; chunks carry trailers', async () => {
  const { pool, heads } = await scripted(OK, OK);
  const one = start(pool, { method: 'POST', length: 3 });
  one.attempt?.body(Buffer.from('xabcx'), 1, 4, true);
  await done(one);
  assert.match(heads[0] ?? '', /content-length: 3\r\n\r\nabc$/);
  assert.equal(one.sent, 3);
  const two = start(pool, { method: 'POST', length: -1 });
  two.attempt?.body(Buffer.from('abc'), 0, 3, false);
  two.attempt?.end(['x-t', '1']);
  await done(two);
  assert.match(
    heads[1] ?? '',
    /transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-t: 1\r\n\r\n$/,
  );
});

test('an answer byte by byte', async () => {
  const { pool } = await scripted(async (socket) => {
    for (const letter of OK) {
      socket.write(letter);
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
  assert.equal((await done(start(pool))).text, 'ok');
  assert.equal(pool.idle, 1);
});

test('failures say where, and whether another may follow', async () => {
  const cases: [string | ((socket: net.Socket) => void), string][] = [
    [(socket) => socket.end(), 'UPSTREAM_RESET'],
    [(socket) => socket.resetAndDestroy(), 'UPSTREAM_RESET'],
    [(socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc'), 'UPSTREAM_RESET'],
    [(socket) => socket.end('HTTP/1.1 200'), 'UPSTREAM_RESET'],
    ['SSH-2.0-x\r\n', 'UPSTREAM_PROTOCOL'],
    ['HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n', 'UPSTREAM_PROTOCOL'],
    ['HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n', 'UPSTREAM_PROTOCOL'],
  ];
  const { pool, port } = await scripted(...cases.map(([answer]) => answer));
  for (const [, code] of cases) {
    const { failure } = await done(start(pool));
    assert.equal(failure?.code, code);
    assert.equal(failure?.neverSent, false);
    assert.match(failure?.message ?? '', new RegExp(`127.0.0.1:${port}`));
  }
  await until(() => pool.busy === 0);
  const bad = start(pool, { headers: ['x', 'a\r\nb'] });
  assert.equal((await done(bad)).failure?.neverSent, true);
  const refused = keep(poolTo(1));
  const { failure } = await done(start(refused));
  assert.deepEqual([failure?.code, failure?.neverSent], ['UPSTREAM_CONNECT', true]);
  assert.match(failure?.message ?? '', /127.0.0.1:1: .*ECONNREFUSED/);
  await until(() => refused.busy === 0);
});

test('an idle connection that gets bytes or a FIN is dropped, and never trusted', async () => {
  const { pool, sockets } = await scripted(OK, OK, `${OK}HTTP/1.1 200 OK\r\n`, OK);
  await done(start(pool));
  sockets[0]?.end();
  await until(() => pool.idle === 0);
  await done(start(pool));
  sockets[1]?.write('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged');
  await until(() => pool.idle === 0);
  // Bytes behind the answer, in the same chunk.
  assert.equal((await done(start(pool))).text, 'ok');
  assert.equal(pool.idle, 0);
  assert.equal((await done(start(pool))).text, 'ok');
  assert.equal(sockets.length, 4);
});

/** Begins a request of `one` when the pod has done `what`, and before anything of that is read. */
function beginJustAfter(pool: Http1Pool, one: Notes, what: () => void): void {
  // From a timer: what the pod did is read before the turn ends, and so before the request leaves.
  setTimeout(() => {
    what();
    const late = performance.now() + 10;
    while (performance.now() < late);
    one.attempt = pool.start({ head: { ...HEAD, method: 'POST', length: 2 }, listener: one });
    one.attempt.body(Buffer.from('hi'), 0, 2, true);
  }, 5);
}

test('a request begun on a connection that the pod has just given up goes out on another', async () => {
  const { pool, sockets, heads } = await scripted(OK, OK, OK);
  const givesUp: ((socket: net.Socket | undefined) => void)[] = [
    (socket) => socket?.destroy(),
    (socket) => socket?.write('HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n'),
  ];
  await done(start(pool));
  for (const [at, giveUp] of givesUp.entries()) {
    const one = new Notes();
    beginJustAfter(pool, one, () => {
      assert.equal(pool.idle, 1);
      giveUp(sockets[at]);
    });
    await done(one);
    assert.equal(one.failure, undefined);
    assert.match(heads[at + 1] ?? '', /^POST .*hi$/s);
    assert.deepEqual([one.head?.status, one.text, sockets.length], [200, 'ok', at + 2]);
  }
});

test('so does one begun on a connection that nobody has used yet', async () => {
  const forged = 'HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n';
  const { pool, sockets, heads } = await scripted(OK);
  start(pool).attempt?.cancel();
  await until(() => pool.idle === 1 && sockets.length === 1);
  const one = new Notes();
  beginJustAfter(pool, one, () => sockets[0]?.write(forged));
  await done(one);
  assert.deepEqual([one.failure, one.head?.status, one.text], [undefined, 200, 'ok']);
  assert.deepEqual([heads.length, sockets.length], [1, 2]);
});

test('a pod that does not accept in time was never sent anything', async () => {
  const { port } = await scripted();
  const pool = keep(
    new Http1Pool({
      clock: {
        ...systemClock,
        after: (_, callback) => {
          process.nextTick(callback);
          return { cancel: () => undefined };
        },
      },
      network: identityNetwork,
      endpoint: `127.0.0.1:${port}`,
    }),
  );
  const one = start(pool, { method: 'POST', length: 2 });
  one.attempt?.body(Buffer.from('hi'), 0, 2, true);
  const { failure, sent } = await done(one);
  assert.deepEqual([failure?.code, failure?.neverSent, sent], ['UPSTREAM_CONNECT', true, 0]);
  assert.equal(
    failure?.message,
    `cannot connect to 127.0.0.1:${port}: not connected within 1000 ms`,
  );
  await until(() => pool.busy === 0);
});

test('the pool is last in, first out, and forgets what has been idle', async () => {
  const { pool, sockets } = await scripted(OK, OK, OK, OK);
  const both = [start(pool), start(pool)];
  await Promise.all(both.map(done));
  assert.deepEqual([pool.idle, pool.busy, sockets.length], [2, 0, 2]);
  await done(start(pool));
  assert.equal(sockets.length, 2);
  await until(() => pool.idle === 0);
  assert.equal(pool.busy, 0);
});

test('a connection is not used for longer than the pod says that it keeps it', async () => {
  const short = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nKeep-Alive: timeout=1, max=9\r\n\r\nok';
  const { pool, sockets } = await scripted(short, OK);
  await done(start(pool));
  await done(start(pool));
  assert.equal(sockets.length, 1);
  const { pool: second, sockets: opened } = await scripted(short, OK);
  await done(start(second));
  await new Promise((resolve) => setTimeout(resolve, 950));
  await done(start(second));
  assert.equal(opened.length, 2);
});

test('cancel ends the connection under way; a complete one stays', async () => {
  const { pool } = await scripted(() => undefined, OK);
  const one = start(pool);
  await until(() => pool.busy === 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  one.attempt?.cancel();
  await until(() => pool.busy === 0);
  assert.equal(one.failure, undefined);
  const two = await done(start(pool));
  two.attempt?.cancel();
  assert.equal(pool.idle, 1);
  pool.drain();
  await until(() => pool.idle + pool.busy === 0);
});

test('an answer that overtakes its request ends with the connection', async () => {
  const { pool } = await scripted('HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n');
  const one = start(pool, { method: 'POST', length: 100 });
  await done(one);
  assert.deepEqual([one.head?.status, pool.busy, pool.idle], [413, 1, 0]);
  one.attempt?.cancel();
  await until(() => pool.busy === 0);
});

test('an answer is read by credit', async () => {
  const size = 8_000_000;
  const { pool } = await scripted((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
    socket.write(Buffer.alloc(size));
  });
  const one = new Notes();
  one.consumes = false;
  one.attempt = pool.start({ head: HEAD, listener: one });
  let told = 0;
  while (!one.ended) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.ok(one.given - told <= 262_144 + 65_536, `${one.given - told} outstanding`);
    one.attempt.consumed(one.given - told);
    told = one.given;
  }
  assert.equal(one.given, size);
  assert.equal(pool.idle, 1);
});

test('while much is held, of an answer that nobody takes a single read is', async () => {
  const held = new HeldContent(() => undefined);
  const others = { holdsMore: () => undefined, breakOff: () => assert.fail('nothing is full') };
  const { port } = await scripted((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 8000000\r\n\r\n`);
    socket.write(Buffer.alloc(8_000_000));
  });
  const pool = keep(poolTo(port, held));
  held.change(others, 0, HELD_BYTES_MAX / 4 + 1);
  const one = new Notes();
  one.consumes = false;
  one.attempt = pool.start({ head: HEAD, listener: one });
  await until(() => one.given > 0);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const first = one.given;
  assert.ok(first <= 32_768 + 65_536, `${first} bytes`);
  // A little taken lets nothing more in, nearly all does.
  one.attempt.consumed(first - 20_000);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(one.given, first);
  one.attempt.consumed(10_000);
  await until(() => one.given > first);
  held.change(others, HELD_BYTES_MAX / 4 + 1, 0);
  one.attempt.consumed(one.given - first + 10_000);
  await until(() => one.given - first > 262_144);
  one.attempt.cancel();
});

test('an upgrade: bytes both ways, also those sent before the switch', async () => {
  const { pool, heads } = await scripted(
    (socket) => {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ECHO\r\n\r\nhi',
      );
      socket.removeAllListeners('data');
      socket.on('data', (bytes) => socket.write(bytes));
      socket.on('end', () => socket.end('bye'));
    },
    'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n',
    OK,
  );
  const one = start(pool, { upgrade: 'echo' });
  one.attempt?.body(Buffer.from('early'), 0, 5, false);
  await until(() => one.text === 'hiearly');
  assert.match(heads[0] ?? '', /connection: upgrade\r\nupgrade: echo\r\n\r\n$/);
  assert.deepEqual([one.head?.status, one.head?.upgrade], [101, 'ECHO']);
  one.attempt?.end([]);
  await done(one);
  assert.equal(one.text, 'hiearlybye');
  await until(() => pool.busy === 0);
  assert.equal(pool.idle, 0);
  assert.equal((await done(start(pool, { upgrade: 'echo' }))).failure?.code, 'UPSTREAM_PROTOCOL');
  const plain = await done(start(pool, { upgrade: 'echo' }));
  assert.deepEqual([plain.text, pool.idle], ['ok', 1]);
});

/** node:http behind both ends. */
async function pair(handler: http.RequestListener) {
  const server = http.createServer(handler);
  const port = await listen(server);
  keep({
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  const pool = keep(poolTo(port));
  const relays: Relay[] = [];
  const front = keep(await serve((exchange) => relays.push(new Relay(exchange, pool))));
  return { port: front.port, pool, relays, server, front };
}

test('both ends: 2000 requests over 20 connections keep few connections to the pod', async () => {
  const { port, pool } = await pair((request, response) => {
    let size = 0;
    request.on('data', (bytes) => {
      size += bytes.length;
    });
    request.on('end', () => response.end(`${request.url} ${size}`));
  });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 20 });
  keep({ close: () => agent.destroy() });
  const one = (at: number) =>
    new Promise<void>((resolve, reject) => {
      const request = http.request({ port, agent, path: `/${at}`, method: 'POST' }, (response) => {
        let text = '';
        response.on('data', (bytes) => {
          text += bytes;
        });
        response.on('end', () => {
          assert.equal(text, `/${at} ${(at * 37) % 20_000}`);
          resolve();
        });
      });
      request.on('error', reject);
      request.end('x'.repeat((at * 37) % 20_000));
    });
  await Promise.all(Array.from({ length: 2_000 }, (_, at) => one(at)));
  assert.ok(pool.idle <= 20 && pool.busy === 0, `${pool.idle} ${pool.busy}`);
});

test('both ends: 100 MiB to a slow reader, and up to a slow pod, in bounded memory', async () => {
  const size = 100 * 1024 * 1024;
  const piece = Buffer.alloc(262_144, 'x');
  const { port } = await pair((request, response) => {
    if (request.method === 'POST') {
      let got = 0;
      request.on('data', (bytes) => {
        got += bytes.length;
        if (got % 16 === 0) {
          request.pause();
          setTimeout(() => request.resume(), 1);
        }
      });
      request.on('end', () => response.end(String(got)));
      return;
    }
    response.setHeader('content-length', size);
    let left = size;
    const more = () => {
      while (left > 0) {
        left -= piece.length;
        if (!response.write(piece)) {
          response.once('drain', more);
          return;
        }
      }
      response.end();
    };
    more();
  });
  let peak = 0;
  const base = process.memoryUsage.rss();
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss() - base);
  }, 5);
  const one = new RawClient(port);
  keep({ close: () => one.socket.destroy() });
  one.send('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  let seen = 0;
  one.socket.on('data', (bytes) => {
    seen += bytes.length;
    if (seen % 4 !== 0) return;
    one.socket.pause();
    setTimeout(() => one.socket.resume(), 1);
  });
  await until(() => seen > 10_000_000, 'a beginning');
  await one.until((self) => self.bytes > size && self.ended);
  const got = await new Promise<string>((resolve, reject) => {
    const request = http.request({ port, method: 'POST' }, (response) => {
      response.on('data', (bytes) => resolve(String(bytes)));
    });
    request.on('error', reject);
    let left = size;
    const more = () => {
      while (left > 0) {
        left -= piece.length;
        if (!request.write(piece)) {
          request.once('drain', more);
          return;
        }
      }
      request.end();
    };
    more();
  });
  clearInterval(timer);
  assert.equal(got, String(size));
  assert.ok(peak < 80 * 1024 * 1024, `grew by ${peak}`);
});

test('both ends: an early 413 of the pod reaches a client that uploads 50 MiB', async () => {
  const { port, pool } = await pair((_request, response) => {
    response.writeHead(413);
    response.end('too large');
  });
  const one = new RawClient(port);
  keep({ close: () => one.socket.destroy() });
  one.send(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${50 * 1024 * 1024}\r\n\r\n`);
  one.send(Buffer.alloc(50 * 1024 * 1024));
  assert.match(await one.has('too large'), /^HTTP\/1.1 413 /);
  await one.end();
  await until(() => pool.busy === 0);
});

test('both ends: an aborted upload ends the attempt, and a broken answer the client', async () => {
  let aborted = false;
  const { port, relays, pool } = await pair((request, response) => {
    request.on('error', () => undefined);
    request.on('close', () => {
      aborted ||= !request.complete;
    });
    if (request.method === 'POST') return request.resume();
    response.writeHead(200, { 'content-length': 100 });
    response.write('abc');
    setTimeout(() => response.destroy(), 30);
    return;
  });
  const one = new RawClient(port);
  one.send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nabc');
  await until(() => pool.busy === 1);
  one.socket.resetAndDestroy();
  await until(() => aborted && pool.busy === 0);
  assert.equal(relays[0]?.gone, 1);
  const two = new RawClient(port).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  keep({ close: () => two.socket.destroy() });
  await two.end();
  assert.equal(two.error, 'ECONNRESET');
  assert.match(relays[1]?.failure?.message ?? '', /broke off/);
});

test('both ends: an upgrade through, and expect: 100-continue end to end', async () => {
  const { port, server, pool } = await pair((request, response) => {
    request.pipe(response);
  });
  server.on('upgrade', (_request, socket) => {
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n',
    );
    socket.pipe(socket);
  });
  const one = new RawClient(port);
  keep({ close: () => one.socket.destroy() });
  one.send('GET / HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: echo\r\n\r\n');
  await one.has('upgrade: echo\r\n\r\n');
  one.send(Buffer.alloc(500_000, 'x'));
  await one.until((self) => self.bytes > 500_000);
  one.socket.end('last');
  await one.has('last');
  await one.end();
  await until(() => pool.busy === 0);
  const two = new RawClient(port);
  keep({ close: () => two.socket.destroy() });
  two.send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n');
  await two.has('100 Continue\r\n\r\n');
  two.send('hi');
  await two.has('\r\n2\r\nhi\r\n');
});

test('both ends: what a HEAD has switched to has content like any other', async () => {
  const it = keep(
    await pod((socket) => {
      socket.once('data', () => {
        const fields = 'connection: upgrade\r\nupgrade: echo\r\n';
        socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\nwelcome`);
        socket.on('data', (bytes) => socket.write(bytes));
      });
    }),
  );
  const pool = keep(poolTo(it.port));
  const { port } = keep(await serve((exchange) => new Relay(exchange, pool)));
  const client = new RawClient(port);
  client.send('HEAD / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n');
  await client.has('welcome');
  client.send('and back');
  await client.has('and back');
  client.socket.destroy();
});

test('a pod is read no further while the answers of others stand in line, and further once told', async () => {
  const bytes = 1_000_000;
  const many = await pod((socket) => {
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${bytes}\r\n\r\n`);
      socket.write(Buffer.alloc(bytes));
    });
  });
  keep(many);
  const notes = start(keep(poolTo(many.port)));
  notes.consumes = false;
  let isCrowded = true;
  Object.assign(notes, { crowded: () => isCrowded });
  await until(() => notes.given > 0);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const first = notes.given;
  assert.ok(first <= 65_536, `${first} bytes were read`);
  notes.attempt?.consumed(first);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(notes.given, first, 'it was read on behind the others');
  notes.attempt?.consumed(0);
  await until(() => notes.given > first);
  isCrowded = false;
  notes.consumes = true;
  notes.attempt?.consumed(notes.given - first);
  await until(() => notes.ended);
  assert.equal(notes.given, bytes);
});

test('a burst waits for the connections that are being made, and those who give up cost none', async () => {
  let accepted = 0;
  const server = http.createServer((incoming, answer) => {
    incoming.resume();
    answer.end('ok');
  });
  server.on('connection', () => {
    accepted += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
  const pool = new Http1Pool({ clock: systemClock, network: identityNetwork, endpoint });
  let answered = 0;
  let failed = 0;
  const listener: AttemptListener = {
    onInterim: () => undefined,
    onAnswer: (_, end) => {
      if (end) answered += 1;
    },
    onAnswerBody: (_bytes, _from, _to, end) => {
      if (end) answered += 1;
    },
    onAnswerEnd: () => {
      answered += 1;
    },
    onRequestSent: () => undefined,
    onFailed: () => {
      failed += 1;
    },
  };
  const head = {
    ...{ method: 'GET', path: '/', authority: 'a', headers: [], seen: 0, upgrade: '' },
    ...{ length: 0, version: 'http1' as const },
  };
  const attempts = Array.from({ length: 1_000 }, () => pool.start({ head, listener }));
  for (const each of attempts.slice(500)) each.cancel();
  await until(() => answered === 500);
  assert.equal(failed, 0);
  assert.ok(accepted <= 500, `${accepted} connections`);
  pool.close();
  server.closeAllConnections();
  server.close();
});

test('a burst makes few connections in one turn, and of another pod one all the same', async () => {
  const { port } = await scripted();
  const [pool, other] = [keep(poolTo(port)), keep(poolTo(port))];
  for (let at = 0; at < 40; at += 1) start(pool);
  for (let at = 0; at < 40; at += 1) start(other);
  assert.deepEqual([pool.busy, other.busy], [CONNECTS_PER_TURN, 1]);
  let turns = 0;
  for (let before = pool.busy + other.busy; before < 80; turns += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    const now = pool.busy + other.busy;
    // One for each pool comes on top.
    assert.ok(now - before <= CONNECTS_PER_TURN + 2, `${now - before} in one turn`);
    before = now;
  }
  assert.ok(turns > 80 / (CONNECTS_PER_TURN + 2) - 1, `${turns} turns`);
});

test('of many attempts that are given up at once, few connections end in one turn', async () => {
  const { pool, heads } = await scripted();
  const many = Array.from({ length: 100 }, () => start(pool));
  await until(() => heads.length === 100);
  for (const each of many) each.attempt?.cancel();
  for (let before = 100; pool.busy > 0; before = pool.busy) {
    assert.ok(before - pool.busy <= 2 * ENDINGS_PER_TURN, `${before - pool.busy} in one turn`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(pool.idle, 0);
});

test('those who wait for a pod that refuses hear it at once', async () => {
  const pool = new Http1Pool({
    clock: systemClock,
    network: identityNetwork,
    endpoint: '127.0.0.1:1',
  });
  const codes: string[] = [];
  const listener = {
    ...{ onInterim: () => undefined, onAnswer: () => undefined, onAnswerBody: () => undefined },
    ...{ onAnswerEnd: () => undefined, onRequestSent: () => undefined },
    onFailed: (error: { code: string }) => void codes.push(error.code),
  };
  const head = {
    ...{ method: 'GET', path: '/', authority: 'a', headers: [], seen: 0, upgrade: '' },
    ...{ length: 0, version: 'http1' as const },
  };
  for (let at = 0; at < 300; at += 1) pool.start({ head, listener });
  await until(() => codes.length === 300);
  assert.deepEqual(new Set(codes), new Set(['UPSTREAM_CONNECT']));
  pool.close();
});

test('what a pod answers before it closes is read, though more of the request is under way', async () => {
  const refusing = keep(
    await pod((socket) =>
      socket.once('data', () => {
        socket.pause();
        const head =
          'HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 2\r\n\r\n';
        socket.write(`${head}no`, () => socket.destroy());
      }),
    ),
  );
  const pool = keep(poolTo(refusing.port));
  const piece = Buffer.alloc(64 * 1_024);
  for (let times = 0; times < 20; times += 1) {
    const notes = start(pool, { method: 'POST', length: -1 });
    while (!notes.ended && notes.failure === undefined) {
      notes.attempt?.body(piece, 0, piece.length, false);
      await new Promise(setImmediate);
    }
    notes.attempt?.cancel();
    assert.deepEqual([notes.failure?.message, notes.head?.status], [undefined, 413]);
  }
  await until(() => pool.idle + pool.busy === 0, 'nothing stays behind');
});

test('what comes byte by byte before an attempt can take it waits in few pieces', async () => {
  const { pool } = await scripted(
    'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: raw\r\n\r\n',
  );
  const bytes = Buffer.from('x'.repeat(65_536));
  const trickle = (attempt: Attempt | undefined) => {
    for (let at = 0; at < bytes.length; at += 1) attempt?.body(bytes, at, at + 1, false);
  };
  let pieces = 0;
  class Counting extends Notes {
    override onRequestSent(sent: number): void {
      pieces += 1;
      super.onRequestSent(sent);
    }
  }
  const notes = new Counting();
  notes.attempt = pool.start({ head: { ...HEAD, upgrade: 'raw' }, listener: notes });
  trickle(notes.attempt);
  await until(() => notes.sent === bytes.length, 'the switch');
  assert.ok(pieces < 20, `an upgrade kept ${pieces}`);
  notes.attempt.cancel();

  const taken: Buffer[] = [];
  const inner: Attempt = {
    body: (piece, from, to, end) =>
      taken.push(piece.subarray(from, to), Buffer.from(end ? 'end' : '')),
    end: () => undefined,
    consumed: () => undefined,
    cancel: () => undefined,
  };
  const deferred = new DeferredAttempt({ head: HEAD, listener: new Notes() });
  trickle(deferred);
  deferred.body(bytes, 0, 0, true);
  deferred.begin(() => inner);
  assert.ok(taken.length < 40, `a deferred one kept ${taken.length}`);
  assert.equal(Buffer.concat(taken).toString(), `${bytes}end`);
});
