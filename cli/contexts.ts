/**
 * Kubeconfig contexts as the commands name them.
 *
 * Where no file is named, the first of `$KUBECONFIG`, `.isthmus/kubeconfig` (embedded clusters of this
 * folder) and `~/.kube/config` that has every named context is used.
 */
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { IsthmusError } from '#core/errors.ts';
import { silentLogger } from '#core/log.ts';
import type { KubeClient } from '#kube/client.ts';
import type { HttpKubeClient } from '#kube/http-client.ts';
import { kubeconfigClient } from '#kube/kubeconfig.ts';
import { networkFromSpec } from '#runtime/network.ts';
import type { Io } from './io.ts';
import { listed, similarTo } from './similar.ts';

const REQUEST_DEADLINE_MS = 10_000;
const NAME_A_FILE = 'Name a file with --kubeconfig, or start embedded clusters: isthmus dev.';

const contextsOnly = z.object({ contexts: z.array(z.object({ name: z.string() })).nullish() });

/** A cluster a command works on. */
export interface ClusterContext {
  readonly context: string;
  readonly client: KubeClient;
}

/** One that was opened by its kubeconfig. */
export interface OpenContext extends ClusterContext {
  readonly client: HttpKubeClient;
  /** The files the kubeconfig is made of. */
  readonly paths: readonly string[];
}

/** The files that hold all of `contexts`. Throws `INVALID_CONFIG` when no place has them. */
export function findKubeconfig(
  io: Io,
  contexts: readonly string[],
  named: string | undefined,
): readonly string[] {
  const fromEnv = (io.env.KUBECONFIG ?? '').split(delimiter).filter(Boolean);
  // As in kubectl, some of several may be missing; who names files and has none is not led elsewhere in silence.
  if (!named && fromEnv.length > 0 && !fromEnv.some((path) => existsSync(path))) {
    throw new IsthmusError('INVALID_CONFIG', `there is no kubeconfig ${fromEnv.join(', ')}`, {
      field: 'KUBECONFIG',
      next: 'Set the variable KUBECONFIG to a file, or unset it.',
    });
  }
  const places = named
    ? [[named]]
    : [
        fromEnv,
        [join(io.cwd, '.isthmus', 'kubeconfig')],
        io.home === undefined ? [] : [join(io.home, '.kube', 'config')],
      ];
  const looked: string[] = [];
  const everywhere = new Set<string>();
  for (const paths of places) {
    const present = paths.filter((path) => existsSync(path));
    if (present.length === 0) continue;
    const known = new Set(present.flatMap(contextNames));
    if (contexts.every((each) => known.has(each))) return present;
    looked.push(`${present.join(', ')} has ${listed([...known]) || 'none'}`);
    for (const each of known) everywhere.add(each);
  }
  if (looked.length === 0) {
    throw new IsthmusError('INVALID_CONFIG', `there is no kubeconfig${named ? ` ${named}` : ''}`, {
      field: named ? '--kubeconfig' : 'KUBECONFIG',
      next: NAME_A_FILE,
    });
  }
  const unknown = contexts.filter((each) => !everywhere.has(each));
  // Each may be somewhere, and no place has all of them.
  const lacking = unknown.length > 0 ? unknown : contexts;
  const meant = unknown.map((each) => similarTo(each, [...everywhere]));
  throw new IsthmusError(
    'INVALID_CONFIG',
    `no kubeconfig has the context${lacking.length === 1 ? '' : 's'} ${lacking.join(' and ')}: ${looked.join('; ')}`,
    {
      field: 'contexts',
      next:
        meant.length > 0 && meant.every((each) => each !== undefined)
          ? `Did you mean ${meant.join(' and ')}?`
          : NAME_A_FILE,
    },
  );
}

/** Clients for `contexts`, in their order. */
export async function openContexts(
  io: Io,
  contexts: readonly string[],
  named: string | undefined,
): Promise<OpenContext[]> {
  const paths = findKubeconfig(io, contexts, named);
  return Promise.all(contexts.map((context) => openContext(io, context, paths)));
}

/** A client for `context` of the kubeconfig that `paths` make. */
export async function openContext(
  io: Io,
  context: string,
  paths: readonly string[],
): Promise<OpenContext> {
  const { client } = await kubeconfigClient({
    paths,
    context,
    env: io.env,
    network: networkFromSpec(io.env.ISTHMUS_NETWORK),
    clock: io.clock,
    random: io.random,
    log: silentLogger,
    requestDeadlineMs: REQUEST_DEADLINE_MS,
  });
  return { context, client, paths };
}

/** Every context of the kubeconfig that would be used, at least one. Throws `INVALID_CONFIG`. */
export function allContexts(io: Io, named: string | undefined): readonly string[] {
  const paths = findKubeconfig(io, [], named);
  const names = [...new Set(paths.flatMap(contextNames))];
  if (names.length > 0) return names;
  throw new IsthmusError('INVALID_CONFIG', `${paths.join(', ')} names no context`, {
    field: 'contexts',
    next: NAME_A_FILE,
  });
}

function contextNames(path: string): string[] {
  const parsed = contextsOnly.safeParse(read(path));
  if (!parsed.success) throw noKubeconfig(path);
  return (parsed.data.contexts ?? []).map((each) => each.name);
}

function read(path: string): unknown {
  try {
    return parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw noKubeconfig(path, error);
  }
}

function noKubeconfig(path: string, cause?: unknown): IsthmusError {
  const why = cause instanceof Error ? `: ${cause.message.split('\n', 1)[0]}` : '';
  return new IsthmusError('INVALID_CONFIG', `${path} is no kubeconfig that can be read${why}`, {
    field: 'contexts',
    next: 'Name a kubeconfig with --kubeconfig or the variable KUBECONFIG.',
  });
}
