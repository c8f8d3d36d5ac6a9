/** docs/limits.md says what the code does. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Rate } from '#core/bucket.ts';
import { CATALOG_LIMITS } from '#core/catalog.ts';
import { METADATA_LIMITS } from '#core/metadata.ts';
import { STRANGERS_MAX } from '#core/strangers.ts';
import { METRICS_FRESH_MS } from '#gateway/admin/pages.ts';
import { CATALOG_STREAMS_MAX } from '#gateway/catalog/serve.ts';
import { FORWARDS_MAX } from '#gateway/http/forwards.ts';
import { HELD_BYTES_MAX } from '#gateway/http/held.ts';
import { REPLAY_BYTES_MAX } from '#gateway/http/replay.ts';
import * as http1 from '#gateway/http1/bounds.ts';
import { QUIET_MS } from '#gateway/http1/silence.ts';
import { COMPANY_BYTES, SHORT_PATH_BYTES } from '#gateway/http2/window.ts';
import { ARRIVALS_PER_TURN } from '#gateway/listener/arrivals.ts';
import { FLOODS, REFUSALS } from '#gateway/listener/barred.ts';
import { CLIENTS_MAX } from '#gateway/listener/client-count.ts';
import { ANSWERS_MAX } from '#gateway/metrics/requests.ts';
import { GONE_MAX } from '#gateway/metrics/series.ts';
import { CONNECT_TIMEOUT_MS } from '#gateway/opaque/attempt.ts';
import { OPAQUE_BYTES_MAX } from '#gateway/opaque/raw.ts';
import { UNANSWERED_MAX } from '#gateway/resilience/crowd.ts';
import { ATTEMPTS_MAX } from '#gateway/resilience/repeat.ts';
import { RETRY_AFTER_MAX_MS } from '#gateway/resilience/retry-after.ts';
import { HELD_OF_SOURCE_BYTES } from '#gateway/resilience/standstill.ts';
import { SHORT_BYTES } from '#gateway/resilience/trickles.ts';
import { POD_KEEP_ALIVE_MS } from '#gateway/transport/pod-socket.ts';
import { READ_BYTES_PER_TURN } from '#gateway/transport/read-turns.ts';
import { HANDSHAKES } from '#gateway/tunnel/handshakes.ts';
import { TUNNEL_LIMITS } from '#gateway/tunnel/limits.ts';
import { SILENCE_MS } from '#gateway/tunnel/peer.ts';
import { DIALLED_MAX } from '#gateway/tunnel/taken.ts';
import * as wire1 from '#gateway/wire/http1/limits.ts';
import { HTTP2_LIMITS } from '#gateway/wire/http2/limits.ts';
import { LINE_STREAMS } from '#gateway/wire/http2/send-queue.ts';
import { SIGNING_LIMITS } from '#identity/server.ts';
import { EVENTS_OF_SOURCE } from '#kube/events.ts';
import { STATUS_OF_LINK, WRITES_OF_PEER } from '#mirror/budgets.ts';
import { NAMESPACES_OF_PEER_MAX } from '#mirror/namespaces.ts';
import { PORTS_OF_LINK } from '#mirror/ports.ts';

type Bound = number | Rate;

const page = readFileSync(new URL('../../docs/limits.md', import.meta.url), 'utf8');
const { rate, ...signing } = SIGNING_LIMITS;
const one: Readonly<Record<string, Bound | undefined>> = {
  ...(wire1 as Record<string, unknown> as Record<string, number>),
  ...(http1 as Record<string, unknown> as Record<string, number>),
  ...HANDSHAKES,
  ...{
    HELD_BYTES_MAX,
    REPLAY_BYTES_MAX,
    ATTEMPTS_MAX,
    RETRY_AFTER_MAX_MS,
    CLIENTS_MAX,
    CONNECT_TIMEOUT_MS,
  },
  ...{ OPAQUE_BYTES_MAX, DIALLED_MAX, SILENCE_MS, FLOODS, REFUSALS, UNANSWERED_MAX },
  ...{ HELD_OF_SOURCE_BYTES, SHORT_BYTES, CATALOG_STREAMS_MAX, POD_KEEP_ALIVE_MS },
  ...{ FORWARDS_MAX, QUIET_MS },
  ...CATALOG_LIMITS,
  ...METADATA_LIMITS,
  ...{ STRANGERS_MAX, METRICS_FRESH_MS, ANSWERS_MAX, GONE_MAX, ...signing, ...rate },
  ...{ PORTS_OF_LINK, NAMESPACES_OF_PEER_MAX, WRITES_OF_PEER, STATUS_OF_LINK, EVENTS_OF_SOURCE },
};
const two = HTTP2_LIMITS as unknown as Readonly<Record<string, Bound | undefined>>;
const tunnel = TUNNEL_LIMITS as unknown as Readonly<Record<string, Bound | undefined>>;

function written(bound: Bound | undefined): string {
  if (bound === undefined) return 'nothing of that name';
  return typeof bound === 'number' ? String(bound) : `${bound.burst}, ${bound.perSecond}/s`;
}

test('every limit of the page has the value it has in the code', () => {
  const rows = [...page.matchAll(/^\| `(\w+)` \| ([^|]+) \|(?: ([^|]+) \|)?/gm)];
  assert.ok(rows.length > 35, `${rows.length} rows`);
  for (const [, name = '', value = '', other = ''] of rows) {
    const known = name in two ? two[name] : one[name];
    assert.equal(value.slice(0, written(known).length), written(known), name);
    if (name in two) {
      const wanted = written(tunnel[name]);
      assert.equal(other.slice(0, wanted.length), wanted, `${name} of a tunnel`);
    }
  }
});

test('what is read in a turn, and how long the line is, is as the page says', () => {
  assert.ok(page.includes(`some ${READ_BYTES_PER_TURN / 1_024} KiB are read`));
  assert.ok(page.includes(`\`ARRIVALS_PER_TURN\` (${ARRIVALS_PER_TURN})`));
  assert.ok(page.includes(`\`LINE_STREAMS\` (${LINE_STREAMS})`));
  assert.ok(page.includes(`\`SHORT_PATH_BYTES\` (${SHORT_PATH_BYTES} B)`));
  assert.ok(page.includes(`\`COMPANY_BYTES\` (${COMPANY_BYTES} B)`));
});

test('every bound of HTTP/2 that a peer can pass is on the page', () => {
  const own = ['outputDataBytes', 'stallBytes', 'renewAtStreamId', 'rememberedResets'];
  const missing = Object.keys(HTTP2_LIMITS).filter(
    (name) => !own.includes(name) && name !== 'interimResponses' && !page.includes(`\`${name}\``),
  );
  assert.deepEqual(missing, []);
});

test('every bound of a catalog is on the page', () => {
  for (const name of Object.keys({ ...CATALOG_LIMITS, ...METADATA_LIMITS }))
    assert.ok(page.includes(`\`${name}\``), name);
});
