/**
 * The house rules, as tests: who may import whom, how files look, what must not be named.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ERRORS } from '#core/errors.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Which rooms a room may import, itself always included (DESIGN.md, "Rooms"). */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  runtime: ['core'],
  kube: ['core'],
  identity: ['core'],
  gateway: ['core', 'identity'],
  mirror: ['core', 'identity', 'kube'],
  devcluster: ['core', 'runtime', 'kube', 'identity', 'gateway', 'mirror'],
  cli: ['core', 'runtime', 'kube', 'identity', 'gateway', 'mirror', 'devcluster'],
  manifests: ['core', 'kube'],
  bench: ['core', 'runtime', 'kube', 'identity', 'gateway', 'mirror', 'devcluster', 'cli'],
};

/** What single files or folders may import beyond their room's rule. */
const EXCEPTIONS: readonly { readonly path: RegExp; readonly rooms: readonly string[] }[] = [
  { path: /^[a-z]+\/main\.ts$/, rooms: ['runtime', 'kube'] },
  // A worker is a component that knows no API server.
  { path: /^gateway\/worker\/main\.ts$/, rooms: ['runtime'] },
  { path: /^gateway\/snapshot\//, rooms: ['kube'] },
  { path: /^identity\/store\.ts$/, rooms: ['kube'] },
];

/** Node modules that do I/O; core and files marked pure name none of them. */
const IO_MODULES =
  /^node:(net|tls|http|https|http2|fs|fs\/promises|child_process|dgram|cluster|worker_threads)$/;

const LINES_ASK = 300;
const LINES_MAX = 400;

interface SourceFile {
  readonly path: string;
  readonly room: string;
  readonly text: string;
  readonly imports: readonly string[];
}

function walk(folder: string, suffix: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.name === 'node_modules' || entry.name === 'dist' || entry.name.startsWith('.'))
      return [];
    if (entry.isDirectory()) return walk(path, suffix);
    return path.endsWith(suffix) ? [path] : [];
  });
}

function load(path: string): SourceFile {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(
    (each) => each[1] ?? '',
  );
  return { path, room: path.split('/')[0] ?? '', text, imports };
}

const sources = Object.keys(MAY_IMPORT)
  .filter((room) => existsSync(join(ROOT, room)))
  .flatMap((room) => walk(room, '.ts'))
  .map(load);
const tests = walk('test', '.ts').map(load);

/** Fails with every problem at once. */
function none(problems: readonly string[]): void {
  assert.equal(problems.length, 0, `\n  ${problems.join('\n  ')}\n`);
}

test('rooms import one way', () => {
  none(
    sources.flatMap(({ path, room, imports }) =>
      imports.flatMap((each) => {
        const to = /^#([a-z]+)\//.exec(each)?.[1];
        if (to === undefined || to === room || MAY_IMPORT[room]?.includes(to)) return [];
        const excused = EXCEPTIONS.some((rule) => rule.path.test(path) && rule.rooms.includes(to));
        return excused ? [] : [`${path} imports ${each}: ${room} may not know ${to}`];
      }),
    ),
  );
});

test('a room is entered by #room/, never by a relative path', () => {
  none(
    sources.flatMap(({ path, room, imports }) =>
      imports
        .filter((each) => each.startsWith('.'))
        .filter((each) =>
          relative(join(ROOT, room), join(ROOT, dirname(path), each)).startsWith('..'),
        )
        .map((each) => `${path} imports ${each}`),
    ),
  );
});

test('core does no I/O, nor does a file that calls itself pure', () => {
  none(
    sources
      .filter(({ room, text }) => room === 'core' || /\bpure\s*\n/.test(headerOf(text)))
      .flatMap(({ path, text }) =>
        [...text.matchAll(/import (?!type )(.*) from '(node:[^']+)'/g)]
          // Asking whether a text is an IP address is no I/O.
          .filter(
            (each) =>
              IO_MODULES.test(each[2] ?? '') && !/^\{( isIP(v[46])?,?)+ \}$/.test(each[1] ?? ''),
          )
          .map((each) => `${path} imports ${each[2]}`),
      ),
  );
});

test('every file opens with what it promises', () => {
  none(
    [...sources, ...tests]
      .filter(({ text }) => headerOf(text).length < 20)
      .map(({ path }) => `${path} has no header`),
  );
});

