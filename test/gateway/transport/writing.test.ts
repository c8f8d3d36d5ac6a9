/** Sockets written past their streams: what the system takes at once, and what it does not. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type SocketWriter, writerOf } from '#gateway/transport/writing.ts';
import { until } from '../world.ts';

/** A socket that is written directly, its far end, which reads nothing yet, and its writer. */
async function pair(t: TestContext): Promise<[net.Socket, net.Socket, SocketWriter]> {
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const near = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const [far] = (await once(server, 'connection')) as [net.Socket];
  await once(near, 'connect');
  t.after(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  const writer = writerOf(near);
  assert.ok(writer);
  return [near, far, writer];
}

async function contentOf(socket: net.Socket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of socket) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

/** Writes until the system takes no more; what was written. */
function fill(writer: SocketWriter, pieceBytes = 200_000): Buffer[] {
  const written: Buffer[] = [];
  while (writer.waitingBytes === 0) {
    const piece = randomBytes(pieceBytes);
    writer.write(piece);
    written.push(piece);
  }
  return written;
}

test('what the system takes at once leaves nothing behind in the stream, not even its count', async (t) => {
  const [near, far, writer] = await pair(t);
  const told: string[] = [];
  for (const name of ['drain', 'finish'] as const) near.on(name, () => told.push(name));
  const written = Array.from({ length: 50 }, () => randomBytes(300));
  let counted = 0;
  const { write } = near;
  near.write = function (this: net.Socket, ...given: unknown[]) {
    counted += 1;
    return Reflect.apply(write, this, given);
  };
  for (const each of written) assert.equal(writer.write(each), true);
  assert.deepEqual([near.writableLength, counted, told], [0, 0, []]);
  near.end();
  assert.deepEqual(await contentOf(far), Buffer.concat(written));
});

test('what the system does not take waits as a write of the stream, and all leaves in order before the end', async (t) => {
  const [near, far, writer] = await pair(t);
  const written = fill(writer);
  assert.equal(near.writableLength, written.at(-1)?.length);
  assert.equal(near.writableNeedDrain, true);
  for (let more = 0; more < 5; more += 1) {
    const piece = randomBytes(1_000);
    assert.equal(writer.write(piece), false);
    written.push(piece);
  }
  let drained = false;
  near.once('drain', () => {
    drained = true;
    const last = randomBytes(10);
    writer.write(last);
    written.push(last);
    near.end();
  });
  const content = await contentOf(far);
  assert.equal(drained, true);
  assert.ok(content.equals(Buffer.concat(written)), 'other bytes, or another order');
});

test('writes under way on many sockets are not taken for each other', async (t) => {
  const pairs = await Promise.all(Array.from({ length: 8 }, () => pair(t)));
  const written = pairs.map(([, , writer]) => fill(writer));
  for (const [near] of pairs) near.end();
  const contents = await Promise.all(pairs.map(([, far]) => contentOf(far)));
  for (const [at, content] of contents.entries())
    assert.ok(content.equals(Buffer.concat(written[at] as Buffer[])), `socket ${at}`);
});

test('a write under way on a connection that breaks fails once, with the error of the system', async (t) => {
  const [near, far, writer] = await pair(t);
  const errors: NodeJS.ErrnoException[] = [];
  near.on('error', (error) => errors.push(error));
  fill(writer);
  far.resetAndDestroy();
  await until('it is closed', () => near.closed);
  assert.equal(errors.length, 1);
  assert.match(errors[0]?.code ?? '', /^(ECONNRESET|EPIPE)$/);
});

test('a write to a connection that broke before fails as one of the stream does', async (t) => {
  const [near, far, writer] = await pair(t);
  const errors: NodeJS.ErrnoException[] = [];
  near.on('error', (error) => errors.push(error));
  far.resetAndDestroy();
  await until('it fails', () => {
    writer.write(Buffer.from('anybody there?'));
    return errors.length > 0;
  });
  assert.match(errors[0]?.code ?? '', /^(ECONNRESET|EPIPE)$/);
  assert.equal(near.destroyed, true);
});

test('a stream that has failed takes no write for that of another socket', async (t) => {
  const [broken, , lost] = await pair(t);
  const [near, far, writer] = await pair(t);
  broken.on('error', () => undefined);
  broken.destroy(new Error('gone'));
  lost.write(Buffer.from('lost'));
  writer.write(Buffer.from('kept'));
  near.end();
  assert.equal(String(await contentOf(far)), 'kept');
});
