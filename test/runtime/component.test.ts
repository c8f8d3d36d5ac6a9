/** The frame of a component: how it ends, how fast, and with which exit code. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const FIXTURE = fileURLToPath(new URL('fixtures/component.ts', import.meta.url));

interface Run {
  readonly child: ChildProcess;
  readonly lines: string[];
  readonly ended: Promise<number | null>;
  logged(text: string): Promise<void>;
}

function start(t: TestContext, behaviour: string, env: Record<string, string> = {}): Run {
  const child = spawn(process.execPath, [FIXTURE, behaviour], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  const lines: string[] = [];
  const listeners = new Set<() => void>();
  child.stderr?.on('data', (chunk: Buffer) => {
    lines.push(...chunk.toString().split('\n').filter(Boolean));
    for (const listener of listeners) listener();
  });
  return {
    child,
    lines,
    ended: new Promise((resolve) => child.on('close', resolve)),
    logged: (text) =>
      new Promise((resolve) => {
        const look = () => lines.some((line) => line.includes(text)) && resolve();
        listeners.add(look);
        look();
      }),
  };
}

test('A component ends with 0 when a signal cuts its wait short', async (t) => {
  const run = start(t, 'waits');
  await run.logged('waiting');
  run.child.kill('SIGTERM');
  assert.equal(await run.ended, 0);
});

test('A component may finish its work after a signal', async (t) => {
  const run = start(t, 'drains');
  await run.logged('waiting');
  run.child.kill('SIGHUP');
  assert.equal(await run.ended, 0);
  assert.ok(run.lines.some((line) => line.includes('drained')));
});

test('A component that overstays its drain is ended with 1 and a line', async (t) => {
  const run = start(t, 'ignores');
  await run.logged('waiting');
  run.child.kill('SIGINT');
  assert.equal(await run.ended, 1);
  assert.ok(run.lines.some((line) => line.includes('Did not finish in time')));
});

test('A component ends within two seconds of the end of its standard input', async (t) => {
  const run = start(t, 'ignores', { ISTHMUS_PARENT: 'stdin' });
  await run.logged('waiting');
  const began = performance.now();
  run.child.stdin?.end();
  assert.equal(await run.ended, 1);
  assert.ok(performance.now() - began < 2_000);
});

test('A failure is one line with its code, field and next step', async (t) => {
  const run = start(t, 'refuses');
  assert.equal(await run.ended, 1);
  assert.equal(run.lines.length, 1);
  const line = JSON.parse(run.lines[0] ?? '{}');
  assert.equal(line.code, 'CLUSTER_UNREACHABLE');
  assert.equal(line.field, 'server');
  assert.ok(line.next.length > 0);
});

test('A wrong setting exits with 2, whether main or the frame finds it', async (t) => {
  assert.equal(await start(t, 'misconfigured').ended, 2);
  const run = start(t, 'waits', { ISTHMUS_LOG_LEVEL: 'loud', ISTHMUS_PARENT: 'maybe' });
  assert.equal(await run.ended, 2);
  assert.match(run.lines.join('\n'), /ISTHMUS_LOG_LEVEL.*loud.*ISTHMUS_PARENT.*maybe/);
});
