/**
 * Which network this process lives in, and the mapped network itself.
 *
 * On a mapped network every (host, port) of a cluster is, once and for ever, one port of 127.0.0.1
 * that nothing listened on when it was assigned. All processes that share the directory agree on the
 * table without talking to each other: a port is claimed by creating a file exclusively, and the
 * entry address → port is published by an atomic link, which only the first of two racing processes
 * can make.
 */
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { BoundSocket } from 'node:net';
import { join } from 'node:path';
import { IsthmusError } from '#core/errors.ts';
import {
  type Address,
  formatAddress,
  identityNetwork,
  loopbackNetwork,
  type Network,
} from '#core/network.ts';
import { routedNetwork } from './routed-network.ts';

/** Ports a mapped network may use, both ends included: below the ephemeral ports of common systems. */
export const MAPPED_PORT_MIN = 20_000;
export const MAPPED_PORT_MAX = 31_999;
/** Where every mapped address really is. */
const MAPPED_HOST = '127.0.0.1';
/** Names the slice of the ports that a directory may use, so that two networks never meet. */
const RANGE_FILE = 'range';

/**
 * The network `spec` (variable ISTHMUS_NETWORK) names: absent → every address is where it says;
 * `loopback` → addresses of 127.0.0.0/8; `mapped:<directory>`; `routed:<file>!<one of these>` →
 * the same with the detours of the file. Throws `INVALID_CONFIG`.
 */
export function networkFromSpec(spec: string | undefined): Network {
  if (!spec) return identityNetwork;
  if (spec === 'loopback') return loopbackNetwork;
  const [, file, base] = /^routed:([^!]+)!(.+)$/s.exec(spec) ?? [];
  if (file && base) return routedNetwork(file, networkFromSpec(base));
  const directory = /^mapped:(.+)$/s.exec(spec)?.[1];
  if (directory) return mappedNetwork(directory);
  throw new IsthmusError(
    'INVALID_CONFIG',
    `ISTHMUS_NETWORK is "${spec}": expected loopback, mapped:<directory>, routed:<file>!<one of these> or nothing`,
    { field: 'ISTHMUS_NETWORK' },
  );
}

/** Restricts the mapped network of `directory` to the ports `min` to `max`, both included. */
export function limitMappedNetwork(directory: string, min: number, max: number): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, RANGE_FILE), `${min}-${max}\n`);
}

/** The mapped network whose table is in `directory`; made when missing. */
export function mappedNetwork(directory: string): Network {
  mkdirSync(directory, { recursive: true });
  const range = readRange(directory);
  const known = new Map<string, Address>();
  return {
    locate(address) {
      const key = formatAddress(address);
      const cached = known.get(key);
      if (cached) return cached;
      const port = readEntry(directory, key) ?? assign(directory, key, range);
      const located = { host: MAPPED_HOST, port };
      known.set(key, located);
      return located;
    },
    source: () => undefined,
  };
}

interface Range {
  readonly min: number;
  readonly max: number;
}

function assign(directory: string, key: string, range: Range): number {
  const size = range.max - range.min + 1;
  const first = hash(`${directory} ${key}`) % size;
  for (let step = 0; step < size; step++) {
    const port = range.min + ((first + step) % size);
    const claim = join(directory, `port-${port}`);
    if (!createExclusively(claim, key)) continue;
    // A claim on a port that somebody else holds stays: it saves the next caller the question.
    if (!isFree(port)) continue;
    return publish(directory, key, port, claim);
  }
  throw new IsthmusError(
    'NETWORK_EXHAUSTED',
    `No port of ${range.min}-${range.max} is left for ${key} in ${directory}`,
  );
}

/** Makes the entry, or learns that another process was first and gives the claim back. */
function publish(directory: string, key: string, port: number, claim: string): number {
  const draft = `${claim}.entry`;
  writeFileSync(draft, String(port));
  const isFirst = linkExclusively(draft, entryPath(directory, key));
  // Before the claim goes: whoever claims the port next writes a draft of the same name.
  unlinkSync(draft);
  if (isFirst) return port;
  unlinkSync(claim);
  const winner = readEntry(directory, key);
  if (winner !== undefined) return winner;
  throw new IsthmusError('INTERNAL', `The entry of ${key} vanished from ${directory}`);
}

function linkExclusively(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function createExclusively(path: string, content: string): boolean {
  try {
    writeFileSync(path, content, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Binding is the one portable, synchronous way to learn that nobody listens there. */
function isFree(port: number): boolean {
  try {
    new BoundSocket({ host: MAPPED_HOST, port }).close();
    return true;
  } catch {
    // Whatever the reason, this port cannot be had.
    return false;
  }
}

function readEntry(directory: string, key: string): number | undefined {
  const text = readIfExists(entryPath(directory, key));
  return text === undefined ? undefined : Number(text);
}

function readRange(directory: string): Range {
  const text = readIfExists(join(directory, RANGE_FILE)) ?? '';
  const [, min, max] = /^(\d+)-(\d+)\s*$/.exec(text) ?? [];
  return { min: Number(min ?? MAPPED_PORT_MIN), max: Number(max ?? MAPPED_PORT_MAX) };
}

function readIfExists(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function entryPath(directory: string, key: string): string {
  return join(directory, `at-${encodeURIComponent(key)}`);
}

/** FNV-1a, so that different networks begin to look at different ports. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return value;
}
