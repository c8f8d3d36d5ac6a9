/** Sockets of TLS written past their streams: one write at a time, and what the stream wants meanwhile. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import tls from 'node:tls';
import { type SecureWriter, secureWriterOf } from '#gateway/transport/secure-writing.ts';
import { podCertificate } from '../protocols/pods/tcp.ts';
import { until } from '../world.ts';

const own = { cert: podCertificate.certificateChain, key: podCertificate.privateKey };

/** A socket that is written directly, its far end, which reads nothing yet, its writer, and the connection under them. */
async function pair(
  t: TestContext,
): Promise<[tls.TLSSocket, tls.TLSSocket, SecureWriter, net.Socket]> {
  const server = await listening(tls.createServer({ ...own, allowHalfOpen: true }));
  const relay = await listening(net.createServer({ allowHalfOpen: true }));
  relay.once('connection', (under: net.Socket) => {
    const onward = net.connect({ ...addressOf(server), allowHalfOpen: true });
    under.pipe(onward).pipe(under);
    for (const each of [under, onward]) each.on('error', () => onward.destroy());
  });
  const near = tls.connect({
    ...{ ...addressOf(relay), ca: podCertificate.trustBundle, allowHalfOpen: true },
    checkServerIdentity: () => undefined,
  });
  const [[under], [far]] = await Promise.all([
    once(relay, 'connection') as Promise<[net.Socket]>,
    once(server, 'secureConnection') as Promise<[tls.TLSSocket]>,
    once(near, 'secureConnect'),
  ]);
  far.on('error', () => undefined);
  t.after(() => {
    for (const each of [near, far, under]) each.destroy();
    for (const each of [server, relay]) each.close();
  });
  const writer = secureWriterOf(near);
  assert.ok(writer);
  return [near, far, writer, under];
}

async function listening<T extends net.Server>(server: T): Promise<T> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function addressOf(server: net.Server): { port: number; host: string } {
  return { port: (server.address() as AddressInfo).port, host: '127.0.0.1' };
}

async function contentOf(socket: net.Socket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of socket) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

/** Notes what is asked of the stream of `socket`. */
function watched(socket: net.Socket): { writes: number } {
  const told = { writes: 0 };
  const { write } = socket;
  socket.write = function (this: net.Socket, ...given: unknown[]) {
    told.writes += 1;
    return Reflect.apply(write, this, given);
  };
  return told;
}

test('writes one after the other leave without the stream', async (t) => {
  const [near, far, writer] = await pair(t);
  const told = watched(near);
  const written = Array.from({ length: 50 }, () => randomBytes(300));
  for (const each of written) {
    assert.equal(writer.write(each), true);
    assert.equal(writer.waitingBytes, 300);
    await until('it has left', () => writer.waitingBytes === 0);
  }
  assert.equal(told.writes, 0);
  near.end();
  assert.deepEqual(await contentOf(far), Buffer.concat(written));
});

test('what is written while a write is under way follows it, and the end follows all', async (t) => {
  for (const many of [0, 1, 5]) {
    const [near, far, writer] = await pair(t);
    const told = watched(near);
    const written = Array.from({ length: 1 + many }, () => randomBytes(1_000));
    for (const each of written) writer.write(each);
    near.end();
    assert.equal(told.writes, many);
    assert.ok((await contentOf(far)).equals(Buffer.concat(written)), `${many} behind the first`);
  }
});

test('many pieces, and those too long to go past the stream, leave in order', async (t) => {
  const [near, far, writer] = await pair(t);
  const written: Buffer[] = [];
  const content = contentOf(far);
  for (let round = 0; round < 40; round += 1) {
    const short = randomBytes(500);
    const list = [randomBytes(700), randomBytes(200_000), randomBytes(1)];
    const long = randomBytes(100_000);
    writer.write(short);
    writer.writeAll(list);
    writer.write(long);
    written.push(short, ...list, long);
    if (round % 3 === 0) await until('all has left', () => writer.waitingBytes === 0);
  }
  near.end();
  assert.ok((await content).equals(Buffer.concat(written)), 'other bytes, or another order');
});

test('a far end that reads nothing fills the stream, which drains when it reads', async (t) => {
  const [near, far, writer] = await pair(t);
  far.pause();
  const written: Buffer[] = [];
  let taken = true;
  for (let round = 0; taken && round < 5_000; round += 1) {
    const piece = randomBytes(20_000);
    written.push(piece);
    taken = writer.write(piece);
    if (round % 2 === 0) await new Promise(setImmediate);
  }
  assert.equal(near.writableNeedDrain, true);
  const drained = once(near, 'drain');
  const content = contentOf(far);
  await drained;
  near.end();
  assert.ok((await content).equals(Buffer.concat(written)), 'other bytes, or another order');
});

test('a write under way on a connection that breaks fails once, with the error of the system', async (t) => {
  const [near, , writer, under] = await pair(t);
  const errors: NodeJS.ErrnoException[] = [];
  near.on('error', (error) => errors.push(error));
  writer.write(randomBytes(10_000));
  under.resetAndDestroy();
  await until('it is closed', () => {
    if (!near.destroyed) writer.write(randomBytes(10_000));
    return near.closed;
  });
  assert.equal(errors.length, 1);
  assert.match(errors[0]?.code ?? '', /^(ECONNRESET|EPIPE)$/);
});

test('a socket destroyed with a write under way closes, and takes no other', async (t) => {
  const [near, , writer] = await pair(t);
  const errors: Error[] = [];
  near.on('error', (error) => errors.push(error));
  writer.write(randomBytes(1_000));
  near.destroy();
  await until('it is closed', () => near.closed);
  assert.deepEqual(errors, []);
  writer.write(randomBytes(1_000));
  await new Promise(setImmediate);
  assert.equal(near.closed, true);
});

test('what only behaves as a socket is left to itself', () => {
  assert.equal(secureWriterOf(Object.create(null) as tls.TLSSocket), undefined);
});
