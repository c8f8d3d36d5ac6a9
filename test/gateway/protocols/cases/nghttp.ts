/**
 * nghttp and h2load: the tools of nghttp2, over one connection and over several.
 */
import assert from 'node:assert/strict';
import { runTool } from '#test/support/tools.ts';
import { AUTHORITY, at, type Case, patterned, sha256 } from '../case.ts';

const cases: readonly Omit<Case, 'port'>[] = [
  {
    name: 'nghttp: three answers of one connection',
    needs: ['nghttp', 'nghttp2-client'],
    async run(target) {
      const base = `http://${target.host}:${target.port}`;
      // Bodies of streams side by side are printed as they come: only one has any.
      const urls = ['/bytes/70000?trailers=1', '/bytes/0', '/status/204'].map(
        (each) => base + each,
      );
      const header = ['-H', `:authority: ${AUTHORITY}`];
      const { stdout, stderr, error } = await runTool('nghttp', [...header, ...urls]);
      assert.equal(error, null, stderr);
      assert.equal(sha256(stdout), sha256(patterned(70_000)));
    },
  },
  {
    name: 'h2load: two thousand requests over four connections, none lost',
    needs: ['h2load', 'nghttp2-client'],
    combine: true,
    timeoutMs: 20_000,
    async run(target) {
      const url = `http://${target.host}:${target.port}/bytes/1000`;
      const args = ['-n', '2000', '-c', '4', '-m', '50', url];
      const { stdout, stderr, error } = await runTool('h2load', args);
      assert.equal(error, null, stderr);
      const text = stdout.toString();
      assert.match(text, /2000 succeeded, 0 failed, 0 errored, 0 timeout/);
      assert.match(text, /status codes: 2000 2xx/);
    },
  },
];

export const nghttpCases: readonly Case[] = [
  ...at(['h2c-auto', 'h2c'], cases),
  ...at(['http1'], cases, { direct: 'h2c' }),
];
