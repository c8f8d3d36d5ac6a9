/** The mapped network: one port per address, the same in every process, never one in use. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { IsthmusError } from '#core/errors.ts';
import { limitMappedNetwork, mappedNetwork, networkFromSpec } from '#runtime/network.ts';

function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'isthmus-network-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test('networkFromSpec() names each network and refuses anything else', () => {
  const address = { host: '127.10.0.1', port: 6443 };
  assert.deepEqual(networkFromSpec(undefined).locate(address), address);
  assert.equal(networkFromSpec(undefined).source('127.10.0.9'), undefined);
  assert.equal(networkFromSpec('loopback').source('127.10.0.9'), '127.10.0.9');
  assert.throws(() => networkFromSpec('bridge'), { code: 'INVALID_CONFIG' });
});

test('A mapped network keeps its answers and gives different addresses different ports', (t) => {
  const directory = scratch(t);
  const network = mappedNetwork(directory);
  const ports = new Set<number>();
  for (let index = 0; index < 50; index++) {
    const located = network.locate({ host: `127.10.16.${index}`, port: 8080 });
    assert.equal(located.host, '127.0.0.1');
    assert.ok(located.port >= 20_000 && located.port <= 31_999);
    ports.add(located.port);
  }
  assert.equal(ports.size, 50);
  const again = mappedNetwork(directory).locate({ host: '127.10.16.7', port: 8080 });
  assert.deepEqual(again, network.locate({ host: '127.10.16.7', port: 8080 }));
});

test('A mapped network passes over ports that somebody listens on', async (t) => {
  const directory = scratch(t);
  const server = createServer();
  t.after(() => server.close());
  const busy = await new Promise<number>((resolve, reject) => {
    const attempt = (port: number) => {
      if (port > 31_000) reject(new Error('no free port'));
      server.once('error', () => attempt(port + 2));
      server.listen(port, '127.0.0.1', () => resolve(port));
    };
    attempt(28_000);
  });
  limitMappedNetwork(directory, busy, busy + 40);
  const network = mappedNetwork(directory);
  let assigned = 0;
  assert.throws(
    () => {
      for (let index = 0; index < 50; index++) {
        const { port } = network.locate({ host: 'h', port: index + 1 });
        assert.notEqual(port, busy);
        assigned += 1;
      }
    },
    (error: unknown) => error instanceof IsthmusError && error.code === 'NETWORK_EXHAUSTED',
  );
  assert.ok(assigned > 0 && assigned <= 40);
});

test('Processes that ask a mapped network at once get the same answers', async (t) => {
  const directory = scratch(t);
  const script = `
    const { mappedNetwork } = await import('#runtime/network.ts');
    const network = mappedNetwork(process.argv[1]);
    process.stdin.once('data', () => {
      const answers = [];
      for (let i = 0; i < 60; i++) answers.push(network.locate({ host: '10.0.0.' + i, port: 80 }).port);
      process.stdout.write(JSON.stringify(answers), () => process.exit(0));
    });
    process.stderr.write('up');`;
  const children = Array.from({ length: 4 }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', script, directory], {
      stdio: ['pipe', 'pipe', 'pipe'],
    }),
  );
  t.after(() => children.map((child) => child.kill('SIGKILL')));
  await Promise.all(
    children.map((child) => new Promise((resolve) => child.stderr.once('data', resolve))),
  );
  const outputs = children.map(
    (child) =>
      new Promise<string>((resolve) => {
        let text = '';
        child.stdout.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        child.on('close', () => resolve(text));
      }),
  );
  for (const child of children) child.stdin.write('go');
  const answers = await Promise.all(outputs);
  for (const answer of answers) assert.equal(answer, answers[0]);
  assert.equal(new Set(JSON.parse(answers[0] ?? '[]')).size, 60);
});
