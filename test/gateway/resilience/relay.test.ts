/** What a request survives, and what it may not cost: repetitions, hedges, deadlines and limits. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { balanceKey } from '#gateway/balance/balancer.ts';
import { describeService } from '#gateway/balance/describe.ts';
import { AttemptError } from '#gateway/http/attempt-error.ts';
import { HELD_BYTES_MAX } from '#gateway/http/held.ts';
import { TRAFFIC_DEFAULTS, type TrafficSettings } from '#gateway/snapshot/traffic.ts';
import { type Bench, serviceOf, TARGET } from './kit.ts';

const reset = () => new AttemptError('UPSTREAM_RESET', 'reset', { neverSent: false });
const unsent = (attempts = 1) =>
  new AttemptError('UPSTREAM_CONNECT', 'refused', { neverSent: true, attempts });
const { retry, limits, timeout } = TRAFFIC_DEFAULTS;

function last(bench: Bench) {
  const call = bench.calls.at(-1);
  if (call === undefined) throw new Error('nobody was asked');
  return call;
}

describe('repetitions', () => {
  test('an idempotent request whose pod breaks off goes to another pod', () => {
    const bench = serviceOf(3);
    const client = bench.send();
    last(bench).fail(reset());
    last(bench).answer(200, [], 'hello');
    assert.equal(client.status, 200);
    assert.equal(client.content, 'hello');
    assert.notEqual(bench.calls[0]?.key, bench.calls[1]?.key);
    assert.equal(bench.reports[0]?.attempts, 2);
  });

  test('an answer of 500 to GET is thrown away for a better one', () => {
    const bench = serviceOf(3);
    const client = bench.send();
    last(bench).answer(500, [], 'broken');
    assert.equal(client.status, undefined);
    assert.equal(bench.calls[0]?.cancelled, true);
    last(bench).answer(200, [], 'whole');
    assert.deepEqual([client.status, client.content], [200, 'whole']);
  });

  test('where every pod says 503, the last answer is passed on as it came', () => {
    const bench = serviceOf(5);
    const client = bench.send();
    for (let at = 0; at < 3; at += 1) last(bench).answer(503, ['x-pod', String(at)], 'busy');
    assert.equal(bench.calls.length, 3);
    assert.deepEqual([client.status, client.header('x-pod'), client.content], [503, '2', 'busy']);
  });

  test('POST is repeated only when it surely never reached a pod, or says it may be', () => {
    const plain = serviceOf(3);
    const first = plain.send({ method: 'POST' });
    last(plain).answer(503, [], 'no');
    assert.equal(first.status, 503);
    const broken = plain.send({ method: 'POST' });
    last(plain).fail(reset());
    assert.equal(broken.status, 502);
    const refused = plain.send({ method: 'POST' });
    last(plain).fail(unsent());
    last(plain).answer(201);
    assert.equal(refused.status, 201);
    const keyed = plain.send({ method: 'POST', headers: ['idempotency-key', '1'] });
    last(plain).fail(reset());
    last(plain).answer(201);
    assert.equal(keyed.status, 201);
  });

  test('a gRPC call refused as UNAVAILABLE before its first message is repeated, another code is not', () => {
    const bench = serviceOf(3);
    const call = { method: 'POST', headers: ['content-type', 'application/grpc'] };
    const client = bench.send(call);
    last(bench).answer(200, ['content-type', 'application/grpc', 'grpc-status', '14']);
    assert.equal(client.status, undefined);
    last(bench).answer(200, ['content-type', 'application/grpc', 'grpc-status', '0']);
    assert.equal(client.header('grpc-status'), '0');
    const other = bench.send(call);
    last(bench).answer(200, ['content-type', 'application/grpc', 'grpc-status', '13']);
    assert.equal(other.header('grpc-status'), '13');
  });

  test('a gRPC call that its server pushes back on is left to its caller', () => {
    for (const pushback of ['-1', '500']) {
      const bench = serviceOf(3);
      const call = bench.send({ method: 'POST', headers: ['content-type', 'application/grpc'] });
      const refusal = ['grpc-status', '14', 'grpc-retry-pushback-ms', pushback];
      last(bench).answer(200, ['content-type', 'application/grpc', ...refusal]);
      assert.equal(bench.calls.length, 1);
      assert.equal(call.header('grpc-retry-pushback-ms'), pushback);
    }
  });

  test('content is sent again as far as it has come, and what follows goes to the new pod alone', () => {
    const bench = serviceOf(3);
    const client = bench.send({ method: 'PUT', length: 10 });
    client.listener.onRequestBody(Buffer.from('hello'), 0, 5, false);
    const [first] = bench.calls;
    last(bench).fail(reset());
    client.listener.onRequestBody(Buffer.from('world'), 0, 5, true);
    assert.equal(first?.received, 'hello');
    assert.deepEqual([last(bench).received, last(bench).ended], ['helloworld', true]);
  });

  test('content beyond what is kept makes a request impossible to repeat', () => {
    const bench = serviceOf(3);
    const client = bench.send({ method: 'PUT', length: 70_000 });
    client.listener.onRequestBody(Buffer.alloc(66_000), 0, 66_000, false);
    last(bench).fail(reset());
    assert.equal(client.status, 502);
    assert.equal(bench.calls.length, 1);
  });

  test('a gateway asked by another repeats only what never reached a pod', () => {
    const bench = serviceOf(3);
    const sent = bench.send({}, { unsentOnly: true });
    last(bench).fail(reset());
    assert.equal(sent.status, 502);
    const answered = bench.send({}, { unsentOnly: true });
    last(bench).answer(503);
    assert.equal(answered.status, 503);
    const never = bench.send({}, { unsentOnly: true });
    last(bench).fail(unsent());
    last(bench).answer(200);
    assert.equal(never.status, 200);
  });

  test('what was sent in part and stood still is never told another gateway as never sent', () => {
    const bench = serviceOf(3);
    const standing = (route: { unsentOnly?: boolean }) => {
      const client = bench.send({ method: 'POST', length: 40_000 }, route);
      client.listener.onRequestBody(Buffer.alloc(20_000), 0, 20_000, false);
      return client;
    };
    const ofPeer = standing({ unsentOnly: true });
    const own = standing({});
    for (let sent = 0; sent < HELD_BYTES_MAX; sent += 1_048_576) {
      const other = bench.send({ method: 'POST', length: 1_048_577 });
      other.listener.onRequestBody(Buffer.alloc(1_048_576), 0, 1_048_576, false);
    }
    assert.deepEqual([ofPeer.status, ofPeer.aborted], [undefined, 'OVERLOADED']);
    assert.deepEqual([own.status, own.header('isthmus-error')], [503, 'OVERLOADED']);
    assert.equal(bench.reports[0]?.code, 'OVERLOADED');
  });

  test('attempts of the far gateway count, so that three by three never becomes nine', () => {
    const bench = serviceOf(3);
    const client = bench.send();
    assert.equal(last(bench).attemptsLeft, 2);
    last(bench).fail(unsent(3));
    assert.equal(client.status, 502);
    assert.equal(client.header('isthmus-attempts'), '3');
    assert.equal(bench.calls.length, 1);
  });

  test('an answer that is no switch is not passed on where it would be taken for one', () => {
    const bench = serviceOf(1);
    const asked = { version: 'http2', upgrade: 'websocket', length: -1 } as const;
    const client = bench.send(asked);
    last(bench).answer(200, [], 'a page');
    assert.deepEqual([client.status, client.header('isthmus-error')], [502, 'UPSTREAM_PROTOCOL']);
    assert.deepEqual([last(bench).cancelled, client.content.includes('page')], [true, false]);
    const refused = bench.send(asked);
    last(bench).answer(403, [], 'no');
    assert.deepEqual([refused.status, refused.content], [403, 'no']);
    const older = bench.send({ ...asked, version: 'http1' });
    last(bench).answer(200, [], 'a page');
    assert.deepEqual([older.status, older.content], [200, 'a page']);
    const ofPeer = bench.send(asked, { unsentOnly: true });
    last(bench).answer(200, [], 'a page');
    assert.deepEqual([ofPeer.status, ofPeer.content], [200, 'a page']);
    assert.equal(bench.reports.length, 4);
  });

  test('what is refused for what the client sent says nothing against who refused it', () => {
    for (const code of ['LOOP_DETECTED', 'HEADERS_TOO_LARGE', 'BAD_REQUEST'] as const) {
      const bench = serviceOf(1);
      for (let at = 0; at < 10; at += 1) {
        bench.send();
        last(bench).fail(new AttemptError(code, 'not this one', { neverSent: false }));
      }
      const service = bench.balancer.service(balanceKey(TARGET));
      assert.ok(service);
      const [asked] = describeService(service, 0).local;
      assert.deepEqual([asked?.success, asked?.ejected, bench.calls.length], [1, false, 10], code);
    }
  });

  test('a client that has gone is not worth another attempt', () => {
    const bench = serviceOf(3);
    const client = bench.send();
    client.listener.onGone();
    assert.equal(last(bench).cancelled, true);
    assert.equal(bench.calls.length, 1);
    assert.equal(bench.reports.length, 1);
  });

  test('under total failure repetitions keep to the budget: a fifth, and ten a second', () => {
    const bench = serviceOf(20);
    for (let at = 0; at < 1_000; at += 1) {
      bench.send();
      const before = bench.calls.length;
      for (let from = before - 1; from < bench.calls.length; from += 1)
        bench.calls[from]?.fail(reset());
      bench.clock.advance(10);
    }
    const repeated = bench.calls.length - 1_000;
    assert.ok(repeated >= 250 && repeated <= 300, `${repeated} repetitions of 1000 requests`);
  });

  test('where nobody else is left to ask, none of the budget is spent', () => {
    const bench = serviceOf(1);
    const counts = bench.guards.of(balanceKey(TARGET))?.counts;
    for (let at = 0; at < 500; at += 1) {
      assert.equal(bench.send().status, undefined);
      last(bench).fail(reset());
    }
    assert.equal(bench.calls.length, 500);
    assert.deepEqual([counts?.retriesAllowed, counts?.retriesRefused], [0, 0]);
  });

  test('a TrafficPolicy may want them for answers that do not speak against the pod', () => {
    const bench = serviceOf(3, { retry: { ...retry, statuses: [404, 429], grpcStatuses: [8] } });
    for (const status of [404, 429]) {
      const client = bench.send();
      last(bench).answer(status, [], 'not here');
      assert.equal(client.status, undefined);
      last(bench).answer(200, [], 'here');
      assert.deepEqual([client.status, client.content], [200, 'here']);
    }
    const call = bench.send({ method: 'POST', headers: ['content-type', 'application/grpc'] });
    last(bench).answer(200, ['content-type', 'application/grpc', 'grpc-status', '8']);
    assert.equal(call.status, undefined);
    last(bench).answer(200, ['content-type', 'application/grpc', 'grpc-status', '0']);
    assert.equal(call.header('grpc-status'), '0');
    const service = bench.balancer.service(balanceKey(TARGET));
    assert.ok(service);
    for (const pod of describeService(service, 0).local)
      assert.deepEqual([pod.success, pod.inFlight], [1, 0]);
    const post = bench.send({ method: 'POST' });
    last(bench).answer(429);
    assert.equal(post.status, 429);
  });

  test('a TrafficPolicy may forbid them', () => {
    const bench = serviceOf(3, { retry: { ...retry, attemptsMax: 1 } });
    const client = bench.send();
    last(bench).fail(unsent());
    assert.equal(client.status, 502);
  });
});

describe('time', () => {
  test('a deadline that has passed is refused before anybody is asked', () => {
    const bench = serviceOf(1);
    const client = bench.send({}, { timeoutMs: 0 });
    assert.equal(client.status, 504);
    assert.equal(client.header('isthmus-error'), 'DEADLINE_EXCEEDED');
    assert.equal(bench.calls.length, 0);
  });

  test('every attempt is told what is left, and the last moment ends them all', () => {
    const bench = serviceOf(3);
    const client = bench.send({ headers: ['grpc-timeout', '100m'] });
    assert.equal(last(bench).leftMs, 100);
    bench.clock.advance(40);
    last(bench).fail(unsent());
    assert.equal(last(bench).leftMs, 60);
    assert.equal(last(bench).head.headers[1], '60000u');
    bench.clock.advance(60);
    assert.equal(last(bench).cancelled, true);
    assert.equal(client.header('isthmus-error'), 'DEADLINE_EXCEEDED');
    assert.equal(bench.clock.pending, 1);
  });

  test('a policy bounds the whole request and each attempt', () => {
    const bench = serviceOf(3, { timeout: { ...timeout, attemptMs: 50, requestMs: 120 } });
    const client = bench.send();
    bench.clock.advance(50);
    assert.equal(bench.calls.length, 2);
    assert.equal(bench.calls[0]?.cancelled, true);
    bench.clock.advance(50);
    assert.equal(bench.calls.length, 3);
    bench.clock.advance(20);
    assert.equal(client.status, 504);
  });
});

describe('limits', () => {
  const small = { limits: { ...limits, concurrencyMax: 1, queueMax: 1, queueMs: 100 } };

  test('a request beyond the limit waits for the one before, with all that came of it', () => {
    const bench = serviceOf(1, small);
    const first = bench.send();
    const second = bench.send({ method: 'POST', length: 5 });
    second.listener.onRequestBody(Buffer.from('hello'), 0, 5, true);
    const third = bench.send();
    assert.equal(third.status, 503);
    assert.equal(third.header('retry-after'), '1');
    assert.equal(third.header('isthmus-error'), 'OVERLOADED');
    assert.equal(bench.calls.length, 1);
    last(bench).answer(200);
    assert.equal(first.status, 200);
    assert.equal(last(bench).received, 'hello');
    last(bench).answer(201);
    assert.equal(second.status, 201);
    assert.equal(bench.reports.length, 3);
  });

  test('one that waits too long is turned away, and one that leaves gives its place up', () => {
    const bench = serviceOf(1, small);
    bench.send();
    const late = bench.send();
    bench.clock.advance(100);
    assert.equal(late.status, 503);
    const gone = bench.send();
    gone.listener.onGone();
    const next = bench.send();
    last(bench).answer(200);
    last(bench).answer(200);
    assert.equal(next.status, 200);
    assert.equal(bench.reports.length, 4);
  });

  test('a rate turns away with 429', () => {
    const bench = serviceOf(1, { limits: { ...limits, ratePerSecond: 1, rateBurst: 1 } });
    bench.send();
    const client = bench.send();
    assert.equal(client.status, 429);
    assert.equal(client.header('isthmus-error'), 'RATE_LIMITED');
  });
});

describe('hedges', () => {
  /** A service whose pods have answered in 10 ms for some seconds. */
  function warm(pods: number, change: Partial<TrafficSettings> = {}): Bench {
    const bench = serviceOf(pods, change);
    for (let at = 0; at < 500; at += 1) {
      bench.send();
      bench.clock.advance(10);
      last(bench).answer(200);
    }
    return bench;
  }

  /** A request that has become slow, with a second attempt beside the first; `before`: those of others. */
  function hedged(change: Partial<TrafficSettings> = {}) {
    const bench = warm(3, change);
    const before = bench.calls.length;
    const client = bench.send();
    bench.clock.advance(25);
    return { bench, before, client };
  }

  test('a slow first attempt gets a second beside it, and whoever answers first goes on', () => {
    const bench = warm(3);
    const before = bench.calls.length;
    const client = bench.send();
    // Twice the median, which is more than the p95 where all take as long.
    bench.clock.advance(19);
    assert.equal(bench.calls.length, before + 1);
    bench.clock.advance(6);
    const [first, second] = bench.calls.slice(before);
    assert.notEqual(first?.key, second?.key);
    second?.answer(200, [], 'from the second');
    assert.equal(first?.cancelled, true);
    assert.deepEqual([client.status, client.content], [200, 'from the second']);
    assert.deepEqual([bench.reports.at(-1)?.attempts, bench.reports.at(-1)?.hedges], [2, 1]);
  });

  test('a second attempt that is not needed ends, and one that fails is forgotten', () => {
    const { bench, before, client } = hedged();
    const [first, second] = bench.calls.slice(before);
    first?.answer(200, [], 'after all');
    assert.equal(second?.cancelled, true);
    assert.equal(client.content, 'after all');
    const other = bench.send();
    bench.clock.advance(25);
    last(bench).answer(500);
    assert.equal(other.status, undefined);
    bench.calls.at(-2)?.answer(200);
    assert.equal(other.status, 200);
  });

  test('a first attempt that fails leaves the request to the second, without another', () => {
    const { bench, before, client } = hedged();
    const [first, second] = bench.calls.slice(before);
    first?.fail(reset());
    assert.equal(bench.calls.length, before + 2);
    second?.answer(204);
    assert.equal(client.status, 204);
  });

  test('a second attempt that goes on alone has no more time than the first had', () => {
    const settings = {
      timeout: { ...timeout, attemptMs: 45 },
      retry: { ...retry, attemptsMax: 2 },
    };
    const { bench, client } = hedged(settings);
    // The first began 25 ms ago, the second not before 20 ms had passed.
    bench.clock.advance(21);
    assert.equal(client.status, undefined);
    bench.clock.advance(25);
    assert.equal(client.status, 504);
  });

  test('what a far gateway tried for the second counts, and that it is overloaded is heeded', () => {
    const { bench, before, client } = hedged();
    const [first, second] = bench.calls.slice(before);
    second?.fail(new AttemptError('OVERLOADED', 'full', { neverSent: true, attempts: 2 }));
    const service = bench.balancer.service(balanceKey(TARGET));
    assert.ok(service);
    const pods = describeService(service, bench.clock.monotonicMs()).local;
    const left = pods.filter(({ penalisedForMs }) => penalisedForMs !== null);
    assert.deepEqual(
      left.map(({ endpoint }) => endpoint),
      [second?.key],
    );
    first?.fail(reset());
    assert.equal(bench.calls.length, before + 2);
    assert.deepEqual([client.status, bench.reports.at(-1)?.attempts], [502, 3]);
  });

  test('where the second falls silent as well the first is given up for a third, and nobody is asked twice', () => {
    const { bench, before, client } = hedged();
    bench.clock.advance(50);
    const [first, second, third] = bench.calls.slice(before);
    assert.equal(new Set([first?.key, second?.key, third?.key]).size, 3);
    assert.deepEqual([first?.cancelled, second?.cancelled], [true, false]);
    bench.clock.advance(5_000);
    assert.equal(bench.calls.length, before + 3);
    third?.answer(200, [], 'from the third');
    assert.equal(second?.cancelled, true);
    assert.equal(client.content, 'from the third');
    assert.deepEqual([bench.reports.at(-1)?.attempts, bench.reports.at(-1)?.hedges], [3, 2]);
  });

  test('a slow request keeps its two attempts as long as its pods answer others', () => {
    const { bench, before, client } = hedged();
    const slow = bench.calls.slice(before);
    assert.equal(slow.length, 2);
    for (let at = 0; at < 100; at += 1) {
      const others = Array.from({ length: 12 }, () => {
        bench.send();
        return last(bench);
      });
      bench.clock.advance(10);
      for (const other of others) other.answer(200);
    }
    assert.deepEqual(
      slow.map(({ cancelled }) => cancelled),
      [false, false],
    );
    slow[0]?.answer(200, [], 'after all');
    assert.equal(client.content, 'after all');
  });

  test('a request without a second attempt, for the hedge budget had none left, gets one when its pod is silent', () => {
    const bench = warm(3, { hedge: { budgetShare: 1e-4 } });
    const before = bench.calls.length;
    const client = bench.send();
    bench.clock.advance(25);
    assert.equal(bench.calls.length, before + 1);
    bench.clock.advance(50);
    assert.equal(bench.calls.length, before + 2);
    last(bench).answer(200, [], 'from the second');
    assert.equal(client.content, 'from the second');
  });

  test('a client that leaves ends both', () => {
    const bench = warm(3);
    const client = bench.send();
    bench.clock.advance(25);
    client.listener.onGone();
    assert.deepEqual([bench.calls.at(-1)?.cancelled, bench.calls.at(-2)?.cancelled], [true, true]);
  });

  test('only requests that are safe and have no content are hedged, and only where there is a second pod', () => {
    const bench = warm(3);
    const before = bench.calls.length;
    bench.send({ method: 'DELETE' });
    bench.send({ method: 'POST', headers: ['idempotency-key', '1'] });
    bench.clock.advance(100);
    assert.equal(bench.calls.length, before + 2);
    const lone = warm(1);
    const alone = lone.calls.length;
    lone.send();
    lone.clock.advance(100);
    assert.equal(lone.calls.length, alone + 1);
  });

  /** Sends requests until one tries the pod out that was ejected; how many were asked within 50 ms of that. */
  function askedWhenTriedOut(bench: Bench): number {
    const { ejection } = TRAFFIC_DEFAULTS;
    bench.configure({ ...bench.change, ejection: { ...ejection, consecutiveFailures: 1 } });
    bench.send({ method: 'POST' });
    const bad = last(bench);
    bad.answer(500);
    for (let at = 0; at < 500; at += 1) {
      const from = bench.calls.length;
      const client = bench.send();
      if (last(bench).key === bad.key) {
        bench.clock.advance(50);
        const asked = bench.calls.length - from;
        last(bench).answer(200);
        assert.equal(client.status, 200);
        return asked;
      }
      last(bench).answer(200);
      bench.clock.advance(10);
    }
    throw new Error('the pod was never tried out');
  }

  test('a request that tries an ejected pod out is hedged, though one pod alone is left', () => {
    assert.equal(askedWhenTriedOut(warm(2)), 2);
  });

  test('a request that tries a pod out is hedged though the hedge budget has nothing left, unless hedges are off', () => {
    assert.equal(askedWhenTriedOut(warm(2, { hedge: { budgetShare: 1e-4 } })), 2);
    assert.equal(askedWhenTriedOut(warm(2, { hedge: { budgetShare: 0 } })), 1);
  });

  test('hedges keep to a twentieth of the requests when everything is slow', () => {
    const bench = warm(3);
    const before = bench.calls.length;
    for (let at = 0; at < 400; at += 1) {
      const from = bench.calls.length;
      bench.send();
      bench.clock.advance(50);
      for (const call of bench.calls.slice(from)) if (!call.cancelled) call.answer(200);
    }
    const hedges = bench.calls.length - before - 400;
    assert.ok(hedges > 0 && hedges <= 45, `${hedges} hedges of 400 requests`);
  });
});

