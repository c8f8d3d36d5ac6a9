/**
 * Two embedded clusters for a test, in a folder of their own, ended with the test.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Demo, startDemo } from '#cli/dev/demo.ts';
import type { Io } from '#cli/io.ts';
import type { Address } from '#core/network.ts';
import type { EmbeddedCluster } from '#devcluster/supervisor/cluster.ts';
import { services } from '#kube/resources/builtin.ts';
import { networkFromSpec } from '#runtime/network.ts';
import { silentIo } from '#test/silent-io.ts';

export interface Stage {
  readonly demo: Demo;
  readonly directory: string;
  readonly io: Io;
  readonly networkSpec: string;
  /** Where a Service port really is; throws when the Service does not exist. */
  address(cluster: string, service: string): Promise<Address>;
  /** Components' requests that RBAC refused. */
  refusals(): string[];
  end(): Promise<void>;
}

/** Boots west and east with the sample, linked unless `link` is false. */
export async function setStage(options: {
  network: 'loopback' | 'mapped';
  link?: boolean;
}): Promise<Stage> {
  const directory = mkdtempSync(join(tmpdir(), 'isthmus-e2e-'));
  const { NODE_COMPILE_CACHE } = process.env;
  const io = silentIo(directory, { NODE_COMPILE_CACHE });
  const networkSpec =
    options.network === 'mapped' ? `mapped:${join(directory, 'network')}` : 'loopback';
  const demo = await startDemo({
    io,
    directory,
    link: options.link ?? true,
    networkSpec,
    onProgress: () => undefined,
  });
  return {
    demo,
    directory,
    io,
    networkSpec,
    async address(cluster, service) {
      const found = await demo.cluster(cluster).client.get(services, service, 'shop');
      const host = found?.spec.clusterIP;
      if (host === undefined) throw new Error(`${cluster} has no Service ${service}`);
      return networkFromSpec(networkSpec).locate({ host, port: 8080 });
    },
    refusals: () =>
      demo.clusterset.clusters.flatMap(({ name }) =>
        readdirSync(join(directory, name, 'logs'))
          .flatMap((file) => readFileSync(join(directory, name, 'logs', file), 'utf8').split('\n'))
          .filter((line) => line.includes('refused by RBAC')),
      ),
    async end() {
      await demo.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A merge patch as an administrator of `cluster`, as `kubectl label` and `kubectl scale` send it. */
export function patch(cluster: EmbeddedCluster, path: string, body: object): Promise<void> {
  const { server, ca, token } = cluster.access;
  return new Promise((resolve, reject) => {
    const request = https.request(
      new URL(path, server),
      {
        method: 'PATCH',
        ca,
        agent: false,
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/merge-patch+json',
        },
      },
      (response) => {
        response.resume();
        response.on('end', () => {
          if (response.statusCode === 200) resolve();
          else reject(new Error(`PATCH ${path}: ${response.statusCode}`));
        });
      },
    );
    request.on('error', reject);
    request.end(JSON.stringify(body));
  });
}

/** One GET on a connection of its own; the cluster that answered. Rejects on anything but a right answer. */
export function get(
  address: Address,
  timeoutMs = 2_000,
): Promise<{ cluster: string; pod: string }> {
  return new Promise((resolve, reject) => {
    const request = http.get({ ...address, agent: false, timeout: timeoutMs }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(body));
        else reject(new Error(`status ${response.statusCode}: ${body}`));
      });
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    request.on('error', reject);
  });
}

/** `count` GETs one after the other; how many each cluster answered. */
export async function shares(address: Address, count: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let at = 0; at < count; at += 1) {
    const { cluster } = await get(address);
    counts[cluster] = (counts[cluster] ?? 0) + 1;
  }
  return counts;
}

/** Milliseconds until `check` is true; fails with `what` after `timeoutMs`. */
export async function until(
  what: string,
  timeoutMs: number,
  check: () => boolean | Promise<boolean>,
): Promise<number> {
  const startMs = performance.now();
  while (!(await check())) {
    if (performance.now() - startMs > timeoutMs)
      throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return performance.now() - startMs;
}
