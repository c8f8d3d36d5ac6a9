/**
 * The client of a person: a kubeconfig file and one of its contexts.
 *
 * @kubernetes/client-node reads the file; it is imported only when needed, for it takes 300 ms to load. It
 * ignores `tokenFile` and is careless with exec plugins, so those are done here and in `exec-plugin.ts`.
 */
import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { parse as parseYaml } from 'yaml';
import type { Clock } from '#core/clock.ts';
import { describeError, IsthmusError } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import type { Network } from '#core/network.ts';
import type { Random } from '#core/random.ts';
import type { TlsMaterial } from './connection-pool.ts';
import {
  cachedHeaders,
  fixedHeaders,
  type HeaderSource,
  TOKEN_MAX_AGE_MS,
  tokenFile,
} from './credentials.ts';
import { execPlugin } from './exec-plugin.ts';
import { type CertificateFiles, followFiles } from './followed-files.ts';
import { HttpKubeClient } from './http-client.ts';
import { list, optionalObject, optionalString, raw } from './parse.ts';

export interface KubeconfigOptions {
  /** The files, at least one; where two define a name, the first wins (as `KUBECONFIG` says). */
  readonly paths: readonly string[];
  /** The context; the file's current one when absent. */
  readonly context?: string | undefined;
  /** The environment exec plugins run in. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly requestDeadlineMs?: number | undefined;
}

/** A client, and what the kubeconfig said about it. */
export interface KubeconfigClient {
  readonly client: HttpKubeClient;
  readonly context: string;
  readonly server: string;
  /** The context's namespace, where it names one. */
  readonly namespace: string | undefined;
}

/** Throws `INVALID_CONFIG` with the field or the context that is wrong. */
export async function kubeconfigClient(options: KubeconfigOptions): Promise<KubeconfigClient> {
  const config = await loadKubeconfig(options);
  const context = config.getContextObject(config.getCurrentContext());
  if (!context) {
    const known = config.getContexts().map((each) => each.name);
    throw new IsthmusError(
      'INVALID_CONFIG',
      `the kubeconfig has no context "${config.getCurrentContext()}" (it has: ${known.join(', ') || 'none'})`,
      { field: 'contexts' },
    );
  }
  const cluster = config.getCurrentCluster();
  if (!cluster) throw dangling(context.name, 'cluster', context.cluster);
  // The API server would be asked as nobody.
  if (context.user && !config.getCurrentUser()) throw dangling(context.name, 'user', context.user);
  const { tls, headers } = await authentication(config, options);
  const { requestDeadlineMs, network, clock, random, log } = options;
  return {
    client: new HttpKubeClient({
      server: serverUrl(cluster.server),
      tls,
      headers,
      network,
      clock,
      random,
      log,
      requestDeadlineMs,
    }),
    context: context.name,
    server: cluster.server,
    namespace: context.namespace,
  };
}

/** The kubeconfig as the library reads it. Throws `INVALID_CONFIG`. */
export async function loadKubeconfig(
  options: Pick<KubeconfigOptions, 'paths' | 'context'>,
): Promise<KubeConfig> {
  const library = await import('@kubernetes/client-node');
  const config = new library.KubeConfig();
  for (const [index, path] of options.paths.entries()) {
    try {
      const one = index === 0 ? config : new library.KubeConfig();
      one.loadFromFile(path);
      if (one !== config) config.mergeConfig(one, true);
    } catch (error) {
      throw new IsthmusError(
        'INVALID_CONFIG',
        `the kubeconfig ${path} cannot be read: ${describeError(error)}`,
        { cause: error },
      );
    }
  }
  if (options.context !== undefined) config.setCurrentContext(options.context);
  return config;
}

/** Headers are asked for again as they age, certificates in files are read again. */
async function authentication(
  config: KubeConfig,
  options: KubeconfigOptions,
): Promise<{ readonly tls: TlsMaterial; readonly headers: HeaderSource }> {
  const { tls, headers } = await fixedAuthentication(config, options);
  const files = certificateFilesOf(config);
  if (Object.keys(files).length === 0) return { tls, headers };
  return { tls, headers: followFiles(headers, files, options.clock) };
}

/** What the kubeconfig names by path and does not hold itself. */
function certificateFilesOf(config: KubeConfig): CertificateFiles {
  const [cluster, user] = [config.getCurrentCluster(), config.getCurrentUser()];
  const { certFile: cert, keyFile: key } = user ?? {};
  return {
    ...(cluster?.caFile ? { ca: cluster.caFile } : {}),
    ...(cert && key ? { cert, key } : {}),
  };
}

async function fixedAuthentication(
  config: KubeConfig,
  options: KubeconfigOptions,
): Promise<{ readonly tls: TlsMaterial; readonly headers: HeaderSource }> {
  const exec = config.getCurrentUser()?.exec as unknown;
  // The library would run the plugin; it is run here when the first request is made.
  const first = exec ? { tls: {}, headers: {} } : await apply(config);
  const cluster = config.getCurrentCluster();
  const ca =
    ('ca' in first.tls ? first.tls.ca : undefined) ?? fileOrData(cluster?.caFile, cluster?.caData);
  const tls: TlsMaterial = {
    ...first.tls,
    ...(ca === undefined ? {} : { ca }),
    ...(cluster?.skipTLSVerify ? { rejectUnauthorized: false } : {}),
    ...(cluster?.tlsServerName ? { servername: cluster.tlsServerName } : {}),
  };
  const user = config.getCurrentUser();
  const file = user && !user.token ? tokenFileOf(user.name, options.paths) : undefined;
  if (file !== undefined) {
    return { tls, headers: tokenFile(file, options.clock) };
  }
  if (exec && cluster) {
    const plugin = execPlugin({
      config: exec,
      cluster: {
        server: cluster.server,
        'tls-server-name': cluster.tlsServerName,
        'insecure-skip-tls-verify': cluster.skipTLSVerify || undefined,
        'certificate-authority-data':
          ca === undefined ? undefined : Buffer.from(ca as string).toString('base64'),
      },
      directory: dirname(options.paths[0] ?? ''),
      env: options.env ?? {},
      clock: options.clock,
    });
    return { tls, headers: plugin };
  }
  if (user?.authProvider) {
    const headers = cachedHeaders(
      options.clock,
      TOKEN_MAX_AGE_MS,
      // The library keeps a token until it expires; only a new configuration forgets one refused.
      async (fresh) => (await apply(fresh ? await loadKubeconfig(options) : config)).headers,
    );
    return { tls, headers };
  }
  return { tls, headers: fixedHeaders(first.headers) };
}

async function apply(config: KubeConfig): Promise<{
  readonly tls: TlsMaterial;
  readonly headers: Readonly<Record<string, string>>;
}> {
  const { server = '', skipTLSVerify = false } = config.getCurrentCluster() ?? {};
  // The library refuses it as well, in the name of the credentials.
  if (server.startsWith('http://') && !skipTLSVerify) {
    throw new IsthmusError('INVALID_CONFIG', `"${server}" would be asked without encryption`, {
      field: 'clusters[].cluster.server',
      next: 'Write https://, or allow it with insecure-skip-tls-verify: true beside the server.',
    });
  }
  const applied: Parameters<KubeConfig['applyToHTTPSOptions']>[0] &
    TlsMaterial & { auth?: string } = {};
  try {
    await config.applyToHTTPSOptions(applied);
  } catch (error) {
    throw new IsthmusError(
      'INVALID_CONFIG',
      `the credentials of the kubeconfig cannot be used: ${describeError(error)}`,
      { field: 'users', cause: error },
    );
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(applied.headers ?? {})) {
    headers[name.toLowerCase()] = String(value);
  }
  if (applied.auth !== undefined && applied.auth !== null) {
    headers.authorization = `Basic ${Buffer.from(applied.auth).toString('base64')}`;
  }
  const { ca, cert, key } = applied;
  return {
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    },
    headers,
  };
}

