/**
 * The HTTP/1 server end over real sockets: order, framing, patience, and what ends a connection.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import http from 'node:http';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import type { Exchange } from '#gateway/http/exchange.ts';
import { ENDED_MS } from '#gateway/http1/bounds.ts';
import { answerText, Collector, RawClient, type Served, serve, until } from './support.ts';

const run = promisify(execFile);
const opened: { close(): unknown }[] = [];
after(() => Promise.all(opened.map((each) => each.close())));

async function served(onExchange: (exchange: Exchange) => void): Promise<Served> {
  const server = await serve(onExchange);
  opened.push(server);
  return server;
}

function client(port: number): RawClient {
  const made = new RawClient(port);
  opened.push({ close: () => made.socket.destroy() });
  return made;
}

const echo = (exchange: Exchange): void => {
  new Collector(exchange, (self) =>
    answerText(exchange, `${exchange.head.method} ${exchange.head.path} [${self.text}]`),
  );
};

/** `text` without the dates of its answers. */
const undated = (text: string): string =>
  text.replace(/^date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/gm, '');

const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n${more}\r\n`;

test('keeps a connection, and reads a request that comes byte by byte', async () => {
  const { port, connections } = await served(echo);
  const one = client(port);
  const text =
    'POST /slow HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n';
  for (const letter of text) {
    one.send(letter);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await one.has('POST /slow [abc]');
  one.send(get('/two'));
  const all = await one.has('GET /two []');
  assert.doesNotMatch(all, /connection:/);
  assert.equal(connections.size, 1);
});

test('serves node:http and curl', async () => {
  const { port } = await served(echo);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  opened.push({ close: () => agent.destroy() });
  for (let at = 0; at < 3; at += 1) {
    const text = await new Promise<string>((resolve, reject) => {
      const request = http.request({ port, agent, path: `/${at}`, method: 'PUT' }, (response) => {
        let body = '';
        response.on('data', (bytes) => {
          body += bytes;
        });
        response.on('end', () => resolve(body));
      });
      request.on('error', reject);
      request.end('x'.repeat(10_000));
    });
    assert.equal(text, `PUT /${at} [${'x'.repeat(10_000)}]`);
  }
  const { stdout } = await run('curl', ['-s', '-d', 'hi', `http://127.0.0.1:${port}/c`]);
  assert.equal(stdout, 'POST /c [hi]');
  const old = await run('curl', ['-s', '-0', '-i', `http://127.0.0.1:${port}/c`]);
  assert.match(old.stdout, /connection: close\r\n\r\nGET \/c \[\]$/);
});

test('answers 50 pipelined requests in order, however late each is answered', async () => {
  let busy = 0;
  const { port } = await served((exchange) => {
    busy += 1;
    assert.equal(busy, 1, 'one at a time');
    new Collector(exchange, (self) => {
      setTimeout(
        () => {
          busy -= 1;
          const trailer = self.trailers.join('=');
          answerText(exchange, `<${exchange.head.path}:${self.text}:${trailer}>`);
        },
        Math.random() < 0.5 ? 0 : 3,
      );
    });
  });
  const one = client(port);
  let text = '';
  let expected = '';
  for (let at = 0; at < 50; at += 1) {
    if (at === 20) {
      text +=
        'POST /20 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 6\r\n\r\n';
      expected += '</20:abc:x-sum=6>';
    } else {
      text += get(`/${at}`);
      expected += `</${at}::>`;
    }
  }
  one.send(text);
  await one.has('</49::>');
  assert.equal([...one.text.matchAll(/<[^>]*>/g)].map(String).join(''), expected);
});

test('a pipeline answered at once is answered whole, also after a FIN', async () => {
  const { port } = await served(echo);
  const one = client(port);
  one.socket.end(Array.from({ length: 2_000 }, (_, at) => get(`/${at}`)).join(''));
  await one.end();
  assert.equal([...one.text.matchAll(/GET \/\d+ \[\]/g)].length, 2_000);
  assert.equal(one.error, undefined);
});

