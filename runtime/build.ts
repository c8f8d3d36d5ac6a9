/**
 * `npm run build`: publishable JavaScript in `dist/`.
 *
 * Node refuses to strip types below node_modules, so an installed package needs JavaScript. Types are
 * blanked file by file, positions stay (no source maps needed), and specifiers are rewritten: `.ts`
 * becomes `.js`, and `#room/…` a relative path, for `imports` of package.json points at the sources.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The rooms that are part of the package. */
export const BUILT_ROOMS = [
  'core',
  'runtime',
  'kube',
  'identity',
  'gateway',
  'mirror',
  'devcluster',
  'cli',
] as const;

/**
 * `source`, the TypeScript at `path` (relative to the root, with `/`), as JavaScript: types blanked,
 * every quoted `./x.ts`, `../x.ts` and `#room/x.ts` pointing at the built file.
 */
export function buildSource(path: string, source: string): string {
  const stripped = stripTypeScriptTypes(source, { mode: 'strip' });
  return stripped
    .replace(/(['"])#([a-z]+\/[\w./-]+)\.ts\1/g, (_match, quote: string, target: string) => {
      const to = posix.relative(posix.dirname(path), target);
      return `${quote}${to.startsWith('.') ? to : `./${to}`}.js${quote}`;
    })
    .replace(/(['"])(\.{1,2}\/[\w./-]+)\.ts\1/g, '$1$2.js$1');
}

/** Builds every room of `root` into `output`, which is emptied first. Returns the files written. */
export function buildPackage(
  root: string,
  rooms: readonly string[] = BUILT_ROOMS,
  output = join(root, 'dist'),
): string[] {
  rmSync(output, { recursive: true, force: true });
  const written: string[] = [];
  for (const room of rooms) {
    for (const entry of readdirSync(join(root, room), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || entry.name.endsWith('.d.ts')) continue;
      const file = join(entry.parentPath, entry.name);
      const path = relative(root, file).split(sep).join('/');
      const target = join(output, path.replace(/\.ts$/, '.js'));
      mkdirSync(dirname(target), { recursive: true });
      // Data that a module reads lies beside it, in the package as in the checkout.
      if (target.endsWith('.js')) {
        writeFileSync(target, buildSource(path, readFileSync(file, 'utf8')));
      } else {
        copyFileSync(file, target);
      }
      written.push(target);
    }
  }
  return written;
}

if (import.meta.main) {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  const written = buildPackage(root);
  process.stdout.write(`Built ${written.length} files into ${join(root, 'dist')}\n`);
}
