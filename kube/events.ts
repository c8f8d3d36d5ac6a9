/**
 * Events: what happened to an object, for `kubectl describe`.
 *
 * Best effort and bounded. The same news about the same object is one Event whose count grows, written
 * at most once a minute, and one source brings no more than {@link EVENTS_OF_SOURCE}; what is lost is counted in the log
 * and never holds up the work that caused it.
 */
import { createHash } from 'node:crypto';
import { Bucket, type Rate } from '#core/bucket.ts';
import type { Clock } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import type { KubeClient } from './client.ts';
import { defined } from './parse.ts';
import { events } from './resources/builtin.ts';
import type { KubeEvent, ObjectReference } from './types.ts';

/** Distinct pieces of news remembered; the oldest is forgotten first. */
const NEWS_MAX = 1_000;
/** Writes under way; beyond them news is dropped. */
const WRITES_MAX = 16;
/** News of one source; beyond it they are dropped. */
export const EVENTS_OF_SOURCE: Rate = { burst: 50, perSecond: 0.2 };
/** Sources remembered; the one silent for longest is forgotten first. */
const SOURCES_MAX = 1_000;
/** How often the log says how many were dropped. */
const DROPS_TOLD_MS = 60_000;
/** A repeated piece of news is written again after this long. */
const REPEAT_MS = 60_000;

/** One piece of news. */
export interface News {
  readonly about: ObjectReference;
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, a machine may match on it. */
  readonly reason: string;
  /** A sentence for people. */
  readonly message: string;
}

export interface EventRecorderOptions {
  readonly client: Pick<KubeClient, 'apply'>;
  /** `source.component`, such as `isthmus-mirror`. */
  readonly component: string;
  /** The pod that reports. */
  readonly instance: string;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Told {
  readonly firstTimestamp: string;
  count: number;
  writtenAtMs: number;
}

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #told = new Map<string, Told>();
  readonly #sources = new Map<string, Bucket>();
  #writing = 0;
  #dropped = 0;
  #dropsToldAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  /** Writes `news` in the background; never throws. `source`: who brought it about, one of many. */
  record(news: News, source = ''): void {
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const timestamp = `${new Date(clock.wallMs()).toISOString().slice(0, 19)}Z`;
    const key = digest(news);
    const told = this.#told.get(key) ?? { firstTimestamp: timestamp, count: 0, writtenAtMs: -1 };
    told.count += 1;
    this.#told.delete(key);
    this.#told.set(key, told);
    for (const oldest of this.#told.keys()) {
      if (this.#told.size <= NEWS_MAX) break;
      this.#told.delete(oldest);
    }
    if (told.writtenAtMs >= 0 && nowMs - told.writtenAtMs < REPEAT_MS) return;
    if (this.#writing >= WRITES_MAX || !this.#sourceOf(source).take(nowMs)) {
      this.#drop(news, source, nowMs);
      return;
    }
    told.writtenAtMs = nowMs;
    void this.#write(eventOf(news, key, told, timestamp, this.#options));
  }

  #sourceOf(source: string): Bucket {
    const bucket = this.#sources.get(source) ?? new Bucket(EVENTS_OF_SOURCE);
    this.#sources.delete(source);
    this.#sources.set(source, bucket);
    for (const silent of this.#sources.keys()) {
      if (this.#sources.size <= SOURCES_MAX) break;
      this.#sources.delete(silent);
    }
    return bucket;
  }

  #drop({ reason }: News, source: string, nowMs: number): void {
    this.#dropped += 1;
    if (nowMs - this.#dropsToldAtMs < DROPS_TOLD_MS) return;
    const dropped = this.#dropped;
    this.#options.log.warn('events are dropped: there are too many', { dropped, reason, source });
    this.#dropped = 0;
    this.#dropsToldAtMs = nowMs;
  }

  async #write(event: KubeEvent): Promise<void> {
    this.#writing += 1;
    try {
      await this.#options.client.apply(events, event);
    } catch (error) {
      this.#options.log.warn('an event could not be written', {
        reason: event.reason,
        error: describeError(error),
      });
    } finally {
      this.#writing -= 1;
    }
  }
}

function eventOf(
  news: News,
  key: string,
  told: Told,
  timestamp: string,
  options: EventRecorderOptions,
): KubeEvent {
  const { about, type, reason, message } = news;
  const event = {
    apiVersion: 'v1',
    kind: 'Event' as const,
    metadata: {
      // A cut must not leave a dot or hyphen before our own dot.
      name: `${about.name.slice(0, 200).replace(/[-.]+$/, '')}.${key}`,
      // Events about objects without namespace live in `default`, as Kubernetes does it.
      namespace: about.namespace ?? 'default',
    },
    involvedObject: defined({ ...about }),
    type,
    reason,
    message: message.slice(0, 1_024),
    count: told.count,
    firstTimestamp: told.firstTimestamp,
    lastTimestamp: timestamp,
    source: { component: options.component },
    reportingComponent: options.component,
    reportingInstance: options.instance,
  };
  return event;
}

function digest(news: News): string {
  const { about, type, reason, message } = news;
  const text = JSON.stringify([
    about.kind,
    about.namespace,
    about.name,
    about.uid,
    type,
    reason,
    message,
  ]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