test('HTTP/1.0: closes unless asked, never chunked, no interim answers', async () => {
  const { port } = await served((exchange) => {
    exchange.interim({ status: 103, headers: [], upgrade: '', length: 0 });
    if (exchange.head.path === '/known') {
      answerText(exchange, 'known');
      return;
    }
    exchange.answer({ status: 200, headers: [], upgrade: '', length: -1 }, false);
    exchange.body(Buffer.from('unknown'), 0, 7, false);
    exchange.end(['x-t', '1']);
  });
  const old = (path: string, more = '') => `GET ${path} HTTP/1.0\r\nhost: a\r\n${more}\r\n`;
  const keep = 'connection: keep-alive\r\n';
  const one = client(port).send(old('/known', keep));
  assert.equal(
    undated(await one.has('known')),
    'HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: keep-alive\r\n\r\nknown',
  );
  one.text = '';
  one.send(old('/unknown', keep));
  const last = undated(await one.end());
  assert.equal(last, 'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nunknown');
  const two = client(port).send(old('/known'));
  assert.match(await two.end(), /connection: close\r\n\r\nknown$/);
  const three = client(port).send(get('/unknown'));
  const text = undated(await three.has('x-t: 1\r\n\r\n'));
  assert.match(
    text,
    /^HTTP\/1.1 103 Early Hints\r\n\r\nHTTP\/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7\r\nunknown\r\n0\r\n/,
  );
});

test('HEAD, 204 and 304 have no content; trailers go only with chunks', async () => {
  const { port } = await served((exchange) => {
    const status = Number(exchange.head.path.slice(1));
    const headers = ['content-length', '5'];
    exchange.answer(
      {
        status,
        headers: status === 204 ? [] : headers,
        upgrade: '',
        length: status === 200 ? 5 : 0,
      },
      exchange.head.method === 'HEAD' || status !== 200,
    );
    exchange.body(Buffer.from('12345'), 0, 5, false);
    exchange.end(['x-t', '1']);
  });
  const one = client(port);
  one.send(
    `HEAD /200 HTTP/1.1\r\nhost: a\r\n\r\n${get('/204')}${get('/304')}${get('/200', 'connection: close\r\n')}`,
  );
  assert.equal(
    undated(await one.end()),
    'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n' +
      'HTTP/1.1 204 No Content\r\n\r\n' +
      'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n' +
      'HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\n12345',
  );
});

test('every final answer tells when it came, once, whoever makes it', async () => {
  const { port } = await served((exchange) => {
    const { path } = exchange.head;
    exchange.interim({ status: 103, headers: [], upgrade: '', length: 0 });
    const date = ['date', 'Tue, 15 Nov 1994 08:12:31 GMT'];
    const dated = path === '/dated';
    exchange.answer(
      { status: 200, headers: dated ? date : [], upgrade: '', length: 0, dated },
      true,
    );
  });
  const dates = (text: string) => text.match(/^date: .*GMT\r$/gm) ?? [];
  const one = client(port).send(get('/dated', 'connection: close\r\n'));
  assert.deepEqual(dates(await one.end()), ['date: Tue, 15 Nov 1994 08:12:31 GMT\r']);
  const two = client(port).send(get('/', 'connection: close\r\n'));
  const [date, ...more] = dates(await two.end());
  assert.equal(more.length, 0);
  assert.ok(Math.abs(Date.parse((date ?? '').slice(6)) - Date.now()) < 5_000, `${date}`);
  const three = client(port).send('no request\r\n\r\n');
  assert.equal(dates(await three.end()).length, 1);
});