test('every export says what it is', () => {
  none(
    sources.flatMap(({ path, text }) => {
      const lines = text.split('\n');
      return lines.flatMap((line, at) => {
        const named =
          /^export (?:async )?(?:function\*?|class|interface|abstract class) (\w+)/.exec(line);
        if (!named || path.endsWith('.d.ts')) return [];
        const before = lines[at - 1]?.trim() ?? '';
        const told = before.endsWith('*/') || headerOf(text).includes(named[1] ?? '');
        const onlyOne =
          (text.match(/^export (async )?(function|class|interface)/gm) ?? []).length === 1;
        // The header speaks for the one thing a file is about, and for a class named like the file.
        return told ||
          onlyOne ||
          isMainIdea(path, named[1] ?? '') ||
          path.startsWith('cli/commands/')
          ? []
          : [`${path}:${at + 1} ${named[1]} has no docstring`];
      });
    }),
  );
});

test(`no file is longer than ${LINES_MAX} lines, few than ${LINES_ASK}`, () => {
  const long = sources.filter(({ text }) => text.split('\n').length > LINES_ASK);
  none(
    sources
      .filter(({ text }) => text.split('\n').length > LINES_MAX + 1)
      .map(({ path, text }) => `${path} has ${text.split('\n').length} lines`),
  );
  assert.ok(
    long.length <= Math.ceil(sources.length * 0.05),
    `more than one file in twenty is over ${LINES_ASK} lines: ${long.map((each) => each.path).join(', ')}`,
  );
});

test('no file is dead', () => {
  const entries =
    /^(cli\/main|[a-z]+\/(worker\/)?main|runtime\/build|bench\/soak\/(main|parts)|bench\/devcluster\/server-part|bench\/(wire\/(backend|load)|seed\/servers|bare)\/main|manifests\/generate|devcluster\/schema\/generate)\.ts$|\.d\.ts$/;
  const used = new Set<string>();
  for (const { path, imports } of [...sources, ...tests]) {
    for (const each of imports) {
      if (each.startsWith('#')) used.add(each.slice(1));
      else if (each.startsWith('.')) used.add(join(dirname(path), each));
    }
  }
  none(
    sources
      .filter(({ path }) => !entries.test(path) && !used.has(path))
      .map(({ path }) => `${path} is imported by nobody`),
  );
});

test('time and chance are arguments', () => {
  const raw = /\b(Date\.now|new Date\(\)|performance\.now|Math\.random|setTimeout|setInterval)\b/;
  const allowed = /^(core\/(clock|random)\.ts|cli\/main\.ts|bench\/|runtime\/component\.ts)/;
  none(
    sources
      .filter(({ path }) => !allowed.test(path))
      .flatMap(({ path, text }) =>
        text.split('\n').flatMap((line, at) => {
          const isComment = /^\s*(\*|\/\/|\/\*)/.test(line);
          const isSocket = /\.setTimeout\(/.test(line);
          return !isComment && !isSocket && raw.test(line)
            ? [`${path}:${at + 1} ${line.trim()}`]
            : [];
        }),
      ),
  );
});

test('the process, its environment and its signals appear only at the edge', () => {
  const edge =
    /^([a-z]+\/(worker\/)?main\.ts|runtime\/|cli\/|bench\/|manifests\/|devcluster\/schema\/generate\.ts|devcluster\/(kubelet|supervisor)\/)/;
  none(
    sources
      .filter(({ path }) => !edge.test(path))
      .flatMap(({ path, text }) =>
        text
          .split('\n')
          .flatMap((line, at) =>
            /(?<!\.)\bprocess\.(env|on|exit|argv|kill|cwd|pid)\b/.test(line) &&
            !/^\s*(\*|\/\/)/.test(line)
              ? [`${path}:${at + 1} ${line.trim()}`]
              : [],
          ),
      ),
  );
});

test('docs/errors.md is the error table', () => {
  const rows = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  const expected = Object.entries(ERRORS).map(
    ([code, { http, grpc, retryable, next }]) =>
      `| \`${code}\` | ${http || '–'} | ${grpc} | ${retryable ? 'yes' : 'no'} | ${next} |`,
  );
  assert.deepEqual(rows, expected);
});

test('links in the documents lead somewhere', () => {
  none(
    walk('', '.md').flatMap((path) => {
      const text = readFileSync(join(ROOT, path), 'utf8');
      return [...text.matchAll(/\]\(([^)#]+)(#[^)]*)?\)/g)]
        .map((each) => each[1] ?? '')
        .filter((target) => !/^[a-z]+:/.test(target))
        .filter((target) => !existsSync(join(ROOT, dirname(path), target)))
        .map((target) => `${path} links to ${target}`);
    }),
  );
});

function headerOf(text: string): string {
  return /^(?:#!.*\n)?\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? '';
}

function isMainIdea(path: string, name: string): boolean {
  const words = (path.split('/').at(-1) ?? '').replace(/\.ts$/, '').split('-');
  return words.every((word) => name.toLowerCase().includes(word.replace(/s$/, '')));
}
