/** A transport over every kind of socket: read through the hooks of Node, and where there are none. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import tls from 'node:tls';
import { Transport, type TransportOwner } from '#gateway/transport/transport.ts';
import { podCertificate } from '../protocols/pods/tcp.ts';
import { until } from '../world.ts';

/** Notes everything it is told; what came is looked at only when it is asked for. */
class Notes implements TransportOwner {
  readonly pieces: Buffer[] = [];
  readonly told: string[] = [];
  count = 0;
  on: (() => void) | undefined;

  get content(): Buffer {
    return Buffer.concat(this.pieces);
  }

  onBytes(bytes: Buffer, from: number, to: number): void {
    this.pieces.push(bytes.subarray(from, to));
    this.count += to - from;
    this.on?.();
  }

  onEnd(): void {
    this.told.push('end');
  }

  onRoom(): void {
    this.told.push('room');
  }

  onClosed(error: NodeJS.ErrnoException | undefined): void {
    this.told.push(`closed ${error?.code ?? ''}`.trim());
  }

  flush(): void {
    this.told.push('flush');
  }
}

type Kind = 'accepted' | 'connecting' | 'tls client' | 'tls server';
const KINDS: readonly Kind[] = ['accepted', 'connecting', 'tls client', 'tls server'];

/** A socket to make a transport of at once, and its far end, which may be there only later. */
async function pair(t: TestContext, kind: Kind): Promise<[net.Socket, Promise<net.Socket>]> {
  const server = net.createServer({ allowHalfOpen: true, noDelay: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const coming = once(server, 'connection').then(([socket]: net.Socket[]) => {
    t.after(() => socket?.destroy());
    return quiet(socket as net.Socket);
  });
  const dialled = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  t.after(() => {
    server.close();
    dialled.destroy();
  });
  if (kind === 'connecting') return [dialled, coming];
  const accepted = await coming;
  if (kind === 'accepted') return [accepted, Promise.resolve(quiet(dialled))];
  const serving = new tls.TLSSocket(accepted, {
    ...{ isServer: true, allowHalfOpen: true },
    ...{ cert: podCertificate.certificateChain, key: podCertificate.privateKey },
  });
  const asking = tls.connect({
    ...{ socket: dialled, ca: podCertificate.trustBundle, servername: 'pod.example' },
    ...{ checkServerIdentity: () => undefined, allowHalfOpen: true },
  });
  await Promise.all([once(asking, 'secureConnect'), once(serving, 'secure')]);
  return kind === 'tls client'
    ? [asking, Promise.resolve(quiet(serving))]
    : [serving, Promise.resolve(quiet(asking))];
}

function quiet(socket: net.Socket): net.Socket {
  return socket.on('error', () => undefined);
}

/** The symbol of `socket` that {@link name} describes. */
function hookOf(socket: net.Socket, name: string): symbol | undefined {
  return Object.getOwnPropertySymbols(socket).find((each) => each.description === name);
}

/** Makes the hooks of `socket` other than expected, so that it is read as a stream. */
function spoil(socket: net.Socket): void {
  const hook = hookOf(socket, 'kBufferCb');
  if (hook !== undefined) Reflect.set(socket, hook, () => true);
}

/** Runs `check` for every kind of socket, with hooks and without. */
function both(
  name: string,
  check: (t: TestContext, near: net.Socket, far: Promise<net.Socket>, kind: Kind) => Promise<void>,
): void {
  for (const kind of KINDS) {
    for (const way of ['hooks', 'stream']) {
      test(`${name} (${kind}, ${way})`, async (t) => {
        const [near, far] = await pair(t, kind);
        if (way === 'stream') spoil(near);
        await check(t, near, far, kind);
      });
    }
  }
}

test('this Node has the hooks: a transport is not read as a stream', async (t) => {
  for (const kind of KINDS) {
    const [near] = await pair(t, kind);
    new Transport(near, new Notes());
    const hook = hookOf(near, 'kBuffer');
    assert.ok(hook !== undefined && Reflect.get(near, hook) instanceof Buffer, kind);
  }
});

both('bytes of every size come as they were sent and stay as they are', async (_t, near, far) => {
  const notes = new Notes();
  new Transport(near, notes);
  const socket = await far;
  const sent: Buffer[] = [];
  let count = 0;
  for (const size of [1, 20, 1_023, 1_024, 1_025, 8_192, 9_000, 65_536, 300_000, 7, 700, 900]) {
    for (let round = 0; round < 5; round += 1) {
      const bytes = randomBytes(size);
      sent.push(bytes);
      count += size;
      socket.write(bytes);
      if (size < 10_000) await until('it came', () => notes.count === count);
    }
  }
  await until('all came', () => notes.count === count);
  assert.ok(notes.content.equals(Buffer.concat(sent)));
});

both('nothing comes while it is paused, and all after', async (_t, near, far) => {
  const notes = new Notes();
  const transport = new Transport(near, notes);
  const socket = await far;
  const sent = randomBytes(2_000_000);
  notes.on = () => {
    transport.pause();
    const { count } = notes;
    setTimeout(() => {
      assert.equal(notes.count, count);
      transport.resume();
    }, 2);
  };
  socket.end(sent);
  await until('it ended', () => notes.told.includes('end'), 20_000);
  assert.ok(notes.content.equals(sent));
});

both('one half ends before the other', async (_t, near, far) => {
  const notes = new Notes();
  const transport = new Transport(near, notes);
  const socket = await far;
  socket.end('asked');
  await until('the end', () => notes.told.includes('end'));
  assert.equal(notes.content.toString(), 'asked');
  const got: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => got.push(bytes));
  const ended = once(socket, 'end');
  transport.write([Buffer.from('ans'), Buffer.from('wer')]);
  transport.write([Buffer.from('ed')]);
  transport.end();
  await ended;
  assert.equal(Buffer.concat(got).toString(), 'answered');
  await until('closed', () => notes.told.at(-1) === 'closed');
});

both('an end is told while it is paused', async (_t, near, far) => {
  const notes = new Notes();
  const transport = new Transport(near, notes);
  const socket = await far;
  transport.pause();
  socket.end();
  await until('the end', () => notes.told.includes('end'));
});

both('a reset is told, with its error, also while it is paused', async (_t, near, far, kind) => {
  const notes = new Notes();
  const transport = new Transport(near, notes);
  const socket = await far;
  transport.pause();
  if (kind.startsWith('tls')) socket.destroy();
  else socket.resetAndDestroy();
  await until('told', () => notes.told.length > 0);
  if (!kind.startsWith('tls')) assert.deepEqual(notes.told, ['closed ECONNRESET']);
});

both('nobody is called after destroy but for the end of all', async (_t, near, far) => {
  const notes = new Notes();
  const transport = new Transport(near, notes);
  const socket = await far;
  notes.on = () => transport.destroy();
  socket.write(randomBytes(200_000));
  await until('closed', () => notes.told.length > 0);
  const { count } = notes;
  await wait(20);
  assert.equal(notes.count, count);
  assert.equal(notes.pieces.length, 1);
  assert.deepEqual(notes.told, ['closed']);
});

both('what was read before comes first', async (_t, near, far, kind) => {
  if (kind === 'connecting') await once(near, 'connect');
  const socket = await far;
  near.read(0);
  socket.write('before ');
  await until('it waits', () => near.readableLength === 7);
  const notes = new Notes();
  const transport = new Transport(near, notes);
  transport.pause();
  socket.write('after ');
  await wait(20);
  assert.equal(notes.count, 0);
  transport.resume();
  await until('all came', () => notes.count === 13);
  socket.write('last');
  await until('the last came', () => notes.count === 17);
  assert.equal(notes.content.toString(), 'before after last');
});

both('it is full until the far side reads', async (_t, near, far) => {
  const notes = new Notes();
  const transport = new Transport(near, notes);
  const socket = await far;
  socket.pause();
  let sent = 0;
  while (!transport.full || transport.waitingBytes < 1_000_000) {
    transport.write([Buffer.alloc(400_000)]);
    sent += 400_000;
    await wait(1);
    assert.ok(sent < 100_000_000);
  }
  assert.equal(transport.full, near.writableNeedDrain);
  let got = 0;
  socket.on('data', (bytes: Buffer) => {
    got += bytes.length;
  });
  socket.resume();
  await until('room', () => got === sent && notes.told.at(-1) === 'room');
  assert.equal(transport.full, false);
});

test('a transport that halts reads nothing, and tells what came meanwhile, and the end, afterwards', async (t) => {
  const [near, far] = await pair(t, 'accepted');
  const notes = new Notes();
  const transport = new Transport(near, notes);
  transport.halt();
  (await far).end(Buffer.alloc(20_000));
  await wait(50);
  assert.deepEqual([notes.count, near.readableLength, notes.told], [0, 0, []]);
  transport.resume();
  await until('the end came', () => notes.told.includes('end'));
  assert.equal(notes.count, 20_000);
});
