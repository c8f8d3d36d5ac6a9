/**
 * A folder of programs as KUBEBUILDER_ASSETS names one, all of them fake: `node fakes/assets.ts FOLDER`
 * makes one by hand.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FAKES = fileURLToPath(new URL('.', import.meta.url));

/** Writes the programs into `folder`; `overrides` are shell scripts by program. */
export function fakeAssets(folder: string, overrides: Readonly<Record<string, string>> = {}): void {
  mkdirSync(folder, { recursive: true });
  for (const program of ['etcd', 'kube-apiserver', 'kube-controller-manager']) {
    const script =
      overrides[program] ?? `exec "${process.execPath}" "${join(FAKES, `${program}.ts`)}" "$@"`;
    writeFileSync(join(folder, program), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
}

const [, script, folder] = process.argv;
if (script === fileURLToPath(import.meta.url) && folder !== undefined) fakeAssets(folder);
