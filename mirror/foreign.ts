/**
 * Objects of somebody else that stand where one of ours would.
 *
 * A watch may be half a minute behind while writes get through, so what it does not tell of is read right before it
 * would be written. What is found then counts for the plan like what the watch tells, until the watch tells of it, or it
 * is found gone.
 */
import type { Clock } from '#core/clock.ts';
import { LABEL_MANAGED_BY, MANAGER } from '#core/names.ts';
import { isMirror, isMirrorSlice } from '#kube/mirror.ts';
import { objectKey } from '#kube/parse.ts';
import type { KubeObject } from '#kube/types.ts';
import type { Applied } from './input.ts';

/** What was read counts for so long, then it is read again. */
export const FOREIGN_MS = 15_000;

/** Whether Isthmus made `object`. */
export function isOurs(kind: Applied, object: KubeObject): boolean {
  if (kind === 'Service') return isMirror(object);
  if (kind === 'EndpointSlice') return isMirrorSlice(object);
  return object.metadata.labels?.[LABEL_MANAGED_BY] === MANAGER;
}

interface Found {
  readonly kind: Applied;
  readonly key: string;
  readonly object: KubeObject;
  readonly readAtMs: number;
}

/** What was found before a write. */
export class ForeignObjects {
  readonly #clock: Clock;
  readonly #found = new Map<string, Found>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `object` stands where one of ours would. */
  note(kind: Applied, object: KubeObject): void {
    const key = objectKey(object);
    const readAtMs = this.#clock.monotonicMs();
    this.#found.set(`${kind} ${key}`, { kind, key, object, readAtMs });
  }

  /** The watch has told of `key`, or nobody writes any more. */
  readonly forget = (kind: Applied, key: string): void => {
    this.#found.delete(`${kind} ${key}`);
  };

  /** What the watch tells, and what was found beside. */
  over<T extends KubeObject>(kind: Applied, watched: ReadonlyMap<string, T>) {
    const found = [...this.#found.values()].filter((each) => each.kind === kind);
    if (found.length === 0) return watched;
    // What was read as a kind has passed the parser of that kind.
    return new Map([...found.map(({ key, object }) => [key, object as T] as const), ...watched]);
  }

  /** Reads again what was read {@link FOREIGN_MS} ago; true when something of it has gone. */
  async recheck(
    read: (kind: Applied, object: KubeObject) => Promise<KubeObject | undefined>,
  ): Promise<boolean> {
    let gone = false;
    for (const { kind, key, object, readAtMs } of [...this.#found.values()]) {
      if (this.#clock.monotonicMs() - readAtMs < FOREIGN_MS) continue;
      const now = await read(kind, object);
      // The watch may have told of it meanwhile.
      if (!this.#found.has(`${kind} ${key}`)) continue;
      if (now !== undefined && !isOurs(kind, now)) this.note(kind, now);
      else {
        this.forget(kind, key);
        gone = true;
      }
    }
    return gone;
  }
}
