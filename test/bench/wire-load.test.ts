/** The wire bench's generators: they take right answers for right, and wrong ones for wrong. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import net, { type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import type { Address } from '#core/network.ts';
import { missing } from '#test/support/tools.ts';
import { Programs } from '../../bench/kit/programs.ts';
import { serveHttp1 } from '../../bench/wire/backend/http1.ts';
import { serveHttp2 } from '../../bench/wire/backend/http2.ts';
import { serveOpaque } from '../../bench/wire/backend/opaque.ts';
import { closedLoop, openLoop } from '../../bench/wire/load/http1-loads.ts';
import { http2Loop } from '../../bench/wire/load/http2.ts';
import { type Load, type LoadResult, Meter } from '../../bench/wire/load/meter.ts';
import { opaqueLoop } from '../../bench/wire/load/opaque.ts';
import {
  ITEMS,
  itemBody,
  itemPath,
  numberOf,
  requestTable,
  TRANSFER_BYTES,
} from '../../bench/wire/traffic.ts';
import { Wrk } from '../../bench/wire/wrk.ts';

const LOADS: readonly (readonly [string, Load, (socket: Socket) => void])[] = [
  ['large answers', closedLoop(2, 'bulk'), serveHttp1],
  ['new connections', closedLoop(2, 'connect'), serveHttp1],
  ['an open loop', openLoop(500, 8), serveHttp1],
  ['HTTP/2', http2Loop(2, 4, false), serveHttp2],
  ['gRPC', http2Loop(2, 4, true), serveHttp2],
  ['opaque transfers', opaqueLoop(2), serveOpaque],
];

for (const [name, load, serve] of LOADS) {
  test(`${name}: every answer of the backend is right`, async (t) => {
    const result = await run(load, await listen(t, serve), (meter) => meter.count > 20);
    assert.equal(result.errors, 0, result.reason);
    assert.ok(result.count > 0);
    assert.ok(result.p50Ms !== null && result.p99Ms !== null && result.p99Ms >= result.p50Ms);
  });
}

for (const [name, load, serve] of LOADS) {
  test(`${name}: an answer with one byte changed is an error`, async (t) => {
    const spoilt = (socket: Socket) => spoil(socket, serve);
    // Of large bodies not every one is summed up.
    const result = await run(load, await listen(t, spoilt), (meter) => meter.errors > 0);
    assert.ok(result.errors > 0);
  });
}

test('requests differ, and their number is in their path', () => {
  const lines = requestTable().trimEnd().split('\n');
  assert.equal(lines.length, ITEMS);
  for (const column of [0, 1, 2, 3])
    assert.equal(new Set(lines.map((line) => line.split(' ')[column])).size, ITEMS);
  assert.equal(numberOf(itemPath(4_711)), 4_711);
  assert.equal(
    new Set(Array.from({ length: ITEMS }, (_, at) => itemBody(at).toString())).size,
    ITEMS,
  );
  assert.ok(TRANSFER_BYTES > 0);
});

/** Serves with one byte of every body changed. */
function spoil(socket: Socket, serve: (socket: Socket) => void): void {
  const write = socket.write.bind(socket);
  socket.write = ((bytes: Buffer | string) => {
    const copy = Buffer.from(bytes as string);
    // Of what is written, bodies alone: small ones begin with a word, large ones are large.
    const small = copy.lastIndexOf('answer ');
    const at = small >= 0 ? small : copy.length > 100_000 ? copy.length - 1 : -1;
    if (at >= 0) copy[at] = (copy[at] as number) ^ 1;
    return write(copy);
  }) as Socket['write'];
  serve(socket);
}

async function listen(
  t: { after(call: () => void): void },
  serve: (socket: Socket) => void,
): Promise<Address> {
  const server = net.createServer((socket) => {
    socket.on('error', () => socket.destroy());
    serve(socket);
  });
  t.after(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

/** Runs a load until `isEnough`, 5 s at most. */
async function run(
  load: Load,
  target: Address,
  isEnough: (meter: Meter) => boolean,
): Promise<LoadResult> {
  const meter = new Meter([process.pid]);
  const stop = load(target, meter);
  try {
    meter.begin();
    const deadlineMs = performance.now() + 5_000;
    do await new Promise((resolve) => setTimeout(resolve, 50));
    while (!isEnough(meter) && performance.now() < deadlineMs);
    return meter.end();
  } finally {
    stop();
  }
}

for (const isSpoilt of [false, true]) {
  const skip = missing('wrk', 'wrk');
  test(`wrk: ${isSpoilt ? 'wrong' : 'right'} answers are seen to be`, { skip }, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'isthmus-wrk-'));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const target = await listen(t, isSpoilt ? (socket) => spoil(socket, serveHttp1) : serveHttp1);
    const wrk = new Wrk(new Programs(), directory, systemClock);
    const { count, errors, cpuMs, reason } = await wrk.run(target, 4, [process.pid], 1_000);
    assert.ok(count > 0 && cpuMs > 0);
    assert.equal(errors > 0, isSpoilt, reason);
    assert.equal(reason, isSpoilt ? 'checksum' : '');
  });
}
