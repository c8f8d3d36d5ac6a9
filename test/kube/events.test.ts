/** What the API server is told of news. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { silentLogger } from '#core/log.ts';
import { EventRecorder } from '#kube/events.ts';
import type { KubeObject } from '#kube/types.ts';

test('an Event has a name that Kubernetes takes, however long that of its object is', () => {
  const names: string[] = [];
  const recorder = new EventRecorder({
    ...{ component: 'isthmus-mirror', instance: 'x', clock: systemClock, log: silentLogger },
    client: {
      apply: async (_, object: KubeObject) => {
        names.push(object.metadata.name);
        return object as never;
      },
    },
  });
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
