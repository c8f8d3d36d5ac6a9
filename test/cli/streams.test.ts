/** What becomes of a command whose output nobody takes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { Interruption } from '#cli/interruption.ts';
import { openStreams } from '#cli/streams.ts';
import type { IsthmusError } from '#core/errors.ts';

/** A stream whose every write fails with `code`; `undefined`: takes everything. */
function stream(code?: string): Writable {
  return new Writable({
    autoDestroy: false,
    write: (_, __, done) => done(code ? Object.assign(new Error(`no ${code}`), { code }) : null),
  });
}

function opened(outCode: string | undefined, errCode: string | undefined) {
  const ends: IsthmusError[] = [];
  const streams = openStreams(stream(outCode), stream(errCode), (reason) => ends.push(reason));
  return { streams, ends };
}

test('a reader of standard error that is gone changes nothing', async () => {
  const { streams, ends } = opened(undefined, 'EPIPE');
  streams.err('step 1\n');
  streams.err('step 2\n');
  assert.equal(await streams.flushed(), undefined);
  assert.deepEqual(ends, []);
});

test('a reader of standard output that is gone ends the command, and is no failure', async () => {
  const { streams, ends } = opened('EPIPE', undefined);
  streams.out('a\n');
  assert.equal(await streams.flushed(), undefined);
  assert.ok(ends[0] instanceof Interruption);
  assert.equal(ends[0].exitCode, 141);
});

test('a full disk or a vanished terminal ends the command, and is told once', async () => {
  for (const code of ['ENOSPC', 'EIO']) {
    const { streams, ends } = opened(code, undefined);
    streams.out('a\n');
    streams.out('b\n');
    const failure = await streams.flushed();
    assert.equal(failure?.code, 'OUTPUT_FAILED');
    assert.match(failure?.message ?? '', new RegExp(`^standard output .* no ${code}$`));
    assert.deepEqual(ends, [failure]);
  }
});

const full = { skip: process.platform !== 'linux' && '/dev/full is of Linux alone' };
test('what prints to a full disk says so in one message and exits 1', full, () => {
  for (const args of [['--version'], ['--help'], ['completion', 'bash']]) {
    const command = `exec "$0" cli/isthmus.js "$@" > /dev/full`;
    const { status, stderr } = spawnSync('sh', ['-c', command, process.execPath, ...args]);
    assert.equal(status, 1, args.join(' '));
    assert.match(String(stderr), /^error: standard output cannot be written to: ENOSPC/);
    assert.match(String(stderr), /\[OUTPUT_FAILED\]\n$/);
    assert.doesNotMatch(String(stderr), /at .*\.ts/);
  }
});
