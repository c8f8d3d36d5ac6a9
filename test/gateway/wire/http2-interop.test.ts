/**
 * Our HTTP/2 over real sockets with programs trusted for it: node:http2 (nghttp2), curl, nghttp, h2load.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import net, { type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { H2_CODE } from '#gateway/wire/http2/frames.ts';
import { fieldOf } from '#gateway/wire/http2/headers.ts';
import { attach, Endpoint, GET } from '../../fuzz/http2-kit.ts';
import { missing, runTool } from '../../support/tools.ts';

const WINDOWS = { streamWindowBytes: 256 * 1024, connectionWindowBytes: 4 << 20 };
const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** A server of ours that echoes bodies; `/reset` is reset, `/interim` has a 103 first. */
async function withServer(
  run: (port: number, endpoints: Endpoint[], flushes: (() => void)[]) => Promise<void>,
): Promise<void> {
  const endpoints: Endpoint[] = [];
  const flushes: (() => void)[] = [];
  const sockets = new Set<Socket>();
  const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    const endpoint = new Endpoint({ role: 'server', ...WINDOWS });
    endpoint.onEnd = (stream, talk) => {
      const { connection } = endpoint;
      const path = fieldOf(talk.headers, ':path');
      if (path === '/reset') {
        connection.reset(stream, H2_CODE.ENHANCE_YOUR_CALM);
        return;
      }
      // Node ends a stream before it resets it: an answer would come first.
      if (path === '/wait') return;
      if (path === '/interim') connection.sendHeaders(stream, [':status', '103'], false);
      const headers = [':status', '200', 'content-type', 'text/plain', 'x-path', path ?? ''];
      connection.sendHeaders(stream, headers, false);
      const trailers = path === '/trailers' ? ['x-sum', hash(talk.body)] : undefined;
      endpoint.send(stream, talk.bytes > 0 ? talk.chunks : [Buffer.from('hello\n')], trailers);
    };
    endpoints.push(endpoint);
    flushes.push(attach(endpoint, socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await run((server.address() as AddressInfo).port, endpoints, flushes);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

async function collect(stream: http2.ClientHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

test('node:http2 as a client is served: bodies, trailers, resets, interim answers, goodbye', async () => {
  await withServer(async (port, endpoints, flushes) => {
    const session = http2.connect(`http://127.0.0.1:${port}`, { settings: { enablePush: false } });
    session.on('error', () => undefined);
    const bodies = Array.from({ length: 20 }, (_, at) => randomBytes(at * 40_000));
    const echoes = bodies.map(async (body, at) => {
      const path = at % 2 === 0 ? `/echo?${at}` : '/trailers';
      const stream = session.request({ ':method': 'POST', ':path': path, cookie: 'a=b' });
      const trailers = once(stream, 'trailers');
      stream.end(body);
      const echo = await collect(stream);
      if (at > 0) assert.equal(hash(echo), hash(body));
      if (at % 2 === 1) assert.equal((await trailers)[0]['x-sum'], hash(body));
    });
    await Promise.all(echoes);

    const reset = session.request({ ':path': '/reset' });
    const [error] = await once(reset, 'error');
    assert.match(String(error), /ENHANCE_YOUR_CALM/);

    const interim = session.request({ ':path': '/interim' });
    const seen = once(interim, 'headers');
    assert.equal((await collect(interim)).toString(), 'hello\n');
    assert.equal((await seen)[0][':status'], 103);

    const closed = session.request({ ':method': 'POST', ':path': '/wait' });
    closed.on('error', () => undefined);
    closed.write('x');
    const endpoint = endpoints[0] as Endpoint;
    await new Promise<void>((resolve) => {
      endpoint.onStart = () => resolve();
    });
    const last = [...endpoint.talks.values()].at(-1);
    closed.close(http2.constants.NGHTTP2_CANCEL);
    while (last?.resetCode === -1)
      await new Promise<void>((resolve) => {
        endpoint.onAnything = resolve;
      });
    assert.equal(endpoint.error, undefined);
    assert.equal(last?.resetCode, H2_CODE.CANCEL);

    const goaway = once(session, 'goaway');
    endpoint.connection.drain();
    flushes[0]?.();
    assert.equal((await goaway)[0], 0);
    session.destroy();
  });
});

test('node:http2 as a server is asked: bodies, trailers, resets, goodbye', async () => {
  const server = http2.createServer();
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => undefined);
  });
  server.on('stream', (stream: http2.ServerHttp2Stream, headers) => {
    stream.on('error', () => undefined);
    if (headers[':path'] === '/reset') {
      stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
      return;
    }
    if (headers[':path'] === '/goaway') stream.session?.goaway(0, stream.id ?? 0);
    stream.respond(
      { ':status': 200, 'x-cookie': String(headers['cookie']) },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-end': 'yes' }));
    stream.pipe(stream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  const client = new Endpoint({ role: 'client', ...WINDOWS });
  const flush = attach(client, socket);
  const until = async (done: () => boolean) => {
    flush();
    while (!done()) await new Promise<void>((resolve) => (client.onAnything = resolve));
  };
  try {
    const bodies = Array.from({ length: 20 }, (_, at) => randomBytes(at * 40_000));
    const post = (path: string) => [...GET.with(1, 'POST').with(5, path), 'cookie', 'c=d'];
    const streams = bodies.map((body) => client.open(post('/'), [body]));
    const talks = streams.map((stream) => stream.owner);
    await until(() => talks.every((talk) => talk?.closed));
    talks.forEach((talk, at) => {
      assert.equal(hash(talk?.body ?? Buffer.alloc(0)), hash(bodies[at] as Buffer));
      assert.deepEqual(talk?.trailers, ['x-end', 'yes']);
      assert.equal(fieldOf(talk?.headers ?? [], 'x-cookie'), 'c=d');
    });
    const reset = client.open(post('/reset'), []).owner;
    await until(() => reset?.resetCode === H2_CODE.REFUSED_STREAM);
    client.connection.ping(7, 8);
    await until(() => client.pings.length === 2);
    assert.deepEqual(client.pings, [7, 8]);
    client.open(post('/goaway'), []);
    await until(() => client.goaway !== undefined);
    assert.equal(client.connection.canOpen, false);
  } finally {
    socket.destroy();
    for (const session of sessions) session.destroy();
    server.close();
  }
});

test('curl with prior knowledge is served, both ways', {
  skip: missing('curl', 'curl'),
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-h2-'));
  try {
    const body = randomBytes(3 << 20);
    writeFileSync(join(folder, 'body'), body);
    await withServer(async (port) => {
      const url = `http://127.0.0.1:${port}/trailers`;
      const args = ['-s', '--http2-prior-knowledge', '--data-binary', `@${join(folder, 'body')}`];
      const { stdout, stderr, error } = await runTool('curl', [...args, url]);
      assert.equal(error, null, stderr);
      assert.equal(hash(stdout), hash(body));
      // One request a run: curl 7.88 fails on its own second one, with any server.
      const head = await runTool('curl', ['-s', '-i', '--http2-prior-knowledge', url]);
      assert.equal(head.error, null, head.stderr);
      assert.match(head.stdout.toString(), /^HTTP\/2 200[\s\S]*hello\nx-sum: /);
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('nghttp is served', { skip: missing('nghttp', 'nghttp2-client') }, async () => {
  await withServer(async (port, endpoints) => {
    const urls = Array.from({ length: 5 }, (_, at) => `http://127.0.0.1:${port}/${at}`);
    const { stdout, stderr, error } = await runTool('nghttp', [...urls]);
    assert.equal(error, null, stderr);
    assert.equal(stdout.toString(), 'hello\n'.repeat(5));
    assert.ok(endpoints.every((each) => each.error === undefined));
  });
});

test('h2load is served', { skip: missing('h2load', 'nghttp2-client') }, async () => {
  await withServer(async (port, endpoints) => {
    const args = ['-n', '3000', '-c', '4', '-m', '100', `http://127.0.0.1:${port}/`];
    const { stdout, stderr, error } = await runTool('h2load', args);
    assert.equal(error, null, stderr);
    assert.match(stdout.toString(), /3000 succeeded, 0 failed, 0 errored/);
    assert.ok(endpoints.every((each) => each.error === undefined));
  });
});
