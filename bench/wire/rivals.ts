/**
 * HAProxy and nginx as pairs: a near and a far half with mTLS between them, from the templates in `configs/`.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntilListening } from '../kit/probe.ts';
import { findProgram, ProgramError, type Programs, versionOf } from '../kit/programs.ts';
import { HTTP1_PORT, HTTP2_PORT, OPAQUE_PORT } from './ports.ts';
import type { Pair } from './systems.ts';

/** Where a rival's halves and the pod are. */
export interface RivalPlace {
  readonly programs: Programs;
  /** Holds the certificates; the rival writes its files there. */
  readonly directory: string;
  readonly west: string;
  readonly east: string;
  readonly pod: string;
}

const NGINX_STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';

/** HAProxy, one thread in each half. */
export async function startHaproxy(place: RivalPlace): Promise<Pair> {
  const path = findProgram('haproxy', 'haproxy');
  const halves = ['east', 'west'].map((half) => {
    const file = fill(`haproxy-${half}.cfg`, place, {});
    // In the foreground: no process that would outlive us.
    return place.programs.startForeign(path, ['-db', '-f', file]);
  });
  await Promise.race([waitUntilListening(place.west, HTTP1_PORT), failure('haproxy', halves)]);
  return {
    version: versionOf(path, '-v'),
    roots: halves.map((each) => each.pid),
    targets: {
      http1: { host: place.west, port: HTTP1_PORT },
      http2: { host: place.west, port: HTTP2_PORT },
      grpc: { host: place.west, port: HTTP2_PORT },
      opaque: { host: place.west, port: OPAQUE_PORT },
    },
    said: () => halves.map((each) => each.said()).join(''),
    missing: {},
  };
}

/** nginx, one worker in each half. */
export async function startNginx(place: RivalPlace): Promise<Pair> {
  const path = findProgram('nginx', 'nginx');
  const hasStream = existsSync(NGINX_STREAM_MODULE);
  const halves = ['east', 'west'].map((half) => {
    const stream = hasStream ? readTemplate(`nginx-${half}-stream.conf`) : '';
    const file = fill(`nginx-${half}.conf`, place, {
      // The worker reads keys and writes below a directory of ours alone.
      user: process.getuid?.() === 0 ? 'user root;' : '',
      modules: hasStream ? `load_module ${NGINX_STREAM_MODULE};` : '',
      stream,
    });
    mkdirSync(join(place.directory, half), { recursive: true });
    return place.programs.startForeign(path, [
      '-c',
      file,
      '-p',
      join(place.directory, half),
      '-e',
      'stderr',
    ]);
  });
  await Promise.race([waitUntilListening(place.west, HTTP1_PORT), failure('nginx', halves)]);
  const { west } = place;
  return {
    version: versionOf(path, '-v'),
    roots: halves.map((each) => each.pid),
    targets: {
      http1: { host: west, port: HTTP1_PORT },
      grpc: { host: west, port: HTTP2_PORT },
      ...(hasStream ? { opaque: { host: west, port: OPAQUE_PORT } } : {}),
    },
    said: () => halves.map((each) => each.said()).join(''),
    missing: {
      http2: 'nginx speaks HTTP/2 to no server but a gRPC one',
      ...(hasStream
        ? {}
        : { opaque: 'its stream module was missing (Debian package libnginx-mod-stream)' }),
    },
  };
}

function readTemplate(name: string): string {
  return readFileSync(new URL(`./configs/${name}`, import.meta.url), 'utf8');
}

/** Writes the template `name` with its gaps filled; returns where. */
function fill(name: string, place: RivalPlace, more: Readonly<Record<string, string>>): string {
  const { directory, west, east, pod } = place;
  const values: Record<string, string> = { ...more, dir: directory, west, east, pod };
  const put = (text: string): string =>
    text.replace(/\{\{(\w+)\}\}/g, (_, key: string) => put(values[key] ?? ''));
  const file = join(directory, name);
  writeFileSync(file, put(readTemplate(name)));
  return file;
}

async function failure(name: string, halves: readonly ReturnType<Programs['start']>[]) {
  await Promise.race(halves.map((each) => each.exited));
  throw new ProgramError(`${name} does not start: ${halves.map((each) => each.said()).join(' ')}`);
}
