/** What the API server is told of news. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { type Logger, silentLogger } from '#core/log.ts';
import type { KubeClient } from '#kube/client.ts';
import { EVENTS_OF_SOURCE, EventRecorder } from '#kube/events.ts';
import type { KubeObject } from '#kube/types.ts';
import { eventually } from './support.ts';

/** A recorder whose clock says `nowMs`; `write` hears of each Event it applies. */
function recorderAt(
  nowMs: () => number,
  write: (event: KubeObject) => void,
  log: Logger = silentLogger,
): EventRecorder {
  const client = {
    apply: async (_: unknown, object: KubeObject) => {
      write(object);
      return object;
    },
  } as unknown as Pick<KubeClient, 'apply'>;
  const clock = { ...systemClock, monotonicMs: nowMs };
  return new EventRecorder({ client, component: 'isthmus-mirror', instance: 'pod', clock, log });
}

test('an Event has a name that Kubernetes takes, however long that of its object is', () => {
  const names: string[] = [];
  const recorder = recorderAt(
    () => 0,
    ({ metadata }) => names.push(metadata.name),
  );
  for (const name of ['a', `${'a'.repeat(199)}-b`, `${'a'.repeat(198)}.-b`, 'a'.repeat(253)]) {
    const about = { apiVersion: 'isthmus.dev/v1alpha1', kind: 'Link', name };
    recorder.record({ about, type: 'Normal', reason: 'Test', message: 'news' });
  }
  assert.equal(names.length, 4);
  for (const name of names) {
    assert.match(name, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
    assert.ok(name.length <= 253);
  }
});

test('the same news is one Event, written once a minute', async () => {
  let nowMs = 0;
  const written: { count?: number; metadata: { name: string; namespace?: string } }[] = [];
  const recorder = recorderAt(
    () => nowMs,
    (object) => written.push(object),
  );
  const about = { apiVersion: 'v1', kind: 'Service', name: 'a', namespace: 'shop' };
  const news = { about, type: 'Warning' as const, reason: 'NameTaken', message: 'taken' };
  recorder.record(news);
  recorder.record(news);
  nowMs = 61_000;
  recorder.record(news);
  recorder.record({ ...news, reason: 'Other' });
  await eventually('three', () => written.length === 3);
  assert.deepEqual(
    written.map((each) => each.count),
    [1, 3, 1],
  );
  assert.equal(written[0]?.metadata.name, written[1]?.metadata.name);
});

test('one source brings no more Events than its rate, another some all the same, and the log counts', async () => {
  let nowMs = 0;
  let written = 0;
  const lines: unknown[] = [];
  const recorder = recorderAt(
    () => nowMs,
    () => {
      written += 1;
    },
    { ...silentLogger, warn: (_message, fields) => lines.push(fields?.dropped) },
  );
  const about = { apiVersion: 'v1', kind: 'Link', name: 'evil', namespace: 'shop' };
  const say = async (index: number, source: string) => {
    recorder.record({ about, type: 'Warning', reason: 'Odd', message: String(index) }, source);
    await new Promise((resolve) => setImmediate(resolve));
  };
  for (let index = 0; index < 300; index += 1) await say(index, 'evil');
  assert.equal(written, EVENTS_OF_SOURCE.burst);
  await say(0, 'good');
  await say(1_000, 'good');
  assert.equal(written, EVENTS_OF_SOURCE.burst + 1, 'what was told a moment ago is not told again');
  assert.deepEqual(lines, [1]);
  nowMs = 61_000;
  for (let index = 300; index < 400; index += 1) await say(index, 'evil');
  assert.equal(written, EVENTS_OF_SOURCE.burst + 1 + 12);
  assert.deepEqual(lines, [1, 250]);
});
