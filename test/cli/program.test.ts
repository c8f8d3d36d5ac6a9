/** Command lines that need no cluster: what is wrong is said in words, with the exit code that fits. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { Interruption } from '#cli/interruption.ts';
import type { Io } from '#cli/io.ts';
import { reportError, wrap } from '#cli/output.ts';
import { runProgram } from '#cli/program.ts';
import { similarTo } from '#cli/similar.ts';
import { describeError, IsthmusError } from '#core/errors.ts';
import { silentIo } from '#test/silent-io.ts';

let cwd: string;
before(() => {
  cwd = mkdtempSync(join(tmpdir(), 'isthmus-program-'));
});
after(() => rmSync(cwd, { recursive: true, force: true }));

function captured(env: Record<string, string> = {}): {
  io: Io;
  out: () => string;
  err: () => string;
} {
  let out = '';
  let err = '';
  const io: Io = {
    ...silentIo(cwd, env),
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  };
  return { io, out: () => out, err: () => err };
}

async function run(line: string, env: Record<string, string> = {}) {
  const { io, out, err } = captured(env);
  const code = await runProgram(line.split(' '), io);
  return { code, out: out(), err: err() };
}

/** Undoes what was done to lines for the screen. */
function inOneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}

test('an unknown command is answered with the one that was meant', async () => {
  for (const line of ['lnik', 'help lnik']) {
    const { code, err } = await run(line);
    assert.equal(code, 2);
    assert.match(err, /^error: unknown command 'lnik'\n {2}Did you mean isthmus link\? /);
  }
  assert.match((await run('help bogus')).err, /unknown command 'bogus'\n {2}See isthmus --help\./);
  assert.equal((await run('help link')).code, 0);
  assert.equal(similarTo('drlil', ['dev', 'drill']), 'drill');
  assert.equal(similarTo('x', ['dev', 'drill']), undefined);
});

test('an unknown option or context is answered with the one that was meant', async () => {
  const option = await run('services --contxt west -ojson');
  const { message, next } = JSON.parse(option.out).error;
  assert.equal(message, "unknown option '--contxt'");
  assert.equal(next, 'Did you mean --context? See isthmus services --help.');
  const names = ['west', 'east', ...Array.from({ length: 30 }, (_, at) => `other-cluster-${at}`)];
  writeFileSync(join(cwd, 'many'), JSON.stringify({ contexts: names.map((name) => ({ name })) }));
  const env = { KUBECONFIG: join(cwd, 'many') };
  const context = await run('link west eats', env);
  assert.equal(context.code, 2);
  assert.match(inOneLine(context.err), /has the context eats: .* west, east, other.* and 20 more/);
  assert.match(inOneLine(context.err), /Did you mean east\? \[INVALID_CONFIG\]/);
  const unlike = await run('services --context production', env);
  assert.match(inOneLine(unlike.err), /Name a file with --kubeconfig, or start/);
  assert.match((await run('services --kubeconfig missing')).err, /missing \(--kubeconfig\)/);
});

test('the help fits eighty columns and has no command for shells', async () => {
  const { out } = await run('--help');
  for (const line of out.split('\n')) assert.ok(line.length <= 80, line);
  assert.doesNotMatch(out, /__contexts/);
});

test('the format is seen however it is written', async () => {
  for (const line of ['lnik -ojson', 'lnik -o json', 'lnik --output=json', 'lnik --output json'])
    assert.equal(JSON.parse((await run(line)).out).error.code, 'USAGE', line);
});

test('a timeout outside of its bounds is refused', async () => {
  for (const value of ['0.5', '0', '3601', 'soon']) {
    const { code, err } = await run(`link a b --timeout ${value}`);
    assert.equal(code, 2, value);
    assert.match(err, /from 1 to\s+3600/);
  }
});

test('a kubeconfig that is named and missing, or names no context, is no empty listing', async () => {
  const missing = await run('services', { KUBECONFIG: join(cwd, 'missing') });
  assert.equal(missing.code, 2);
  assert.match(missing.err, /there is no kubeconfig .*missing.*\(KUBECONFIG\)/s);
  writeFileSync(join(cwd, 'empty'), 'contexts: []\n');
  const empty = await run('services -ojson', { KUBECONFIG: join(cwd, 'empty') });
  assert.equal(empty.code, 2);
  assert.match(JSON.parse(empty.out).error.message, /empty names no context$/);
});

