/**
 * HAProxy and nginx as one hop before the ten servers, from the templates in `configs/`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntilListening } from '../kit/probe.ts';
import { findProgram, ProgramError, type Programs } from '../kit/programs.ts';
import { type PolicyName, SERVER_PORT } from './experiment.ts';

/** Where a proxy is to listen, and for whom. */
export interface ProxyPlace {
  readonly programs: Programs;
  /** Its own, made if it is not there. */
  readonly directory: string;
  readonly host: string;
  /** Addresses of the ten servers. */
  readonly servers: readonly string[];
}

/** Starts what stands for `policy`, if that is a proxy; resolves when it listens. */
export async function startProxy(policy: PolicyName, place: ProxyPlace): Promise<void> {
  mkdirSync(place.directory, { recursive: true });
  const listen = `${place.host}:${SERVER_PORT}`;
  const program =
    policy === 'nginx-least-conn'
      ? startNginx(place, listen)
      : startHaproxy(place, listen, policy === 'haproxy-random2' ? 'random(2)' : 'leastconn');
  await Promise.race([
    waitUntilListening(place.host, SERVER_PORT),
    program.exited.then(() => {
      throw new ProgramError(`${policy} does not start: ${program.said()}`);
    }),
  ]);
}

function startHaproxy(place: ProxyPlace, listen: string, balance: string) {
  const servers = place.servers
    .map((host, index) => `  server s${index + 1} ${host}:${SERVER_PORT}`)
    .join('\n');
  const file = fill('haproxy.cfg', place.directory, { listen, balance, servers });
  return place.programs.startForeign(findProgram('haproxy', 'haproxy'), ['-db', '-f', file]);
}

function startNginx(place: ProxyPlace, listen: string) {
  const { directory } = place;
  const servers = place.servers.map((host) => `    server ${host}:${SERVER_PORT};`).join('\n');
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const file = fill('nginx.conf', directory, { listen, servers, user });
  const path = findProgram('nginx', 'nginx');
  return place.programs.startForeign(path, ['-c', file, '-p', directory, '-e', 'stderr']);
}

function fill(name: string, directory: string, values: Readonly<Record<string, string>>): string {
  const template = readFileSync(new URL(`./configs/${name}`, import.meta.url), 'utf8');
  const file = join(directory, name);
  writeFileSync(
    file,
    template.replace(/\{\{(\w+)\}\}/g, (_, key: string) => values[key] ?? ''),
  );
  return file;
}
