/** What is gone is told until it has surely been read, and what comes and goes does not add up without end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GONE_MAX, GONE_MS, Series } from '#gateway/metrics/series.ts';

interface Sum {
  readonly name: string;
  count: number;
}

const empty = () => new Series<Sum>((service, cluster) => ({ name: service + cluster, count: 0 }));
const names = (series: Series<Sum>) => [...series.sums()].map(({ name }) => name);

test('what is there stays, what is gone is dropped ten minutes after its last change', () => {
  const series = empty();
  const isThere = (service: string) => service === 'kept';
  for (const service of ['kept', 'gone']) series.changing(service, '').count += 1;
  series.forget(isThere, 0);
  series.forget(isThere, GONE_MS - 1);
  assert.deepEqual(names(series), ['kept', 'gone']);
  // The last request of a service that is gone has ended.
  series.changing('gone', '').count += 1;
  series.forget(isThere, GONE_MS);
  series.forget(isThere, 2 * GONE_MS - 1);
  assert.deepEqual(names(series), ['kept', 'gone']);
  series.forget(isThere, 2 * GONE_MS);
  assert.deepEqual(names(series), ['kept']);
});

test('what comes back in time goes on, and what comes back later begins at 0', () => {
  const series = empty();
  const count = () => {
    const sum = series.changing('shop/backend', 'east');
    sum.count += 1;
    return sum.count;
  };
  count();
  series.forget(() => false, 0);
  series.forget(() => true, GONE_MS - 1);
  series.forget(() => false, GONE_MS);
  assert.equal(count(), 2);
  series.forget(() => false, GONE_MS);
  series.forget(() => false, 2 * GONE_MS);
  assert.equal(count(), 1);
});

test('of thousands that come and go within minutes the last ones are kept', () => {
  const series = empty();
  const isThere = (service: string) => service === 'kept';
  series.changing('kept', '');
  for (let each = 0; each < 3 * GONE_MAX; each += 1) {
    series.changing(`gone-${each}`, '');
    if (each % 100 === 0) series.forget(isThere, each);
  }
  series.forget(isThere, 3 * GONE_MAX);
  assert.equal(series.size, GONE_MAX + 1);
  assert.deepEqual(names(series).slice(0, 2), ['kept', `gone-${2 * GONE_MAX}`]);
});