/** The library drops `tokenFile`, so it is looked up in the files themselves. */
function tokenFileOf(user: string, paths: readonly string[]): string | undefined {
  for (const path of paths) {
    const file: unknown = parseYaml(readFileSync(path, 'utf8'));
    const users = list(raw(file), 'users', raw);
    const entry = users.find((each) => optionalString(each, 'name') === user);
    const named =
      entry && optionalObject(entry, 'user', (value) => optionalString(value, 'tokenFile'));
    if (named) return isAbsolute(named) ? named : join(dirname(path), named);
  }
  return undefined;
}

function fileOrData(file: string | undefined, data: string | undefined): Buffer | undefined {
  if (file) return readFileSync(file);
  return data ? Buffer.from(data, 'base64') : undefined;
}

function dangling(context: string, kind: 'cluster' | 'user', name: string): IsthmusError {
  return new IsthmusError(
    'INVALID_CONFIG',
    `context "${context}" names the ${kind} "${name}", which the kubeconfig does not have`,
    { field: `contexts[].context.${kind}` },
  );
}

function serverUrl(server: string): URL {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  // "localhost:6443" is a URL, too, of the scheme "localhost".
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return url;
  throw new IsthmusError('INVALID_CONFIG', `"${server}" is not a URL of http or https`, {
    field: 'clusters[].cluster.server',
    next: 'Write it with its scheme, such as https://HOST:6443.',
  });
}
