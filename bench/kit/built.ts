/**
 * Two linked clusters from the output of `npm run build`: the package is built and laid out in a directory as it
 * is installed, and its own code boots the clusters, links them and starts the gateways as JavaScript.
 */
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Demo } from '#cli/dev/demo.ts';
import type { Io } from '#cli/io.ts';
import { buildPackage } from '#runtime/build.ts';
import { packageRoot } from '#runtime/package.ts';

/** How the gateways of both clusters run. */
export interface BuiltOptions {
  /** Set for the gateway pods. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Of each cluster's gateway. */
  readonly replicas: number;
}

/** Builds, boots and links; progress goes to standard error. */
export async function bootBuilt(io: Io, directory: string, options: BuiltOptions): Promise<Demo> {
  const root = layOut(join(directory, 'package'), options);
  const { startDemo } = (await import(
    pathToFileURL(join(root, 'dist', 'cli', 'dev', 'demo.js')).href
  )) as typeof import('#cli/dev/demo.ts');
  return startDemo({
    io,
    directory: join(directory, 'clusters'),
    link: true,
    networkSpec: 'loopback',
    onProgress: (text) => io.err(`${text}\n`),
  });
}

/** The package as npm would install it, dependencies taken from the checkout. Returns its root. */
function layOut(root: string, options: BuiltOptions): string {
  mkdirSync(root, { recursive: true });
  const checkout = packageRoot();
  cpSync(join(checkout, 'package.json'), join(root, 'package.json'));
  cpSync(join(checkout, 'manifests'), join(root, 'manifests'), { recursive: true });
  symlinkSync(join(checkout, 'node_modules'), join(root, 'node_modules'));
  buildPackage(checkout, undefined, join(root, 'dist'));
  const file = join(root, 'manifests', 'install', 'gateway.yaml');
  writeFileSync(file, adjusted(readFileSync(file, 'utf8'), options));
  return root;
}

function adjusted(manifest: string, { environment = {}, replicas }: BuiltOptions): string {
  const pattern = /^ {2}replicas: \d+$/m;
  if (!pattern.test(manifest)) throw new Error('gateway.yaml says no number of replicas');
  const scaled = manifest.replace(pattern, `  replicas: ${replicas}`);
  const variables = Object.entries(environment)
    .map(([name, value]) => `            - name: ${name}\n              value: "${value}"\n`)
    .join('');
  // After the others, so that they may name them.
  return scaled.replace(/^ {10}readinessProbe:\n/m, (line) => variables + line);
}
