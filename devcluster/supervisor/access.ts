/**
 * How people and tests reach embedded clusters: kubeconfig files and `state.json`. pure but for the
 * writing of files
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { describeError, IsthmusError } from '#core/errors.ts';

/** What it takes to talk to an API server. */
export interface Access {
  /** Context, cluster and user are called so. */
  readonly name: string;
  /** `https://host:port`, where it really is. */
  readonly server: string;
  /** PEM. */
  readonly ca: string;
  readonly token: string;
}

const kubeconfig = z.object({
  clusters: z
    .array(
      z.object({
        cluster: z.object({ server: z.url(), 'certificate-authority-data': z.string().min(1) }),
      }),
    )
    .min(1),
  users: z.array(z.object({ user: z.object({ token: z.string().min(1) }) })).min(1),
});

/** Reads the first cluster and user of a kubeconfig. Throws `INVALID_FILE` naming `source`. */
export function readAccess(name: string, text: string, source: string): Access {
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    throw new IsthmusError('INVALID_FILE', `${source}: ${describeError(cause)}`, { field: source });
  }
  const parsed = kubeconfig.safeParse(value);
  const cluster = parsed.data?.clusters[0]?.cluster;
  const user = parsed.data?.users[0]?.user;
  if (!cluster || !user) {
    const field = parsed.error?.issues[0]?.path.join('.') ?? '';
    throw new IsthmusError('INVALID_FILE', `${source} is no kubeconfig: see ${field}`, { field });
  }
  const ca = Buffer.from(cluster['certificate-authority-data'], 'base64').toString();
  return { name, server: cluster.server, ca, token: user.token };
}

/** A kubeconfig of one context per cluster; the first is the current one. */
export function formatKubeconfig(clusters: readonly Access[]): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': clusters[0]?.name ?? '',
    clusters: clusters.map(({ name, server, ca }) => ({
      name,
      cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') },
    })),
    users: clusters.map(({ name, token }) => ({ name, user: { token } })),
    contexts: clusters.map(({ name }) => ({ name, context: { cluster: name, user: name } })),
  });
}

/** Writes `text` for the owner alone; a reader never sees half of it. */
export function writePrivately(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
