#!/usr/bin/env node
/**
 * The command as it is installed. Plain JavaScript, because it must run on a Node that is too old for
 * the rest, and say so.
 */
import { existsSync } from 'node:fs';

const NEEDED_MAJOR = 26;
const major = Number(process.versions.node.split('.')[0]);

if (major >= NEEDED_MAJOR && !isSomewhere()) {
  process.stderr.write(
    'The folder isthmus was started in does not exist any more: change into another.\n',
  );
  process.exitCode = 2;
} else if (major >= NEEDED_MAJOR) {
  const source = new URL('./main.ts', import.meta.url);
  const built = new URL('../dist/cli/main.js', import.meta.url);
  // A checkout runs its sources; the published package holds only the built files.
  await import(existsSync(source) ? source.href : built.href);
} else {
  process.stderr.write(
    `isthmus needs Node ${NEEDED_MAJOR} or later; this is Node ${process.versions.node}.\n` +
      'In the checkout, npm scripts and npx use the Node that npm ci installed: npx isthmus --help\n',
  );
  process.exitCode = 2;
}

/** Whether there is a folder to look for files in; asking is the only way to know. */
function isSomewhere() {
  try {
    process.cwd();
    return true;
  } catch {
    return false;
  }
}
