/**
 * curl, as an operator uses it.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTool } from '#test/support/tools.ts';
import { AUTHORITY, at, type Case, patterned, sha256, type Target } from '../case.ts';
import type { Seen } from '../pods/http-routes.ts';

async function curl(target: Target, args: readonly string[], ...paths: string[]): Promise<Buffer> {
  const urls = paths.map((path) => `http://${target.host}:${target.port}${path}`);
  const host = ['-H', `Host: ${AUTHORITY}`];
  const { stdout, stderr, error } = await runTool('curl', ['-sS', ...host, ...args, ...urls]);
  assert.equal(error, null, stderr);
  return stdout;
}

/** Calls `use` with a file that holds `body`. */
async function withFile(body: Buffer, use: (path: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-'));
  const path = join(folder, 'body');
  writeFileSync(path, body);
  await use(path).finally(() => rmSync(folder, { recursive: true }));
}

async function upload(target: Target, args: readonly string[], path: string): Promise<void> {
  const body = patterned(4_000_000, 11);
  await withFile(body, async (file) => {
    const all = [...args, '--data-binary', `@${file}`, '-X', 'POST'];
    const seen = JSON.parse((await curl(target, all, path)).toString()) as Seen;
    assert.equal(seen.sha256, sha256(body));
  });
}

function casesOf(name: string, flags: readonly string[]): Omit<Case, 'port'>[] {
  const needs = ['curl', 'curl'] as const;
  return [
    {
      name: `${name}: GET, HEAD and a range`,
      combine: true,
      needs,
      async run(target) {
        const body = await curl(target, flags, '/bytes/500000');
        assert.equal(sha256(body), sha256(patterned(500_000)));
        const head = (await curl(target, [...flags, '-I'], '/bytes/1234')).toString();
        assert.match(head, /^HTTP\/[\d.]+ 200/);
        assert.match(head, /content-length: 1234/i);
        const part = await curl(target, [...flags, '-r', '10-19'], '/bytes/1000');
        assert.equal(sha256(part), sha256(patterned(1000).subarray(10, 20)));
      },
    },
    {
      name: `${name}: an upload with a length, and one that expects 100`,
      needs,
      async run(target) {
        await upload(target, flags, '/hash');
        const expect = ['-H', 'Expect: 100-continue', '--expect100-timeout', '20'];
        await upload(target, [...flags, ...expect], '/continue');
      },
    },
  ];
}

const http1: readonly Omit<Case, 'port'>[] = [
  ...casesOf('curl', ['--http1.1']),
  ...casesOf('curl -0', ['--http1.0']).slice(0, 1),
  {
    name: 'curl: -T - sends chunks',
    needs: ['curl', 'curl'],
    async run(target) {
      const body = patterned(3_000_000, 12);
      await withFile(body, async (file) => {
        const args = ['--http1.1', '-T', file, '-H', 'Transfer-Encoding: chunked'];
        const seen = JSON.parse((await curl(target, args, '/hash')).toString()) as Seen;
        assert.deepEqual([seen.method, seen.sha256], ['PUT', sha256(body)]);
      });
    },
  },
  {
    name: 'curl: several URLs over one connection',
    needs: ['curl', 'curl'],
    async run(target) {
      const write = ['-w', '%{num_connects}:%{http_code};', '-o', '/dev/null'];
      const paths = ['/bytes/1', '/status/204', '/bytes/9?chunked=1'];
      const outputs = ['-o', '/dev/null', '-o', '/dev/null'];
      const text = (await curl(target, [...write, ...outputs], ...paths)).toString();
      assert.equal(text, '1:200;0:204;0:200;');
    },
  },
  {
    name: 'curl: trailers as they are on the wire',
    needs: ['curl', 'curl'],
    async run(target) {
      const args = ['--http1.1', '--raw', '-H', 'TE: trailers', '-H', 'Connection: TE'];
      const text = (await curl(target, args, '/bytes/5?trailers=1')).toString('latin1');
      assert.match(text, new RegExp(`\r\n0\r\nx-sha256: ${sha256(patterned(5))}\r\n\r\n$`, 'i'));
    },
  },
];

// One URL a run: curl 7.88 fails on its own second request with prior knowledge, with any server.
const http2 = casesOf('curl --http2-prior-knowledge', ['--http2-prior-knowledge']);

export const curlCases: readonly Case[] = [
  ...at(['http1-auto', 'http1'], http1),
  ...at(['h2c'], http1, { direct: 'http1' }),
  ...at(['h2c-auto', 'h2c'], http2),
  ...at(['http1'], http2, { direct: 'h2c' }),
];