test('a kubeconfig that contradicts itself is told with the field and its value', async () => {
  const problemOf = async (server: string, cluster: string, user: string) => {
    const config = {
      clusters: [{ name: 'c', cluster: { server } }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'west', context: { cluster, user } }],
    };
    writeFileSync(join(cwd, 'broken'), JSON.stringify(config));
    const { code, out } = await run('services -ojson', { KUBECONFIG: join(cwd, 'broken') });
    assert.equal(code, 2);
    const { field, message } = JSON.parse(out).error;
    return `${field}: ${message}`;
  };
  const server = 'https://127.0.0.1:1';
  assert.equal(
    await problemOf(server, 'elsewhere', 'u'),
    'contexts[].context.cluster: context "west" names the cluster "elsewhere", which the kubeconfig does not have',
  );
  assert.match(await problemOf(server, 'c', 'nobody'), /names the user "nobody", which/);
  const plain = await problemOf('http://127.0.0.1:1', 'c', 'u');
  assert.match(plain, /server: "http:.*" would be asked without encryption$/);
  assert.match(
    await problemOf('localhost:6443', 'c', 'u'),
    /server: "localhost:6443" is not a URL/,
  );
});

test('a file where the folder of embedded clusters should be is told', async () => {
  writeFileSync(join(cwd, '.isthmus'), '');
  const { code, err } = await run('dev', { ISTHMUS_NETWORK: 'loopback' });
  rmSync(join(cwd, '.isthmus'));
  assert.equal(code, 2);
  assert.match(err, /\.isthmus\s+is\s+no folder/);
  assert.match(err, /\[INVALID_CONFIG\]/);
});

test('a folder that cannot be written to is no defect of Isthmus', async () => {
  writeFileSync(join(cwd, 'file'), '');
  const { io, err } = captured({ ISTHMUS_NETWORK: 'loopback' });
  assert.equal(await runProgram(['dev'], { ...io, cwd: join(cwd, 'file') }), 2);
  assert.match(
    inOneLine(err()),
    /cannot keep their files in .*file.*ENOTDIR.* Start in a folder .*INVALID_CONFIG/,
  );
  const { status, stderr } = spawnSync(
    process.execPath,
    [resolve('cli/isthmus.js'), 'drill', resolve('manifests/drills/local-outage.yaml'), '--dev'],
    { cwd, env: { TMPDIR: join(cwd, 'missing') }, encoding: 'utf8' },
  );
  assert.match(inOneLine(stderr), /no folder can be made .*ENOENT.*TMPDIR.*INVALID_CONFIG/);
  assert.equal(status, 2);
});

test('whoever has no home folder can use every command all the same', () => {
  const homeless = `import os from 'node:os';
    os.homedir = () => { throw new Error('uv_os_homedir returned ENOENT'); };
    (await import('node:module')).syncBuiltinESMExports();`;
  const preload = `--import=data:text/javascript,${encodeURIComponent(homeless)}`;
  const command = [preload, resolve('cli/isthmus.js'), 'services'];
  const { status, stderr } = spawnSync(process.execPath, command, {
    cwd,
    env: {},
    encoding: 'utf8',
  });
  assert.match(stderr, /^error: there is no kubeconfig/);
  assert.equal(status, 2);
});

test('a folder that was removed under its feet is told in a line', () => {
  const script = 'mkdir gone && cd gone && rmdir ../gone && exec "$0" "$1" services';
  const { status, stderr } = spawnSync(
    'sh',
    ['-c', script, process.execPath, resolve('cli/isthmus.js')],
    { cwd, encoding: 'utf8' },
  );
  assert.match(stderr, /^The folder isthmus was started in does not exist any more: .*\n$/);
  assert.equal(status, 2);
});

test('an interruption is no defect, and says what was done', () => {
  const { io, err } = captured();
  reportError(new Interruption('SIGINT', 'both Links are written'), io);
  assert.match(err(), /^interrupted by SIGINT: both Links are written\n.*\[INTERRUPTED\]\n$/);
});

test('what a server answered cannot act on a terminal, and is whole in a document', () => {
  const error = new IsthmusError('API_REFUSED', 'refused: \u001b[2Jgone\r\u009b31m');
  const text = captured();
  reportError(error, text.io);
  assert.match(text.err(), /^error: refused: \ufffd\[2Jgone\ufffd\ufffd31m\n/);
  const document = captured();
  reportError(error, document.io, 'json');
  assert.equal(JSON.parse(document.out()).error.message, error.message);
});

test('error lines fit the screen, and no quoted value is broken', () => {
  const value = `"${'a long name '.repeat(9).trim()}"`;
  const text = wrap(`error: the peer's ${value} of ${'many words '.repeat(20)}`, 80);
  assert.ok(text.includes(value));
  for (const line of text.split('\n').filter((each) => !each.includes(value)))
    assert.ok(line.length <= 80, line);
  assert.equal(wrap('short\nlines', 80), 'short\nlines');
});

test('a cause that a message holds already is not said twice', () => {
  const cause = new Error('connect ECONNREFUSED 127.0.0.1:1');
  const wrapped = new IsthmusError('API_REFUSED', `GET / failed: ${cause.message}`, { cause });
  assert.equal(describeError(wrapped), 'GET / failed: connect ECONNREFUSED 127.0.0.1:1');
  assert.equal(describeError(new Error('outer', { cause })), `outer: ${cause.message}`);
});
