/** Bytes of somebody else's, put together. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gathered } from '#core/gathered.ts';
import { LineSplitter } from '#core/lines.ts';

test('bytes that come one at a time are put together, and begin anew when they are taken', () => {
  const gathered = new Gathered(10_000);
  const text = 'é'.repeat(5_000);
  for (const byte of Buffer.from(text)) assert.equal(gathered.add(Uint8Array.of(byte)), true);
  assert.equal(gathered.add(Uint8Array.of(0)), false, 'one too many');
  assert.equal(gathered.take(), text);
  assert.equal(gathered.take(), '');
  gathered.add(Buffer.from('next'));
  assert.equal(gathered.take(), 'next');
});

test('a long line sent byte by byte costs its bytes, not a hundred times as much', () => {
  const bytes = 1_000_000;
  const split = new LineSplitter(bytes);
  const part = Buffer.from('x');
  const before = process.memoryUsage();
  for (let each = 0; each < bytes; each += 1) assert.deepEqual(split.push(part), []);
  const after = process.memoryUsage();
  globalThis.gc?.();
  const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
  assert.ok(grown < 40 * bytes, `${grown} bytes for ${bytes}`);
  assert.equal(split.push(Buffer.from('\n'))[0]?.length, bytes);
});
