/**
 * The objects of one kind, followed for ever: list, watch, and list again whatever goes wrong.
 *
 * The kubelet runs beside an API server that a drill may kill, so losing it changes nothing here but
 * the age of what is known.
 */
import { backoffMs } from '#core/backoff.ts';
import { type Clock, sleep } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import type { Random } from '#core/random.ts';
import type { KubeClient, Resource, Selection } from '#kube/client.ts';
import type { KubeObject } from '#kube/types.ts';

export interface FollowOptions<T extends KubeObject> {
  readonly client: KubeClient;
  readonly resource: Resource<T>;
  readonly selection: Selection;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Everything there is, by `namespace/name`, after every change. Must not throw. */
  onChange(objects: ReadonlyMap<string, T>): void;
}

const RETRY = { firstMs: 50, maxMs: 1_000 };
const PAGE_LIMIT = 500;

/** Follows until `signal` aborts; never rejects. */
export async function follow<T extends KubeObject>(
  options: FollowOptions<T>,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, log, resource } = options;
  for (let failures = 0; !signal.aborted; ) {
    try {
      const { objects, resourceVersion } = await listAll(options, signal);
      failures = 0;
      options.onChange(objects);
      await watchFrom(options, objects, resourceVersion, signal);
    } catch (error) {
      if (signal.aborted) return;
      log.debug('Lost a watch', { plural: resource.plural, reason: describeError(error) });
    }
    failures += 1;
    await sleep(clock, backoffMs(RETRY, failures, random), signal).catch(() => undefined);
  }
}

async function listAll<T extends KubeObject>(options: FollowOptions<T>, signal: AbortSignal) {
  const { client, resource, selection } = options;
  const objects = new Map<string, T>();
  let continueToken: string | undefined;
  for (;;) {
    const page = { limit: PAGE_LIMIT, ...(continueToken ? { continueToken } : {}) };
    const answer = await client.listPage(resource, selection, page, signal);
    for (const each of answer.items) objects.set(objectKey(each), each);
    continueToken = answer.continueToken;
    if (!continueToken) return { objects, resourceVersion: answer.resourceVersion };
  }
}

async function watchFrom<T extends KubeObject>(
  options: FollowOptions<T>,
  objects: Map<string, T>,
  resourceVersion: string,
  signal: AbortSignal,
): Promise<void> {
  const { client, resource, selection } = options;
  for await (const event of client.watch(resource, selection, resourceVersion, signal)) {
    if (event.type === 'BOOKMARK') continue;
    if (event.type === 'DELETED') objects.delete(objectKey(event.object));
    else objects.set(objectKey(event.object), event.object);
    options.onChange(objects);
  }
}

/** `namespace/name`. */
export function objectKey(object: KubeObject): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}
