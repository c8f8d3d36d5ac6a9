/**
 * The files a container mounts, kept current below the root directory of its pod.
 *
 * Every file is written aside and renamed, so that a reader never sees half of one; tokens are
 * readable by the owner alone and fetched again well before they end, as a kubelet does.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { backoffMs } from '#core/backoff.ts';
import { type Clock, pause } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import type { Random } from '#core/random.ts';
import type { KubeClient } from '#kube/client.ts';
import { fieldOf } from './environment.ts';
import type { ConfigMapLookup, ConfigMapSource, Container, NodePod, TokenSource } from './pod.ts';

/** A token is replaced after this share of its life. */
const TOKEN_REFRESH_AFTER = 0.8;
/** Nor sooner than this, should the answer say that it has hardly any. */
const REFRESH_MIN_MS = 1_000;
const TOKEN_RETRY = { firstMs: 200, maxMs: 10_000 };

/** A file of a volume: its path in the container, and where its content comes from. */
interface MountedToken {
  readonly path: string;
  readonly source: TokenSource;
}

interface MountedConfigMap {
  readonly directory: string;
  readonly source: ConfigMapSource;
}

export interface VolumeOptions {
  readonly pod: NodePod;
  readonly container: Container;
  /** Directory that stands for `/` of the container. */
  readonly root: string;
  readonly client: KubeClient;
  readonly configMaps: ConfigMapLookup;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Writes the volumes of one container and keeps them current. */
export class Volumes {
  readonly #options: VolumeOptions;
  readonly #tokens: MountedToken[] = [];
  readonly #configMaps: MountedConfigMap[] = [];
  readonly #fields: { readonly path: string; readonly field: string }[] = [];
  readonly #written = new Map<string, string>();

  constructor(options: VolumeOptions) {
    this.#options = options;
    const { pod, container } = options;
    for (const mount of container.volumeMounts) {
      const volume = pod.spec.volumes.find((each) => each.name === mount.name);
      const directory = mount.mountPath;
      if (volume?.configMap) this.#configMaps.push({ directory, source: volume.configMap });
      for (const source of volume?.projected?.sources ?? []) {
        const { serviceAccountToken, configMap, downwardAPI } = source;
        for (const { path, fieldRef } of downwardAPI?.items ?? []) {
          this.#fields.push({ path: join(directory, path), field: fieldRef.fieldPath });
        }
        if (configMap) this.#configMaps.push({ directory, source: configMap });
        if (serviceAccountToken) {
          const path = join(directory, serviceAccountToken.path);
          this.#tokens.push({ path, source: serviceAccountToken });
        }
      }
    }
  }

  /** Writes everything once, then keeps tokens fresh until `signal` aborts. */
  async mount(signal: AbortSignal): Promise<void> {
    const { container, root, pod } = this.#options;
    for (const { mountPath } of container.volumeMounts) {
      await mkdir(join(root, mountPath), { recursive: true });
    }
    for (const { path, field } of this.#fields) await this.#write(path, fieldOf(pod, field, path));
    await this.refreshConfigMaps();
    const livesMs = await Promise.all(this.#tokens.map((token) => this.#fetchToken(token)));
    this.#tokens.forEach((token, index) => {
      void this.#keepFresh(token, livesMs[index] ?? 0, signal);
    });
  }

  /** Writes ConfigMaps that changed. One that is gone leaves its files, as a kubelet does. */
  async refreshConfigMaps(): Promise<void> {
    const { configMaps, pod } = this.#options;
    for (const { directory, source } of this.#configMaps) {
      const data = configMaps(pod.metadata.namespace, source.name)?.data ?? {};
      const items = source.items ?? Object.keys(data).map((key) => ({ key, path: key }));
      for (const { key, path } of items) {
        const content = data[key];
        if (content !== undefined) await this.#write(join(directory, path), content);
      }
    }
  }

  /** Asks for a token bound to the pod; returns how long it lives, in ms. */
  async #fetchToken(token: MountedToken): Promise<number> {
    const { pod, client, clock } = this.#options;
    const { namespace, name, uid } = pod.metadata;
    const { audience, expirationSeconds } = token.source;
    const account = pod.spec.serviceAccountName;
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
    const answer = await client.post(path, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        audiences: audience === undefined ? [] : [audience],
        expirationSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
      },
    });
    const { status } = tokenAnswer.parse(answer);
    await this.#write(token.path, status.token);
    const endsMs = Date.parse(status.expirationTimestamp ?? '');
    return Number.isNaN(endsMs) ? expirationSeconds * 1_000 : endsMs - clock.wallMs();
  }

  async #keepFresh(token: MountedToken, firstLifeMs: number, signal: AbortSignal): Promise<void> {
    const { clock, random, log, pod } = this.#options;
    let waitMs = firstLifeMs * TOKEN_REFRESH_AFTER;
    for (let failures = 0; await pause(clock, Math.max(waitMs, REFRESH_MIN_MS), signal); ) {
      try {
        waitMs = (await this.#fetchToken(token)) * TOKEN_REFRESH_AFTER;
        failures = 0;
      } catch (error) {
        failures += 1;
        waitMs = backoffMs(TOKEN_RETRY, failures, random);
        const fields = { pod: pod.metadata.name, path: token.path, reason: describeError(error) };
        log.warn('Cannot refresh a token', fields);
      }
    }
  }

  async #write(path: string, content: string): Promise<void> {
    const file = join(this.#options.root, path);
    if (this.#written.get(file) === content) return;
    await mkdir(dirname(file), { recursive: true });
    await writeFile(`${file}.new`, content, { mode: 0o600 });
    await rename(`${file}.new`, file);
    this.#written.set(file, content);
  }
}

const tokenAnswer = z.object({
  status: z.object({ token: z.string().min(1), expirationTimestamp: z.string().optional() }),
});
