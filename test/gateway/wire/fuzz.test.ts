/** The command `npm run fuzz`: its flags, its watchdog, its examples, and that a run can be repeated. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { HPACK_RULES } from '#gateway/wire/hpack/error.ts';
import { RULES } from '#gateway/wire/http1/rules.ts';
import { H2_RULES } from '#gateway/wire/http2/error.ts';
import { stricterExamples } from '#test/fuzz/examples.ts';
import { parseFlags } from '#test/fuzz/flags.ts';
import { runFuzz, shares } from '#test/fuzz/run.ts';
import { WatchedWorker } from '#test/fuzz/watch.ts';
import { DEADLY, ENDLESS } from './fuzz-broken-worker.ts';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Rules by which we refuse what llhttp or nghttp2 accepts. */
const STRICTER = {
  http1:
    'BARE_CR BARE_LF CHUNKED_NOT_LAST CHUNK_EXTENSION_INVALID CHUNK_EXTENSION_TOO_LONG ' +
    'CHUNK_SIZE_OVERFLOW CONNECT_CONTENT CONTENT_LENGTH_FORBIDDEN CONTENT_LENGTH_INVALID ' +
    'DATA_AFTER_CLOSE EARLY_END FIELDS_TOO_MANY HEAD_TOO_LARGE HOST_INVALID HOST_MISSING ' +
    'HOST_REPEATED LEADING_EMPTY_LINES REASON_CHARACTER REQUEST_LINE_SPACE RESPONSE_UNEXPECTED ' +
    'START_LINE_TOO_LONG STATUS_CODE SWITCH_UNASKED SWITCH_UNNAMED TARGET_ASTERISK ' +
    'TARGET_AUTHORITY TARGET_FORM TARGET_FRAGMENT TARGET_HOST_MISMATCH TARGET_SPACE ' +
    'TRAILER_FORBIDDEN TRAILER_TOO_LARGE TRANSFER_ENCODING_FORBIDDEN TRANSFER_ENCODING_REPEATED ' +
    'TRANSFER_ENCODING_UNKNOWN TRANSFER_ENCODING_VERSION VERSION',
  hpack: 'INTEGER_OVERFLOW SIZE_UPDATE_PLACE',
  http2:
    'FIELD_HOST FIELD_NAME FIELD_VALUE FLOOD_EMPTY FLOOD_IGNORED FLOOD_PING FLOOD_PROVOKED ' +
    'FLOOD_SETTINGS FLOOD_WINDOW FRAME_SIZE HEADER_BLOCK PADDING PSEUDO_VALUE SELF_DEPENDENCY SETTING_VALUE ' +
    'STREAM_CLOSED STREAM_ID',
};

test('every rule by which we are stricter has a section and an example', async () => {
  const examples = [...(await stricterExamples()).values()];
  for (const [codec, rules] of Object.entries(STRICTER)) {
    const shown = examples.filter((each) => each.codec === codec).map((each) => each.rule);
    assert.deepEqual(shown.sort(), rules.split(' '));
  }
  for (const { section } of examples) assert.match(section, /^RFC \d{4} section \d+(\.\d+)*$/);
});

test('a rule has one name in all three codecs', () => {
  const names = [RULES, HPACK_RULES, H2_RULES].flatMap((each) => Object.keys(each));
  assert.equal(new Set(names).size, names.length);
});

test('four in five inputs are HTTP/1, whatever their number', () => {
  assert.deepEqual(shares(10_000_000), { http1: 8e6, hpack: 1e6, http2: 1e6 });
  assert.deepEqual(shares(7), { http1: 7, hpack: 0, http2: 0 });
});

test('the same seed gives the same result, however many workers', async () => {
  const one = await runFuzz({ inputs: 6_000, seed: 3, workers: 1 });
  const two = await runFuzz({ inputs: 6_000, seed: 3, workers: 2 });
  assert.deepEqual(one, two);
  assert.deepEqual([one.inputs, one.findings], [6_000, []]);
});

test('an input that never ends and one that ends the process are found, and the rest is run', async () => {
  const worker = new WatchedWorker(here('./fuzz-broken-worker.ts'), 500);
  const report = await worker.run({ codec: 'http1', seed: 1, from: 0, to: 10 });
  worker.stop();
  assert.deepEqual([report.inputs, report.hangs, report.crashes], [10, 1, 1]);
  assert.deepEqual(
    report.findings.map((each) => each.index),
    [ENDLESS, DEADLY],
  );
});

test('a flag that means nothing is answered with what would', () => {
  for (const [words, answer] of [
    [['--inputs', '1e6'], /^--inputs 1e6: give a whole number/],
    [['--seed', '-1'], /^--seed -1: give a whole number/],
    [['--only', 'http3:1'], /^--only http3:1: give a codec/],
    [['--fast'], /^--fast: no such flag; the flags are/],
  ] as const)
    assert.match(String(parseFlags(words)), answer);
  const flags = parseFlags(['--inputs=20', '--seed', '9', '--json']);
  assert.deepEqual(flags, { inputs: 20, seed: 9, json: true, only: undefined });
});

test('an interrupted run says what it has found so far', async () => {
  const child = spawn(process.execPath, [here('../../fuzz/main.ts'), '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  // It says its seed when it begins; some inputs are run before it is interrupted.
  await once(child.stderr, 'data');
  setTimeout(() => child.kill('SIGINT'), 500);
  child.stderr.resume();
  const [code] = await once(child, 'close');
  assert.equal(code, 130);
  assert.equal(text.trimEnd().split('\n').length, 1);
  assert.deepEqual(
    { ...JSON.parse(text), inputs: 0, stricter: {} },
    {
      inputs: 0,
      crashes: 0,
      hangs: 0,
      differences: 0,
      stricter: {},
    },
  );
});
