/** What the Tab key offers. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { packageRoot } from '#runtime/package.ts';

const COMMAND = join(packageRoot(), 'cli', 'isthmus.js');
let directory: string;

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'isthmus-completion-'));
  knows('kind-west', 'kind-east');
  const script = execFileSync(process.execPath, [COMMAND, 'completion', 'bash'], {
    cwd: directory,
  });
  writeFileSync(join(directory, 'isthmus.bash'), script);
});
after(() => rmSync(directory, { recursive: true, force: true }));

/** Has the kubeconfig name these contexts. */
function knows(...names: string[]): void {
  const contexts = names.map((name) => ({ name }));
  writeFileSync(join(directory, 'kubeconfig'), JSON.stringify({ contexts }));
}

/** What bash offers for the last of `words`. */
function offered(...words: string[]): string[] {
  const script = [
    `isthmus() { "${process.execPath}" "${COMMAND}" "$@"; }`,
    'source ./isthmus.bash',
    "COMP_WORDBREAKS=$' \\t\\n:='",
    'COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))',
    `_isthmus; printf "%s\\n" "\${COMPREPLY[@]}"`,
  ].join('\n');
  const env = { PATH: process.env.PATH ?? '', KUBECONFIG: join(directory, 'kubeconfig') };
  const out = execFileSync('bash', ['-c', script, 'bash', ...words], { cwd: directory, env });
  return String(out).trim().split('\n');
}

test('bash offers commands, options, and the values that options and arguments take', () => {
  assert.deepEqual(offered('isthmus', 'd'), ['dev', 'drill']);
  assert.ok(offered('isthmus', 'link', '--').includes('--dry-run'));
  assert.deepEqual(offered('isthmus', 'services', '--output', ''), ['text', 'json', 'yaml']);
  assert.deepEqual(offered('isthmus', 'explain', 'x', '-o', 'j'), ['json']);
  assert.deepEqual(offered('isthmus', 'completion', 'b'), ['bash']);
});

test('contexts are those of the kubeconfig', () => {
  assert.deepEqual(offered('isthmus', 'services', '--context', ''), ['kind-west', 'kind-east']);
  assert.deepEqual(offered('isthmus', 'unlink', 'kind-west', 'kind-e'), ['kind-east']);
});

test('a context is completed behind its colons, which bash takes for ends of words', () => {
  knows('arn:aws:eks:eu-west-1:1:cluster/a', 'arn:aws:eks:eu-west-1:1:cluster/b', 'west');
  const arn = ['arn', ':', 'aws', ':', 'ek'];
  const rest = ['a', 'b'].map((each) => `eks:eu-west-1:1:cluster/${each}`);
  assert.deepEqual(offered('isthmus', 'link', ...arn), rest);
  assert.deepEqual(offered('isthmus', 'services', '--context', ...arn), rest);
  assert.deepEqual(offered('isthmus', 'link', 'arn', ':'), [
    'aws:eks:eu-west-1:1:cluster/a',
    'aws:eks:eu-west-1:1:cluster/b',
  ]);
  assert.deepEqual(offered('isthmus', 'link', 'w'), ['west']);
});

test('the name of a context is a word and never run', () => {
  knows('$(touch$IFS./ran)', '*');
  assert.deepEqual(offered('isthmus', 'services', '--context', ''), ['$(touch$IFS./ran)', '*']);
  assert.equal(existsSync(join(directory, 'ran')), false);
});

test('fish is told the same', () => {
  const out = String(execFileSync(process.execPath, [COMMAND, 'completion', 'fish']));
  assert.match(out, /from services' -l output -s o -x -a 'text json yaml'/);
  assert.match(out, /from services' -l context -x -a '\(isthmus __contexts 2>\/dev\/null\)'/);
  assert.match(out, /from completion' -f -a 'bash zsh fish'/);
  assert.doesNotMatch(out, /-a __contexts/);
});
