/**
 * Where this package lies on disk, and how its programs are started: from the checkout as
 * TypeScript, from an installed package as JavaScript below `dist/`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { IsthmusError } from '#core/errors.ts';

const here = fileURLToPath(import.meta.url);
const built = here.endsWith('.js');
const manifest = z.object({ version: z.string() });

/** The folder that holds package.json, manifests/ and, in an installed package, dist/. */
export function packageRoot(): string {
  return built ? dirname(dirname(dirname(here))) : dirname(dirname(here));
}

/** Version of this package. */
export function packageVersion(): string {
  return manifest.parse(JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')))
    .version;
}

/**
 * The file to give to `node` for a program named by its path without suffix, such as `gateway/main`.
 * Throws `INVALID_CONFIG` when this package holds no such program.
 */
export function programPath(program: string): string {
  const path = built
    ? join(packageRoot(), 'dist', `${program}.js`)
    : join(packageRoot(), `${program}.ts`);
  if (!existsSync(path)) {
    throw new IsthmusError('INVALID_CONFIG', `This package holds no program ${program}`, {
      field: program,
    });
  }
  return path;
}
