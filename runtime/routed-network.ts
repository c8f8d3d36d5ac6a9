/**
 * A network with detours: what a file names is dialled elsewhere, everything else where it is.
 *
 * An embedded cluster gives each of its components such a file, empty as a rule; a partition writes it, so that what the
 * component dials leads through a relay that can be stopped. A change is in force at once, for established connections
 * too: one that did not take the way the file now says is ended here, and is dialled again by whoever needs it.
 */
import { channel } from 'node:diagnostics_channel';
import { mkdirSync, readFileSync, renameSync, watch, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { basename, dirname } from 'node:path';
import { z } from 'zod';
import { formatAddress, type Network, parseAddress } from '#core/network.ts';

/** What Node tells of each connection that this process dials. */
const DIALLED = 'net.client.socket';
const routesFile = z.record(z.string(), z.string());

/** Where addresses are to be dialled instead, both as `host:port`. */
export type Routes = Readonly<Record<string, string>>;

/** Makes `routes` the detours of whoever reads `file`. Readers see the old ones or the new ones, never half of them. */
export function writeRoutes(file: string, routes: Routes): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, JSON.stringify(routes));
  renameSync(`${file}.new`, file);
}

/** `base` with the detours of `file`, which may appear and change later; its folder is made when missing. */
export function routedNetwork(file: string, base: Network): Network {
  mkdirSync(dirname(file), { recursive: true });
  let routes = new Map<string, string>();
  const dialled = new Set<Socket>();
  channel(DIALLED).subscribe((message) => {
    const { socket } = message as { readonly socket: Socket };
    dialled.add(socket);
    socket.once('close', () => dialled.delete(socket));
  });
  const read = () => {
    const before = routes;
    routes = readRoutes(file);
    for (const [from, to] of routes) {
      if (before.get(from) === to) continue;
      const straight = parseAddress(from);
      if (straight) endTo(dialled, formatAddress(base.locate(straight)));
    }
  };
  read();
  watch(dirname(file), { persistent: false }, (_, name) => {
    if (name === null || name === basename(file)) read();
  });
  return {
    locate(address) {
      const detour = routes.size === 0 ? undefined : routes.get(formatAddress(address));
      return (detour && parseAddress(detour)) || base.locate(address);
    },
    source: (host) => base.source(host),
  };
}

function endTo(sockets: ReadonlySet<Socket>, address: string): void {
  for (const socket of sockets) {
    const { remoteAddress: host, remotePort: port } = socket;
    if (host !== undefined && port !== undefined && formatAddress({ host, port }) === address)
      socket.destroy();
  }
}

function readRoutes(file: string): Map<string, string> {
  try {
    return new Map(Object.entries(routesFile.parse(JSON.parse(readFileSync(file, 'utf8')))));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw error;
  }
}
