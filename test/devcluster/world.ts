/** A cluster in this process at a free block of addresses, and ways to talk to it. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import { silentLogger } from '#core/log.ts';
import { loopbackNetwork, type Network } from '#core/network.ts';
import { systemRandom } from '#core/random.ts';
import { type Cluster, startCluster } from '#devcluster/cluster.ts';
import type { Json, JsonObject } from '#devcluster/values/json.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: JsonObject;
  readonly text: string;
}

export interface CallOptions {
  readonly token?: string;
  readonly type?: string;
  readonly accept?: string;
}

/** See the file header. */
export class World {
  readonly cluster: Cluster;
  readonly block: number;
  readonly directory: string;
  readonly kubeconfig: string;

  constructor(cluster: Cluster, block: number) {
    this.cluster = cluster;
    this.block = block;
    this.directory = mkdtempSync(join(tmpdir(), 'isthmus-devcluster-'));
    this.kubeconfig = join(this.directory, 'kubeconfig');
    writeFileSync(this.kubeconfig, cluster.kubeconfigYaml, { mode: 0o600 });
  }

  /** One request to the API server. */
  call(
    method: string,
    path: string,
    body?: Json | string,
    options: CallOptions = {},
  ): Promise<Answer> {
    const { url, ca, adminToken } = this.cluster;
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const token = options.token ?? adminToken;
    return new Promise((resolve, reject) => {
      const sent = request(
        `${url}${path}`,
        {
          method,
          ca,
          agent: false,
          headers: {
            ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
            ...(text === undefined
              ? {}
              : {
                  'content-type': options.type ?? 'application/json',
                  'content-length': Buffer.byteLength(text),
                }),
            ...(options.accept === undefined ? {} : { accept: options.accept }),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            const answered = Buffer.concat(chunks).toString();
            const isJson = (response.headers['content-type'] ?? '').includes('json');
            const parsed = isJson && !path.includes('watch=') ? JSON.parse(answered) : {};
            const status = response.statusCode ?? 0;
            resolve({ status, headers: response.headers, body: parsed, text: answered });
          });
        },
      );
      sent.on('error', reject);
      sent.end(text);
    });
  }

  /** Runs one kubectl; never rejects. */
  kubectl(
    binary: string,
    args: readonly string[],
    input?: string,
  ): Promise<{ code: number; out: string; err: string }> {
    return new Promise((resolve) => {
      const child = execFile(
        binary,
        ['--kubeconfig', this.kubeconfig, ...args],
        { timeout: 20_000, env: { ...process.env, HOME: this.directory } },
        (error, out, err) => resolve({ code: error ? Number(error.code ?? 1) : 0, out, err }),
      );
      child.stdin?.end(input ?? '');
    });
  }

  async close(): Promise<void> {
    await this.cluster.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Starts a cluster at the first free block. */
export async function startWorld(
  network: Network = loopbackNetwork,
  kubernetesVersion = process.env.ISTHMUS_KUBERNETES_VERSION,
): Promise<World> {
  for (let block = 40 + (process.pid % 150); ; block += 1) {
    try {
      const cluster = await startCluster({
        cluster: 'west',
        block: 30 + (block % 220),
        network,
        clock: systemClock,
        random: systemRandom,
        log: silentLogger,
        kubernetesVersion,
      });
      return new World(cluster, 30 + (block % 220));
    } catch (error) {
      if (!(error instanceof IsthmusError) || error.code !== 'ADDRESS_IN_USE') throw error;
    }
  }
}

/** Waits until `check` yields something; fails after `withinMs`. */
export async function eventually<T>(
  what: string,
  check: () => T | undefined | false | Promise<T | undefined | false>,
  withinMs = 8_000,
): Promise<T> {
  const endMs = systemClock.monotonicMs() + withinMs;
  for (;;) {
    const found = await check();
    if (found !== undefined && found !== false) return found;
    if (systemClock.monotonicMs() > endMs) throw new Error(`never happened: ${what}`);
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 15);
    });
  }
}

/** Deployment `backend` and its Service in namespace shop. */
export function shop(replicas: number, extra: JsonObject = {}): JsonObject[] {
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'backend', namespace: 'shop', labels: { app: 'backend' } },
      spec: {
        replicas,
        selector: { matchLabels: { app: 'backend' } },
        template: {
          metadata: { labels: { app: 'backend' } },
          spec: {
            containers: [
              {
                name: 'app',
                image: 'sample:1',
                ports: [{ name: 'http', containerPort: 8080 }],
                ...extra,
              },
            ],
          },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'backend', namespace: 'shop' },
      spec: { selector: { app: 'backend' }, ports: [{ port: 8080, targetPort: 'http' }] },
    },
  ];
}

const SDK = '/usr/lib/google-cloud-sdk/bin';
/** Minor versions of kubectl that are tested. */
export const KUBECTL_MINORS = [27, 28, 29, 30, 31, 32, 33];

/** A kubectl of this machine. */
export interface Kubectl {
  readonly binary: string;
  /** Whether every case is run with it, or only what differs most between versions. */
  readonly full: boolean;
}

/** The kubectl that picks a version by the server's. */
export const DISPATCHER = '/usr/bin/kubectl';
/** The newest version with every case and the oldest with some; every one with all where `ISTHMUS_KUBECTL` is `all`. */
export const KUBECTLS: readonly Kubectl[] = (() => {
  const all = KUBECTL_MINORS.map((minor) => `${SDK}/kubectl.1.${minor}`).filter(existsSync);
  if (all.length === 0) return existsSync(DISPATCHER) ? [{ binary: DISPATCHER, full: true }] : [];
  if (process.env.ISTHMUS_KUBECTL === 'all') return all.map((binary) => ({ binary, full: true }));
  const [oldest = '', newest = ''] = [all[0], all.at(-1)];
  return [
    { binary: newest, full: true },
    { binary: oldest, full: false },
  ];
})();

/** Why tests with kubectl are skipped; a failure where ISTHMUS_REQUIRE_TOOLS is set. */
export const SKIP_KUBECTL: string | false =
  KUBECTLS.length > 0 ? false : 'kubectl is missing: Debian package kubernetes-client';

/** Starts devcluster/main.ts; resolves with its first line. */
export function spawnMain(
  env: Record<string, string>,
): Promise<{ line: string; err: string; child: ReturnType<typeof spawn> }> {
  const child = spawn(process.execPath, ['devcluster/main.ts'], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  return new Promise((resolve) => {
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
    });
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (out.includes('\n')) resolve({ line: out, err, child });
    });
    child.on('close', () => resolve({ line: out, err, child }));
  });
}