test('malformed requests and CONNECT are answered once, then FIN', async () => {
  const { port, refused } = await served(echo);
  const cases: [string, number, string, string][] = [
    ['GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n', 400, 'BAD_REQUEST', 'HOST_REPEATED'],
    ['GET / HTTP/1.1\r\n\r\n', 400, 'BAD_REQUEST', 'HOST_MISSING'],
    [
      `GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(70_000)}`,
      431,
      'HEADERS_TOO_LARGE',
      'HEAD_TOO_LARGE',
    ],
    [`GET /${'y'.repeat(20_000)}`, 414, 'HEADERS_TOO_LARGE', 'START_LINE_TOO_LONG'],
    ['GET / HTTP/2.7\r\n', 505, 'BAD_REQUEST', 'VERSION'],
    [
      'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n',
      501,
      'BAD_REQUEST',
      'TRANSFER_ENCODING_UNKNOWN',
    ],
    ['CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n', 405, 'METHOD_REFUSED', 'METHOD_REFUSED'],
  ];
  for (const [text, status, code, rule] of cases) {
    const one = client(port).send(text);
    const answer = await one.end();
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `), text.slice(0, 60));
    assert.match(answer, new RegExp(`isthmus-error: ${code}\r\n`));
    assert.match(answer, /connection: close\r\n/);
    assert.equal(/\r\nallow: GET, .*PATCH/.test(answer), status === 405, text);
    assert.equal(JSON.parse(answer.split('\r\n\r\n')[1] ?? '').error.code, code);
    assert.equal(one.error, undefined);
    assert.equal(refused.pop(), rule);
  }
});

test('a malformed chunk ends the exchange: 400 before the answer, a break after', async () => {
  const seen: Collector[] = [];
  const { port } = await served((exchange) => {
    seen.push(new Collector(exchange, () => undefined));
    if (exchange.head.path === '/begun') {
      exchange.answer({ status: 200, headers: [], upgrade: '', length: -1 }, false);
    }
  });
  const post = (path: string) =>
    `POST ${path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n`;
  const one = client(port).send(post('/')).send('zz\r\n');
  assert.match(await one.end(), /^HTTP\/1.1 400 /);
  const two = client(port).send(post('/begun'));
  await two.has('\r\n\r\n');
  two.send('zz\r\n');
  await two.end();
  assert.equal(two.error, 'ECONNRESET');
  assert.deepEqual(
    seen.map((each) => each.gone),
    [1, 1],
  );
});

test('a client that goes away is gone once; one that half-closes still gets its answer', async () => {
  const seen: Collector[] = [];
  const { port } = await served((exchange) => {
    seen.push(
      new Collector(exchange, (self) =>
        setTimeout(() => answerText(exchange, `late${self.text}`), 50),
      ),
    );
  });
  const half = client(port);
  half.socket.end(get('/'));
  assert.match(await half.end(), /connection: close\r\n\r\nlate$/);
  const upload = client(port).send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc');
  await until(() => seen[1]?.text === 'abc');
  upload.socket.resetAndDestroy();
  await until(() => seen[1]?.gone === 1);
  const fin = client(port);
  fin.socket.end('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc');
  assert.match(await fin.end(), /^HTTP\/1.1 400 /);
  const waiting = client(port).send(get('/'));
  await until(() => seen.length === 4);
  waiting.socket.resetAndDestroy();
  await until(() => seen[3]?.gone === 1);
  await new Promise((resolve) => setTimeout(resolve, 80));
  assert.deepEqual(
    seen.map((each) => each.gone),
    [0, 1, 1, 1],
  );
});

test('Expect passes on, and 100 comes from whoever answers', async () => {
  let expects = '';
  const { port } = await served((exchange) => {
    expects = exchange.head.headers.join('|');
    new Collector(exchange, (self) => answerText(exchange, self.text));
    if (exchange.head.path === '/no') {
      exchange.discard();
      answerText(exchange, 'no', 417);
    } else
      setTimeout(() => exchange.interim({ status: 100, headers: [], upgrade: '', length: 0 }), 20);
  });
  const post = (path: string) =>
    `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n`;
  const one = client(port).send(post('/yes'));
  assert.equal(await one.has('\r\n\r\n'), 'HTTP/1.1 100 Continue\r\n\r\n');
  assert.match(expects, /expect\|100-continue/);
  one.send('hi');
  assert.match(await one.has('hi'), /content-length: 2\r\n\r\nhi$/);
  const two = client(port).send(post('/no'));
  const refused = undated(await two.end());
  assert.match(refused, /417 Expectation Failed\r\ncontent-length: 2\r\nconnection: close/);
});

test('an early answer: a short rest is read and the connection kept, a long one is not', async () => {
  const { port } = await served((exchange) => {
    new Collector(exchange, (self) => answerText(exchange, `ok${self.text}`));
    if (exchange.head.method !== 'POST') return;
    answerText(exchange, 'too large', 413);
    exchange.discard();
  });
  const one = client(port).send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n');
  await one.has('too large');
  one.send('x'.repeat(100_000)).send(get('/'));
  await one.has('\r\n\r\nok');
  const size = 50 * 1024 * 1024;
  const big = client(port).send(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${size}\r\n\r\n`);
  big.send(Buffer.alloc(size));
  await big.has('too large');
  await big.end();
  const { stdout } = await run('bash', [
    '-c',
    `head -c ${size} /dev/zero | curl -s -T - -X POST -H 'expect:' http://127.0.0.1:${port}/`,
  ]).catch((error: { stdout: string }) => error);
  assert.equal(stdout, 'too large');
});

test('a client that has ended its half and waits for long is taken for gone', async () => {
  const seen: Collector[] = [];
  const made = await served((exchange) => void seen.push(new Collector(exchange, () => undefined)));
  const left = client(made.port);
  left.socket.end(get('/'));
  const stays = client(made.port).send(get('/'));
  await until(() => seen.length === 2);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const nowMs = performance.now();
  const sweep = (atMs: number) => {
    for (const each of [...made.connections]) each.sweep(atMs);
  };
  for (const atMs of [nowMs, nowMs + ENDED_MS - 1]) sweep(atMs);
  assert.deepEqual(
    seen.map(({ gone }) => gone),
    [0, 0],
  );
  sweep(nowMs + ENDED_MS);
  await until(() => made.connections.size === 1);
  assert.deepEqual(seen.map(({ gone }) => gone).sort(), [0, 1]);
  stays.socket.destroy();
});

test('an upgrade: 101, then bytes both ways, each half closed apart', async () => {
  const { port } = await served((exchange) => {
    const { upgrade } = exchange.head;
    if (upgrade === '' || upgrade === 'no') {
      new Collector(exchange, () => answerText(exchange, `plain ${upgrade}`));
      return;
    }
    exchange.listener = {
      onRequestBody: (bytes, from, to, end) => {
        assert.equal(end, false);
        exchange.consumed(to - from);
        exchange.body(
          Buffer.from(bytes.toString('latin1', from, to).toUpperCase()),
          0,
          to - from,
          false,
        );
      },
      onRequestEnd: () => {
        exchange.body(Buffer.from('bye'), 0, 3, false);
        exchange.end([]);
      },
      onAnswerSent: () => undefined,
      onGone: () => assert.fail('nobody left'),
    };
    const head = { status: 101, headers: ['x', 'y'], upgrade, length: -1 };
    if (upgrade === 'now') exchange.answer(head, false);
    else setTimeout(() => exchange.answer(head, false), 20);
  });
  const ask = (token: string, more = '') =>
    get('/', `connection: upgrade\r\nupgrade: ${token}\r\n${more}`);
  for (const token of ['Echo', 'now']) {
    // Bytes before the answer are kept, and are no request.
    const one = client(port).send(`${ask(token)}hello`);
    assert.equal(
      await one.has('HELLO'),
      `HTTP/1.1 101 Switching Protocols\r\nx: y\r\nconnection: upgrade\r\nupgrade: ${token}\r\n\r\nHELLO`,
    );
    one.socket.end('more');
    assert.match(await one.end(), /HELLOMOREbye$/);
  }
  const two = client(port).send(ask('no')).send(ask('h2c')).send(get('/'));
  assert.equal(
    (await two.until((self) => (self.text.match(/plain/g) ?? []).length === 3)).match(/101/),
    null,
  );
});

test('an answer that cannot be written is a failure of whoever gave it', async () => {
  const seen: Collector[] = [];
  const { port } = await served((exchange) => {
    seen.push(new Collector(exchange, () => undefined));
    if (exchange.head.path === '/head') {
      exchange.answer({ status: 200, headers: ['x', 'a\r\nb: c'], upgrade: '', length: 0 }, true);
      return;
    }
    exchange.answer({ status: 200, headers: [], upgrade: '', length: 5 }, false);
    if (exchange.head.path === '/less') exchange.end([]);
    else exchange.body(Buffer.from('123456'), 0, 6, true);
  });
  const one = client(port).send(get('/head'));
  assert.match(await one.end(), /^HTTP\/1.1 502 .*isthmus-error: UPSTREAM_PROTOCOL\r\n/s);
  for (const path of ['/less', '/more']) {
    const two = client(port).send(get(path));
    await two.end();
    assert.equal(two.error, 'ECONNRESET');
  }
  assert.deepEqual(
    seen.map((each) => each.gone),
    [1, 1, 1],
  );
});

test('a client that leaves in the middle of a head, and one that says nothing', async () => {
  const { port, connections, refused } = await served(echo);
  const one = client(port);
  one.socket.end('GET / HT');
  assert.match(await one.end(), /^HTTP\/1.1 400 .*EARLY_END/s);
  const two = client(port);
  two.socket.end();
  assert.equal(await two.end(), '');
  await until(() => connections.size === 0);
  assert.deepEqual(refused, ['EARLY_END']);
});

test('targets come as the client wrote them', async () => {
  const { port } = await served((exchange) =>
    answerText(exchange, `<${exchange.head.path} ${exchange.head.authority}>`),
  );
  const one = client(port);
  one.send(get('http://a/x?y')).send('OPTIONS * HTTP/1.1\r\nhost: b:8\r\n\r\n').send(get('/"'));
  await one.has('</" a>');
  assert.match(one.text, /<\/x\?y a>.*<\* b:8>/s);
});

test('abort breaks off so that the client can tell', async () => {
  const { port } = await served((exchange) => {
    exchange.answer({ status: 200, headers: [], upgrade: '', length: -1 }, false);
    exchange.body(Buffer.from('part'), 0, 4, false);
    setTimeout(() => exchange.abort('UPSTREAM_RESET'), 30);
  });
  const one = client(port).send(get('/'));
  await one.has('part');
  await one.end();
  assert.equal(one.error, 'ECONNRESET');
});

test('a draining connection ends with its answer, an idle one when told or with its next', async () => {
  let answer = (): void => undefined;
  const { port, connections } = await served((exchange) => {
    answer = () => answerText(exchange, 'done');
  });
  const idle = client(port);
  const late = client(port);
  const busy = client(port).send(get('/'));
  await until(() => connections.size === 3);
  await new Promise((resolve) => setTimeout(resolve, 30));
  for (const each of connections) each.drain();
  answer();
  assert.match(await busy.end(), /connection: close\r\n\r\ndone$/);
  late.send(get('/'));
  await new Promise((resolve) => setTimeout(resolve, 30));
  answer();
  assert.match(await late.end(), /connection: close\r\n\r\ndone$/);
  for (const each of connections) each.endIdle();
  await idle.end();
});

test('patience: heads, content, idleness and readers that are too slow', async () => {
  let gone = 0;
  const { port, connections, refused } = await served((exchange) => {
    const answers = exchange.head.path === '/big';
    exchange.listener = {
      onRequestBody: (_, from, to) => exchange.consumed(to - from),
      onRequestEnd: () => undefined,
      onAnswerSent: () => undefined,
      onGone: () => {
        gone += 1;
      },
    };
    if (exchange.head.length !== 0) return;
    if (!answers) return answerText(exchange, 'ok');
    exchange.answer({ status: 200, headers: [], upgrade: '', length: -1 }, false);
    exchange.body(Buffer.alloc(32_000_000), 0, 32_000_000, false);
  });
  const pass = async (text: string, ready: () => boolean, bound: number, drip = '') => {
    const one = client(port).send(text);
    if (text.includes('/big')) one.socket.pause();
    await until(() => connections.size === 1 && ready(), text);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const connection = [...connections][0];
    const now = performance.now();
    connection?.sweep(now);
    one.send(drip);
    await new Promise((resolve) => setTimeout(resolve, 20));
    connection?.sweep(now + bound - 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(connections.size, 1);
    connection?.sweep(now + bound + 1);
    connection?.sweep(now + bound + 2);
    if (text.includes('/big')) one.socket.resume();
    await one.end();
    one.socket.destroy();
    await until(() => connections.size === 0);
    return one.text;
  };
  assert.match(await pass('GET / HTTP/1.1\r\n', () => true, 10_000, 'x: y\r\n'), /^HTTP\/1.1 408 /);
  assert.equal(refused.pop(), 'SLOW_HEAD');
  // A client may connect ahead of time.
  assert.equal(await pass('', () => true, 10_000), '');
  assert.equal(refused.length, 0);
  assert.match(
    await pass('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nab', () => true, 60_000),
    /^HTTP\/1.1 408 /,
  );
  assert.equal(refused.pop(), 'SLOW_BODY');
  assert.doesNotMatch(await pass(get('/'), () => true, 60_000), /408/);
  assert.equal(refused.length, 0);
  await pass(get('/big'), () => true, 60_000);
  assert.equal(refused.pop(), 'SLOW_READER');
  assert.equal(gone, 2);
});

test('content is read by credit, and the connection goes on when it has left', async () => {
  let given = 0;
  let held: Exchange | undefined;
  const { port } = await served((exchange) => {
    held = exchange;
    new Collector(exchange, () => answerText(exchange, 'whole'));
    const { listener } = exchange;
    exchange.listener = {
      ...{ onRequestEnd: () => undefined, onAnswerSent: () => undefined, onGone: () => undefined },
      onRequestBody: (_bytes, from, to, end) => {
        given += to - from;
        if (end) answerText(exchange, 'whole');
      },
    };
    assert.ok(listener);
  });
  const size = 3_000_000;
  const one = client(port).send(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${size}\r\n\r\n`);
  one.send(Buffer.alloc(size));
  let told = 0;
  while (given < size) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(given - told <= 262_144 + 65_536, `${given - told} outstanding`);
    held?.consumed(given - told);
    told = given;
  }
  await one.has('whole');
});
