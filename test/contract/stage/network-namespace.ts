/**
 * A network of its own for real control planes and the components in them: a network namespace where every
 * address of 10.200.0.0/15 is this machine's.
 *
 * EndpointSlices take no loopback address, so gateways need others. Promises: nothing of the machine's own
 * network changes, and the namespace goes with the last process in it.
 */
import { execFileSync, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Blocks of both clusters: 10.200.0.0/16 and 10.201.0.0/16. */
const ADDRESSES = '10.200.0.0/15';

/** Why no namespace can be made here; `undefined` when it can. */
export function noNamespace(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root, for a network namespace';
  try {
    execFileSync('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    const [why = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    return `cannot make a network namespace (util-linux, iproute2): ${why}`;
  }
}

/** Makes the addresses ours; to be called by a process in a new namespace. */
export function claimAddresses(): void {
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  // Routed as local, every address of the range can be bound without being added.
  execFileSync('ip', ['route', 'add', 'local', ADDRESSES, 'dev', 'lo']);
}

/** A program of ours running in a namespace of its own. */
export interface Inside {
  /** All it printed, once it has ended. Rejects when it failed without a word. */
  readonly output: Promise<string>;
  /** Resolves when it has ended, and what it started with it. */
  stop(): Promise<void>;
}

/** Runs `file`, relative to this one, in a new namespace; its standard error is ours. */
export function runInside(file: string): Inside {
  const path = fileURLToPath(new URL(file, import.meta.url));
  // Without a fork the process is the program itself, and a signal reaches it.
  const child = spawn('unshare', ['--net', process.execPath, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // Ctrl-C is heard by us, who end it in its turn.
    detached: true,
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const output = new Promise<string>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const text = Buffer.concat(chunks).toString();
      if (text === '') reject(new Error(`it ended with ${signal ?? `exit code ${code}`}`));
      else resolve(text);
    });
  });
  const stop = async () => {
    child.kill('SIGTERM');
    // How it ended is told by its output to whoever asks for that.
    await output.catch(() => '');
  };
  return { output, stop };
}