describe('whoever says when to come back', () => {
  test('a pod is left alone as long as it says, and its 429 is passed on', () => {
    const bench = serviceOf(3);
    const client = bench.send();
    const busy = last(bench).key;
    last(bench).answer(429, ['retry-after', '5']);
    assert.equal(client.status, 429);
    for (let at = 0; at < 50; at += 1) {
      bench.send();
      assert.notEqual(last(bench).key, busy);
      last(bench).answer(200);
      bench.clock.advance(50);
    }
  });

  test('a client that is asked to slow down (429) leaves more than half of the pods to the others', () => {
    const bench = serviceOf(5);
    for (let at = 0; at < 50; at += 1) {
      bench.send();
      last(bench).answer(429, ['retry-after', '60']);
      bench.clock.advance(20);
    }
    const service = bench.balancer.service(balanceKey(TARGET));
    assert.ok(service);
    const { local } = describeService(service, bench.clock.monotonicMs());
    assert.equal(local.filter(({ penalisedForMs }) => penalisedForMs !== null).length, 2);
    assert.equal(service.localShare(0) > 0.8, true, `${service.localShare(0)}`);
  });

  test('pods that are overloaded (503) are all left alone, however many', () => {
    const bench = serviceOf(2);
    for (let at = 0; at < 2; at += 1) {
      bench.send({ method: 'POST' });
      last(bench).answer(503, ['retry-after', '60']);
    }
    const service = bench.balancer.service(balanceKey(TARGET));
    assert.ok(service);
    const { local } = describeService(service, bench.clock.monotonicMs());
    assert.equal(local.filter(({ penalisedForMs }) => penalisedForMs !== null).length, 2);
  });

  test('where there is nobody else it is asked all the same', () => {
    const bench = serviceOf(1);
    const client = bench.send();
    last(bench).answer(429, ['retry-after', '5']);
    assert.equal(client.status, 429);
    const next = bench.send();
    last(bench).answer(200);
    assert.equal(next.status, 200);
  });
});
